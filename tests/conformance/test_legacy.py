"""The tests that depend on the mode, in the legacy IR and a process of its own: a process has one IR."""

from __future__ import annotations

import pytest

from ..again import run_whole


@pytest.mark.parametrize("file", ["conformance/test_spaces.py", "conformance/test_own_spaces.py", "test_arch.py"])
def test_in_the_legacy_ir(file: str, request: pytest.FixtureRequest) -> None:
    run_whole("legacy", file, request)
