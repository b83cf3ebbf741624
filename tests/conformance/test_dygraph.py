"""The tests that depend on the mode, in dynamic mode and a process of its own; a file of its own runs beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..again import run_in

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("file", ["conformance/test_spaces.py", "conformance/test_own_spaces.py"])
def test_in_dygraph(file: str, request: pytest.FixtureRequest) -> None:
    slow = ["--slow"] if request.config.getoption("--slow") else []
    assert "skipped" not in run_in("dygraph", str(TESTS / file), *slow)
