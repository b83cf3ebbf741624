"""The tests that depend on the mode in the other two modes, each in a process of its own: a process has one IR."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sanas_spaces.testing import mode_environment

TESTS = Path(__file__).parents[1]
RUNS = [
    ("legacy", "conformance/test_spaces.py"),
    ("legacy", "conformance/test_own_spaces.py"),
    ("legacy", "test_arch.py"),
    ("dygraph", "conformance/test_spaces.py"),
    ("dygraph", "conformance/test_own_spaces.py"),
]


@pytest.mark.parametrize(("mode", "file"), RUNS)
def test_in_mode(mode: str, file: str, request: pytest.FixtureRequest) -> None:
    slow = ["--slow"] if request.config.getoption("--slow") else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *slow, str(TESTS / file)],
        env={**os.environ, **mode_environment(mode)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
