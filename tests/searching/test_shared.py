"""Searches that several processes share."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from sanas_spaces import CombinedSpace, search
from sanas_spaces.errors import ConfigError, RecordError, RewardError
from sanas_spaces.searching import Constraints
from sanas_spaces.searching.engine import Engine
from sanas_spaces.searching.leases import Worker
from sanas_spaces.searching.opening import open_engine
from sanas_spaces.searching.places import place_of
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]
STORAGES = ["shared.journal", "shared.db", "sqlite:///deep/down/shared.sqlite3"]

WORKER = """
import sys, time
from sanas_spaces import search
from tests.searching.conftest import reward_of

def evaluate(candidate):
    time.sleep(0.02)
    return reward_of(candidate.tokens)

search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], evaluate, steps=int(sys.argv[2]), storage=sys.argv[1], seed=4,
       algorithm="random", lease=5)
"""


def worker(storage: str, folder: Path, steps: int) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    return subprocess.Popen([sys.executable, "-c", WORKER, storage, str(steps)], cwd=folder, env=environment)


def engine(storage: str | Path, **options: Any) -> Engine:
    return open_engine(
        CombinedSpace(SPACE),
        name="search",
        save_to=None,
        load_from=None,
        init_tokens=None,
        default_algorithm="random",
        seed=options.pop("seed", None),
        constraints=Constraints(None),
        input_shape=None,
        place=place_of(storage, "sanas"),
        **options,
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("storage", STORAGES)
def test_processes_that_start_together_share_one_search(here: Path, storage: str) -> None:
    processes = [worker(storage, here, 40) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0, 0, 0, 0]
    result = search(SPACE, lambda candidate: 0.0, steps=40, storage=storage)
    rows = result.history
    assert len(rows) == len({row["hash"] for row in rows}) == 40
    assert all(row["reward"] == pytest.approx(reward_of(row["tokens"])) for row in rows)
    owners = [entry.attrs["owner"] for entry in result.engine.record.entries]
    assert len(set(owners)) >= 2


@pytest.mark.parametrize("storage", STORAGES[:2])
def test_a_candidate_whose_process_was_killed_is_handed_out_again(here: Path, storage: str) -> None:
    script = WORKER.replace("time.sleep(0.02)", "open('evaluating', 'w').close(); time.sleep(100)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    process = subprocess.Popen([sys.executable, "-c", script, storage, "9"], env=environment)
    deadline = time.monotonic() + 60
    while not (here / "evaluating").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    mine = engine(storage)
    first = mine.take()
    assert first is not None
    assert first.number == 1  # number 0 is being evaluated
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = mine.take()
    assert again is not None
    assert again.number == 0
    new = mine.take()
    assert new is not None
    assert new.number == 2


def test_the_first_result_of_a_candidate_counts(here: Path) -> None:
    slow, quick = engine("a.journal", lease=0.5), engine("a.journal", lease=0.5)
    candidate = slow.take()
    assert candidate is not None
    slow.close()  # as if it hung: nobody hears of it any more
    deadline = time.monotonic() + 20
    again = quick.take(1)
    while again is None and time.monotonic() < deadline:
        time.sleep(0.1)
        again = quick.take(1)
    assert again is not None
    assert (again.number, again.tokens) == (candidate.number, candidate.tokens)
    slow.tell(candidate, 3.0)
    quick.tell(again, 4.0)
    for one in (slow, quick, engine("a.journal")):
        assert [entry.reward for entry in one.record.entries] == [3.0]
        assert one.finished == 1
        assert one.best_entry is not None
    following = quick.take()
    assert following is not None
    quick.fail(following, "no memory")
    assert slow.take() is not None
    assert slow.record.entries[1].attrs["reason"] == "no memory"


@pytest.mark.parametrize("end", ["tell", "fail", "prune"])
def test_a_late_result_is_no_error_and_not_recorded(here: Path, end: str) -> None:
    slow, quick = engine("a.journal", lease=0.5), engine("a.journal", lease=0.5)
    candidate = slow.take()
    assert candidate is not None
    slow.close()
    deadline = time.monotonic() + 20
    while (again := quick.take(1)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert again is not None
    quick.tell(again, 4.0)
    assert slow.take() is not None  # and so hears of it
    candidate.report(1.0, 1)
    results = {"tell": [candidate, 3.0], "fail": [candidate, "too late"], "prune": [candidate]}
    getattr(slow, end)(*results[end])
    assert candidate.reward == 4.0
    assert [entry.reward for entry in engine("a.journal").record.entries] == [4.0, None]
    with pytest.raises(RewardError, match="candidate 0 has its result already"):
        slow.tell(candidate, 3.0)
    with pytest.raises(RewardError, match="candidate 0 has its result already"):
        quick.tell(again, 4.0)


def test_nobody_is_gone_because_the_record_was_away(here: Path) -> None:
    first, second = engine("a.db", lease=0.8), engine("a.db", lease=0.8)
    candidate = first.take()
    assert candidate is not None
    owner = (
        candidate.entry.attrs["owner"].replace(f"/{os.getpid()}/", "/1/", 1).replace(socket.gethostname(), "there", 1)
    )
    key = f"sanas:worker:{owner}"
    study = second.record.study
    study.set_user_attr(key, 1)
    assert not second.worker.is_gone(owner)
    with sqlite3.connect("a.db") as connection:
        connection.execute("ALTER TABLE study_user_attributes RENAME TO away")
    time.sleep(1.5)
    with sqlite3.connect("a.db") as connection:
        connection.execute("ALTER TABLE away RENAME TO study_user_attributes")
    assert not second.worker.is_gone(owner)
    time.sleep(1.5)
    assert second.worker.is_gone(owner)


def test_a_worker_is_gone_when_it_was_silent_for_its_lease_whatever_the_clocks_say() -> None:
    study = optuna.create_study()
    other = "another-machine/17/4711/abcdef01"
    me = Worker(study, lease=60)
    now = 1000.0
    key = f"sanas:worker:{other}"
    study.set_user_attr(key, 0)
    assert not me.is_gone(other, clock=lambda: now)
    assert not me.is_gone(other, clock=lambda: now + 59)
    study.set_user_attr(key, 1)
    assert not me.is_gone(other, clock=lambda: now + 61)
    assert not me.is_gone(other, clock=lambda: now + 120)
    assert me.is_gone(other, clock=lambda: now + 122)
    silent = "another-machine/17/4711/00000000"  # never said that it is there
    assert not me.is_gone(silent, clock=lambda: now)
    assert me.is_gone(silent, clock=lambda: now + 61)
    assert not me.is_gone(me.name)
    assert me.is_gone(None)


def test_a_process_of_this_machine_that_ended_is_gone_at_once() -> None:
    code = "import optuna\nfrom sanas_spaces.searching.leases import Worker\n"
    code += "print(Worker(optuna.create_study()).name, flush=True)\ninput()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    me = Worker(optuna.create_study())
    assert not me.is_gone(name)
    process.kill()
    process.wait()
    assert me.is_gone(name)


def test_another_search_in_the_same_place_is_refused(here: Path) -> None:
    engine("a.db", seed=3)
    with pytest.raises(RecordError, match=r"sqlite:///a.db is the record of another search: seed was 3, and is 4 now"):
        engine("a.db", seed=4)
    first = search(SPACE, lambda c: 1.0, steps=2, storage="a.db", study="one", seed=1)
    second = search(SPACE, lambda c: 2.0, steps=2, storage="a.db", study="two", seed=1)
    assert first.columns["reward"] == [1.0, 1.0]
    assert second.columns["reward"] == [2.0, 2.0]


def test_a_search_in_a_storage_is_that_in_a_folder(here: Path) -> None:
    def evaluate(candidate: Any) -> float:
        return reward_of(candidate.tokens)

    expected = search(SPACE, evaluate, steps=12, seed=2, folder="run").columns["tokens"]
    for storage in STORAGES:
        search(SPACE, evaluate, steps=5, seed=2, storage=storage)
        assert search(SPACE, evaluate, steps=12, storage=storage).columns["tokens"] == expected


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("oracle://here/there", "expected sqlite://, postgresql:// or mysql://"),
        ("://", "Could not parse"),
    ],
)
def test_storages_that_cannot_be_are_named(storage: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        search(SPACE, lambda c: 1.0, storage=storage)
    with pytest.raises(ConfigError, match="in a folder or in a storage"):
        search(SPACE, lambda c: 1.0, storage="a.db", folder="run")


def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(RecordError) as caught:
        search(SPACE, lambda c: 1.0, storage="postgresql+psycopg://me:secret@localhost:1/none")
    assert "me:***@localhost:1/none cannot be opened" in str(caught.value)
    assert "secret" not in str(caught.value)
