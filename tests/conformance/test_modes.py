"""The conformance suite in the other two modes, each in a process of its own, since a process has one IR."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sanas_spaces.testing import mode_environment


@pytest.mark.parametrize("mode", ["legacy", "dygraph"])
def test_conformance_in_mode(mode: str, request: pytest.FixtureRequest) -> None:
    suite = Path(__file__).with_name("test_spaces.py")
    slow = ["--slow"] if request.config.getoption("--slow") else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *slow, str(suite)],
        env={**os.environ, **mode_environment(mode)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
