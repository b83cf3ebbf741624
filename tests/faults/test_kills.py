"""A few of the kills of ``python -m tests.faults``, and a database server that is restarted meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from .__main__ import run


@pytest.mark.parametrize("name", ["kills.journal", "kills.db"])
def test_nothing_is_lost_when_drivers_and_workers_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    findings = run(name, tmp_path, kills=8)
    assert findings.clean, findings
    assert findings.acknowledged > 20
    assert findings.complete >= findings.acknowledged
