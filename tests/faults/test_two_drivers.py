"""Several drivers on one run folder, which is for one of them, and on one storage, which is for all."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from sanas_spaces import SANAS, search
from sanas_spaces.errors import RecordError
from tests.searching.conftest import reward_of

from .scripts import output, start

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]
DRIVER = """
import sys, time
from sanas_spaces import search
from sanas_spaces.errors import RecordError
from tests.searching.conftest import reward_of

def evaluate(candidate):
    print("evaluating", candidate.number, flush=True)
    if len(sys.argv) > 1 and candidate.number == int(sys.argv[1]):
        sys.stdin.readline()
    return reward_of(candidate.tokens)

try:
    search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], evaluate, steps=4, seed=1, algorithm="random", folder="run")
except RecordError as error:
    print("refused:", error, flush=True)
"""
SHARED = """
import os, sys
from sanas_spaces import search

def evaluate(candidate):
    print("evaluating", candidate.number, flush=True)
    if candidate.number == 0 and sys.argv[1] == "slow":
        sys.stdin.readline()
    return float(sys.argv[2])

search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], evaluate, steps=2, seed=1, algorithm="random", lease=1.0,
       storage="shared.journal", callbacks=[lambda result, candidate: print("told", candidate.reward, flush=True)])
"""


def test_a_folder_in_use_is_refused_and_free_again_after_a_kill(tmp_path: Path) -> None:
    driver = start(DRIVER, tmp_path, "2")
    assert driver.stdout is not None
    while driver.stdout.readline() != "evaluating 2\n":
        assert driver.poll() is None
    message = (
        rf"run is in use: process {driver.pid} runs a search there; end it, choose another folder, or give storage="
    )
    for resume in (False, True):
        with pytest.raises(RecordError, match=message):
            search(SPACE, lambda candidate: 0.0, steps=4, folder=tmp_path / "run", resume=resume)
    assert [path.name for path in (tmp_path / "run").glob("*.journal")] == ["search.journal"]
    driver.kill()
    driver.communicate()
    resumed = search(SPACE, lambda candidate: 0.25, steps=4, folder=tmp_path / "run", resume=True)
    assert resumed.columns["reward"][2:] == [0.25, 0.25]
    assert len(set(resumed.columns["hash"])) == 4


def test_of_drivers_that_start_together_one_gets_the_folder(tmp_path: Path) -> None:
    drivers = [start(DRIVER, tmp_path, "3") for _ in range(3)]
    deadline = time.monotonic() + 120
    while sum(driver.poll() is not None for driver in drivers) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    winners = [driver for driver in drivers if driver.poll() is None]
    assert len(winners) == 1
    winner = winners[0]
    for driver in drivers:
        if driver is not winner:
            (line,) = output(driver)
            assert line.startswith(f"refused: run is in use: process {winner.pid} runs a search there")
    out, errors = winner.communicate("go on\n", timeout=120)
    assert out.splitlines() == [f"evaluating {number}" for number in range(4)], errors
    assert [path.name for path in (tmp_path / "run").glob("*.journal")] == ["search.journal"]


def test_one_process_may_have_several_searches_in_a_folder(tmp_path: Path) -> None:
    first = SANAS(SPACE, save_checkpoint=tmp_path, seed=1)
    first.next_archs()
    first.reward(1.0)
    second = SANAS(SPACE, save_checkpoint=tmp_path, load_checkpoint=tmp_path)
    assert second.current_info()["best_reward"] == 1.0
    SANAS(SPACE, save_checkpoint=tmp_path)
    assert len(list(tmp_path.glob("*.journal"))) == 2


@pytest.mark.parametrize("late", [True, False], ids=["late", "in time"])
def test_a_worker_that_hung_is_heard_once(tmp_path: Path, late: bool) -> None:
    slow = start(SHARED, tmp_path, "slow", "1.0")
    assert slow.stdout is not None
    assert slow.stdout.readline() == "evaluating 0\n"
    slow.send_signal(signal.SIGSTOP)  # it says nothing any more, and its candidate is handed out again
    quick = start(SHARED, tmp_path, "quick" if late else "slow", "2.0")
    assert quick.stdout is not None
    lines = {quick.stdout.readline(), quick.stdout.readline()}
    if not late:
        assert lines == {"evaluating 1\n", "told 2.0\n"}
        assert quick.stdout.readline() == "evaluating 0\n"
        slow.send_signal(signal.SIGCONT)
        out, errors = slow.communicate("go on\n", timeout=120)
        assert out.splitlines()[0] == "told 1.0", errors
        out, errors = quick.communicate("go on\n", timeout=120)
        assert out.splitlines() == ["told 1.0"], "the reward that came first counts"
    else:
        out, errors = quick.communicate(timeout=120)
        assert quick.returncode == 0, errors
        slow.send_signal(signal.SIGCONT)
        out, errors = slow.communicate("go on\n", timeout=120)
        assert out.splitlines() == ["told 2.0"], errors
    assert slow.returncode == quick.returncode == 0
    rewards = search(SPACE, lambda candidate: 0.0, steps=2, storage=tmp_path / "shared.journal").columns["reward"]
    assert rewards == ([2.0, 2.0] if late else [1.0, 2.0])


def test_a_search_in_a_folder_is_one_in_a_storage(tmp_path: Path) -> None:
    folder = search(SPACE, lambda c: reward_of(c.tokens), steps=4, seed=1, folder=tmp_path / "run").history
    journal = tmp_path / "run" / "search.journal"
    assert search(SPACE, lambda candidate: 0.0, steps=4, storage=journal).history == folder
