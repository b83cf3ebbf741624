"""Clocks that jump, on machines that disagree about the time anyway."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sanas_spaces import search

from .scripts import output, start

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]
DRIVER = """
import datetime, sys, time

offset, step = 0.0, float(sys.argv[2])
seconds, nanoseconds = time.time, time.time_ns
time.time = lambda: seconds() + offset
time.time_ns = lambda: nanoseconds() + int(offset * 1e9)

class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return datetime.datetime.utcfromtimestamp(time.time())

real, datetime.datetime = datetime.datetime, Jumping
import optuna
datetime.datetime = real
from sanas_spaces import search

def evaluate(candidate):
    global offset
    offset += step
    time.sleep(0.4)
    print(candidate.number, flush=True)
    return float(candidate.number)

search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], evaluate, steps=14, seed=1, algorithm="random", lease=5.0,
       storage=sys.argv[1])
"""


@pytest.mark.parametrize("name", ["clocks.journal", "clocks.db"])
def test_no_lease_ends_and_no_reward_is_lost_when_clocks_jump(tmp_path: Path, name: str) -> None:
    drivers = [start(DRIVER, tmp_path, name, step) for step in ("86400", "-86400", "3600")]
    evaluated = Counter(int(line) for driver in drivers for line in output(driver))
    assert evaluated == Counter(range(14)), "each candidate is handed out once"
    result = search(SPACE, lambda candidate: -1.0, steps=14, storage=tmp_path / name)
    assert result.columns["reward"] == [float(number) for number in range(14)]
    trials = result.engine.record.study.get_trials(deepcopy=False)
    assert any(trial.datetime_complete < trial.datetime_start for trial in trials), "the clocks did jump"
