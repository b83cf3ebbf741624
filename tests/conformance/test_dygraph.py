"""The tests that depend on the mode, in dynamic mode and a process of its own; a file of its own runs beside others."""

from __future__ import annotations

import pytest

from ..again import BUILT, run_whole


@pytest.mark.parametrize(
    ("file", "quick"),
    [
        ("conformance/test_spaces.py", BUILT),
        ("conformance/test_own_spaces.py", ""),
    ],
)
def test_in_dygraph(file: str, quick: str, request: pytest.FixtureRequest) -> None:
    run_whole("dygraph", file, request, quick)
