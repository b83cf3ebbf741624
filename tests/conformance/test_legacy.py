"""The tests that depend on the mode, in the legacy IR and a process of its own: a process has one IR."""

from __future__ import annotations

import pytest

from ..again import BUILT, run_whole


@pytest.mark.parametrize(
    ("file", "quick"),
    [
        # the published scripts train DARTS in the legacy IR, where Paddle takes a minute to begin
        ("conformance/test_spaces.py", f"{BUILT} and not (Darts and trains)"),
        ("conformance/test_own_spaces.py", ""),
        ("test_arch.py", "not with_a_mask_to_feed"),
    ],
)
def test_in_the_legacy_ir(file: str, quick: str, request: pytest.FixtureRequest) -> None:
    run_whole("legacy", file, request, quick)
