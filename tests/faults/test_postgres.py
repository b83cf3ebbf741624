"""A record in PostgreSQL, whose server is restarted in the middle of a search."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import postgres
from .__main__ import run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[postgres.PostgreSQL]:
    programs = postgres.find()
    if programs is None:
        assert not os.environ.get("CI"), "PostgreSQL is not installed: apt-get install postgresql"
        pytest.skip("PostgreSQL is not installed")
    server = postgres.PostgreSQL(programs, tmp_path)
    yield server
    server.stop()


def test_nothing_is_lost_when_the_server_is_restarted(tmp_path: Path, server: postgres.PostgreSQL) -> None:
    def between(number: int) -> None:
        if number in (2, 4):
            server.restart_after(1.0)

    findings = run(server.url, tmp_path, kills=6, drivers=4, between=between)
    assert findings.clean, findings
    assert findings.acknowledged > 20
    assert findings.complete >= findings.acknowledged
