"""A record in PostgreSQL, whose server is restarted in the middle of a search."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from sanas_spaces import SANAS, search
from sanas_spaces.searching.databases import Database
from sanas_spaces.searching.engine import PROPOSED_TWICE

from . import postgres
from .__main__ import SPACE, read, run


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgreSQL]:
    if postgres.find() is None:
        assert not os.environ.get("CI"), "PostgreSQL is not installed: apt-get install postgresql"
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres.server() as running:
        yield running


def test_nothing_is_lost_when_processes_are_killed_and_the_server_is_restarted(
    tmp_path: Path, server: postgres.PostgreSQL
) -> None:
    restarted = 0

    def restart() -> None:
        nonlocal restarted
        server.restart_after(0.5)
        restarted += 1

    findings = run(server.database("few"), tmp_path, kills=2, workers=8, restarts=1, restart=restart)
    assert findings.clean, findings
    assert restarted == 1
    assert findings.acknowledged > 0
    assert findings.complete >= findings.acknowledged


@pytest.mark.slow
def test_nothing_is_lost_in_200_kills_and_ten_restarts(tmp_path: Path, server: postgres.PostgreSQL) -> None:
    findings = run(
        server.database("many"),
        tmp_path,
        kills=200,
        workers=8,
        restarts=10,
        restart=lambda: server.restart_after(1.0),
    )
    assert findings.clean, findings


def test_a_search_goes_on_when_its_server_comes_back(server: postgres.PostgreSQL) -> None:
    """The server is gone while a candidate is proposed, evaluated, and recorded."""
    thread: threading.Thread | None = None

    def evaluate(candidate: object) -> float:
        nonlocal thread
        if candidate.number == 2:  # type: ignore[attr-defined]
            server.stop()
            thread = threading.Thread(target=server.start)
            thread.start()
        return float(candidate.number)  # type: ignore[attr-defined]

    arguments = {
        "steps": 6,
        "storage": server.database("restarted"),
        "study": "another name",
        "seed": 3,
        "algorithm": "random",
    }
    result = search(SPACE, evaluate, **arguments)
    assert thread is not None
    thread.join()
    assert result.columns["reward"] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    again = search(SPACE, evaluate, **arguments)
    assert again.history == result.history


def test_a_restarted_server_has_forgotten_who_may_propose(server: postgres.PostgreSQL) -> None:
    place = Database(server.database("locks"), "sanas")
    with place.exclusive():
        assert place.holds_lock
        server.restart_after(0.0)
        assert not place.holds_lock
    with place.exclusive():
        assert place.holds_lock


def test_who_lost_the_lock_while_writing_gives_a_network_up_that_another_has(
    server: postgres.PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.database("stalled")
    first = SANAS(SPACE, save_checkpoint=url, seed=1)
    second = SANAS(SPACE, save_checkpoint=url, load_checkpoint=url)
    look = Database.holds_lock.fget
    assert look is not None

    def held_until_now(place: Database) -> bool:
        """Its holder finds that it has the lock, and stalls until the other one has proposed."""
        held = bool(look(place))
        monkeypatch.undo()
        server.restart_after(0.0)
        second.next_archs()
        return held

    monkeypatch.setattr(Database, "holds_lock", property(held_until_now))
    first.next_archs()
    theirs, mine = read(url).entries[0], read(url).entries[2]
    assert second.current_info()["current_tokens"] == list(theirs.tokens)
    assert first.current_info()["current_tokens"] == list(mine.tokens) != list(theirs.tokens)
    given_up = read(url).entries[1]
    assert (given_up.tokens, given_up.state, given_up.attrs["reason"]) == (
        theirs.tokens,
        TrialState.FAIL,
        PROPOSED_TWICE,
    )


def test_sanas_keeps_its_checkpoint_there(server: postgres.PostgreSQL) -> None:
    url = server.database("checkpoint")
    first = SANAS(SPACE, save_checkpoint=url, seed=1)
    second = SANAS(SPACE, save_checkpoint=url, load_checkpoint=url)
    tokens = []
    for sanas in (first, second, first, second):
        sanas.next_archs()
        tokens.append(sanas.current_info()["current_tokens"])
        sanas.reward(float(len(tokens)))
    assert len({tuple(one) for one in tokens}) == 4
    third = SANAS(SPACE, save_checkpoint=None, load_checkpoint=url)
    assert third.current_info()["best_tokens"] == tokens[-1]
