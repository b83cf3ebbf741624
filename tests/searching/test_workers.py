"""Candidates that are evaluated in other processes, and what can happen to them there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest

from sanas_spaces import Candidate, SearchResult, search
from sanas_spaces.errors import CandidatePruned, ConfigError, EvaluationError
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]


def evaluate(candidate: Candidate) -> float:
    return reward_of(candidate.tokens)


def check(result: SearchResult, steps: int) -> None:
    """Every candidate is there once, with the reward that is its own."""
    rows = result.history
    assert len(rows) == len({row["hash"] for row in rows}) == steps
    assert all(row["reward"] == pytest.approx(reward_of(row["tokens"])) for row in rows)


def test_two_workers_evaluate_what_the_search_proposes() -> None:
    def in_a_process(candidate: Candidate) -> dict[str, Any]:
        time.sleep(0.05)
        return {"score": reward_of(candidate.tokens), "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}

    result = search(SPACE, in_a_process, steps=16, seed=0, workers=2, objectives={"score": "max"})
    assert len({row["hash"] for row in result.history}) == 16
    assert all(row["score"] == pytest.approx(reward_of(row["tokens"])) for row in result.history)
    pids = set(result.columns["pid"])
    assert len(pids) == 2
    assert os.getpid() not in pids
    cores = len(os.sched_getaffinity(0))
    assert set(result.columns["threads"]) == {str(max(1, cores // 2))}
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_one_candidate_at_a_time_in_a_process_is_the_search_in_this_one() -> None:
    here = search(SPACE, evaluate, steps=12, seed=5)
    there = search(SPACE, evaluate, steps=12, seed=5, time_limit=60)
    assert here.history == there.history


def _hang(number: int) -> None:
    time.sleep(600)


def _hoard(number: int) -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20) * 32))
        time.sleep(0.01)


def _raise(number: int) -> None:
    raise KeyError("block_7")


@pytest.mark.parametrize(
    ("mishap", "reason"),
    [
        (lambda number: os._exit(3), "its process ended with exit code 3"),
        (lambda number: os.kill(os.getpid(), signal.SIGSEGV), "its process was ended by SIGSEGV"),
        (
            lambda number: os.kill(os.getpid(), signal.SIGKILL),
            "was ended by SIGKILL, perhaps because memory",
        ),
        (_hang, "it took longer than 3 s and was ended"),
        (_hoard, "GB of memory, more than 1 GB, and was ended"),
        (_raise, "KeyError: 'block_7'"),
        (lambda number: float("nan"), "RewardError: reward = nan"),
        (lambda number: threading.Lock(), "TypeError: cannot pickle"),
    ],
    ids=["exit", "segfault", "killed", "hangs", "memory", "raises", "nan", "not-picklable"],
)
def test_what_happens_to_one_candidate_does_not_touch_the_others(mishap: Any, reason: str) -> None:
    def sometimes(candidate: Candidate) -> Any:
        return mishap(candidate.number) if candidate.number == 1 else reward_of(candidate.tokens)

    time_limit = 3 if mishap is _hang else 120
    result = search(SPACE, sometimes, steps=5, seed=0, workers=2, time_limit=time_limit, memory_limit=1e9)
    assert result.columns["state"] == ["complete", "fail", "complete", "complete", "complete"]
    assert reason in result.history[1]["reason"]
    if "KeyError" in reason:
        assert "_raise" in result.engine.record.entries[1].attrs["traceback"]


def test_if_no_process_can_evaluate_the_search_ends() -> None:
    with pytest.raises(EvaluationError, match="first 3 candidates all failed, the last with its process ended"):
        search(SPACE, lambda candidate: os._exit(1), steps=20, workers=2)


def test_candidates_in_processes_can_be_stopped_early() -> None:
    def in_epochs(candidate: Candidate) -> float:
        for epoch in range(1, 4):
            candidate.report(reward_of(candidate.tokens) - 1 / epoch, epoch)
            if candidate.should_prune():
                raise CandidatePruned
        return reward_of(candidate.tokens)

    def report_nothing(candidate: Candidate) -> float:
        candidate.report(float("nan"), 1)
        return 1.0

    arguments: dict[str, Any] = {"steps": 16, "seed": 0, "pruner": "median", "algorithm": "random"}
    result = search(SPACE, in_epochs, workers=2, **arguments)
    states = result.columns["state"]
    assert 1 <= states.count("pruned") < 16 == states.count("pruned") + states.count("complete")
    assert all(set(row["scores"]) <= {1, 2, 3} for row in result.history)
    with pytest.raises(EvaluationError, match="RewardError: score = nan"):
        search(SPACE, report_nothing, workers=2, **arguments)


def test_rounds_with_workers_are_the_rounds_without() -> None:
    def trained(candidate: Candidate) -> float:
        assert candidate.budget is not None
        time.sleep(0.002 * (candidate.number % 3))
        return reward_of(candidate.tokens) - 1 / candidate.budget

    arguments: dict[str, Any] = {"steps": 18, "seed": 1, "budgets": [1, 3, 9], "algorithm": "random"}
    assert search(SPACE, trained, workers=3, **arguments).history == search(SPACE, trained, **arguments).history


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_of_others(kind: Any) -> None:
    options = {"mp_context": get_context("spawn")} if kind is ProcessPoolExecutor else {}
    executor: Executor
    with kind(2, **options) as executor:
        check(search(SPACE, evaluate, steps=14, seed=0, executor=executor, workers=2), 14)


def test_a_script_needs_no_guard_and_can_have_its_own_space(tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_text(
        """
from sanas_spaces import SEARCHSPACE, SearchSpaceBase, ops, search

@SEARCHSPACE.register
class OwnSpace(SearchSpaceBase):
    def init_tokens(self):
        return [0, 0]

    def range_table(self):
        return [4, 3]

    def token2arch(self, tokens=None):
        return lambda x: ops.conv_bn(x, 4 + tokens[0], 1 + 2 * tokens[1], name="own")

def evaluate(candidate):
    print("evaluating", candidate.number)
    return float(candidate.cost.flops)

result = search(["OwnSpace"], evaluate, steps=6, seed=0, workers=2, input_shape=(3, 8, 8))
assert all(row["reward"] == row["flops"] for row in result.history)
print(len(result.history), "rows")
"""
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6 rows\n"
    assert done.stderr.count("evaluating") == 6


DRIVER = """
import os, sys, time
from pathlib import Path
from sanas_spaces import search

def evaluate(candidate):
    Path("pids", str(os.getpid())).touch()
    time.sleep(0.3)
    return float(sum(candidate.tokens))

folder = Path("run")
search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], evaluate, steps=30, workers=2, folder=folder,
       resume=folder.exists(), seed=None if folder.exists() else 0)
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_driver_and_nothing_is_lost(tmp_path: Path, kind: signal.Signals) -> None:
    (tmp_path / "pids").mkdir()
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also where the tests run in the background
    )
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "pids").iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    driver.send_signal(kind)
    assert driver.wait(20) != 0
    pids = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert len(pids) == 2
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, pids))
    before = search(SPACE, lambda c: 0.0, steps=1, folder=tmp_path / "run", resume=True).history
    known = [row for row in before if row["state"] == "complete"]
    assert known
    subprocess.run([sys.executable, "-c", DRIVER], cwd=tmp_path, check=True)
    after = search(SPACE, lambda c: 0.0, steps=1, folder=tmp_path / "run", resume=True).history
    assert len(after) == len({row["hash"] for row in after}) == 30
    assert all(row["state"] == "complete" for row in after)
    assert [after[row["number"]]["reward"] for row in known] == [row["reward"] for row in known]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers = 0: expected a positive number"),
        ({"workers": True}, "workers = True"),
        ({"time_limit": 0}, "time_limit = 0: expected a positive number"),
        ({"memory_limit": -1.0}, "memory_limit = -1.0"),
        ({"executor": 7}, r"executor = 7: expected 'ray' or an object with submit"),
        ({"executor": ThreadPoolExecutor(1), "time_limit": 3}, "time_limit and memory_limit are for workers"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        search(SPACE, evaluate, **arguments)


def test_a_function_that_cannot_travel_is_named() -> None:
    lock = threading.Lock()
    with pytest.raises(ConfigError, match="evaluate cannot be sent to another process: cannot pickle"):
        search(SPACE, lambda candidate: float(lock.locked()), workers=2)
