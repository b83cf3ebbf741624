"""The tests that depend on the mode in the other two modes, each in a process of its own: a process has one IR."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..again import run_in

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
    assert "skipped" not in run_in(mode, str(TESTS / file), *slow)
