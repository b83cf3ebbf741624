"""The tests that depend on the mode, in the legacy IR and a process of its own: a process has one IR."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..again import run_in

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("file", ["conformance/test_spaces.py", "conformance/test_own_spaces.py", "test_arch.py"])
def test_in_the_legacy_ir(file: str, request: pytest.FixtureRequest) -> None:
    slow = ["--slow"] if request.config.getoption("--slow") else []
    assert "skipped" not in run_in("legacy", str(TESTS / file), *slow)
