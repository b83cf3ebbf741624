"""A search that is killed again and again proposes what it would have proposed without."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from sanas_spaces import search
from tests.searching.conftest import reward_of

from .scripts import start

SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
DRIVER = """
import sys
from pathlib import Path
from sanas_spaces import search
from tests.searching.conftest import reward_of

def evaluate(candidate):
    print(candidate.number, flush=True)
    sys.stdin.readline()  # until it may go on
    return reward_of(candidate.tokens)

folder = Path("run")
begun = folder.is_dir() and any(folder.glob("*.journal"))
search([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], evaluate, steps=int(sys.argv[1]), folder=folder,
       resume=begun, seed=5)
"""


def kill_and_resume(folder: Path, *, kills: int, steps: int) -> None:
    rng = random.Random(1)
    evaluated = 0
    for _ in range(kills):
        driver = start(DRIVER, folder, str(steps))
        assert driver.stdin is not None
        assert driver.stdout is not None
        wanted = rng.randrange(3)  # kill it while it starts, or some candidates later
        for _ in range(wanted):
            if not driver.stdout.readline():
                break
            driver.stdin.write("\n")
            driver.stdin.flush()
            evaluated += 1
        time.sleep(rng.uniform(0.0, 0.05 if wanted else 2.0))
        driver.kill()
        _, errors = driver.communicate()
        assert not errors, errors
    resumed = start(DRIVER, folder, str(steps))
    _, errors = resumed.communicate()
    assert resumed.returncode == 0, errors
    whole = search(SPACE, lambda candidate: reward_of(candidate.tokens), steps=steps, seed=5)
    rows = search(SPACE, lambda candidate: 0.0, steps=steps, folder=folder / "run", resume=True).history
    assert rows == whole.history
    assert evaluated >= kills // 2


def test_a_killed_search_proposes_what_the_uninterrupted_one_does(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, kills=5, steps=16)


@pytest.mark.slow
def test_so_does_one_that_was_killed_fifty_times(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, kills=50, steps=100)
