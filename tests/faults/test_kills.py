"""A few of the kills of ``python -m tests.faults``."""

from __future__ import annotations

from pathlib import Path

import pytest

from .__main__ import run


@pytest.mark.parametrize("name", ["kills.journal", "kills.db"])
def test_nothing_is_lost_when_drivers_and_workers_are_killed(tmp_path: Path, name: str) -> None:
    findings = run(str(tmp_path / name), tmp_path, kills=6)
    assert findings.clean, findings
    assert findings.acknowledged > 0
    assert findings.complete >= findings.acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kills.journal", "kills.db"])
def test_nothing_is_lost_in_200_kills(tmp_path: Path, name: str) -> None:
    findings = run(str(tmp_path / name), tmp_path, kills=200)
    assert findings.clean, findings
    assert findings.acknowledged > 100
