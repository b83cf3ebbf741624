"""Kill drivers and workers of a running search at random instants, and look what became of it.

    python -m tests.faults --storage run.journal --kills 200

Several drivers share one record, each with two workers. Every reward that ``search()`` has acknowledged is written down
by its driver on its own. In the end the record has to hold each of them once, with no network twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sanas_spaces import CombinedSpace
from sanas_spaces.searching.places import place_of
from sanas_spaces.searching.record import Record

SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
DRIVER = """
import os, random, sys, time
from sanas_spaces import search

storage, acknowledged, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])

def evaluate(candidate):
    time.sleep(random.expovariate(10))
    return float(sum(candidate.tokens)) + candidate.number / 1000

def acknowledge(result, candidate):
    if candidate.reward is not None:
        line = f"{candidate.number} {candidate.reward!r}\\n".encode()
        os.write(file, line)

file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
search([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], evaluate, steps=steps, storage=storage, workers=2, seed=1,
       algorithm="random", lease=10, callbacks=[acknowledge])
"""


@dataclass
class Findings:
    """What a record holds after all the kills."""

    candidates: int
    complete: int
    failed: int
    acknowledged: int
    lost: int
    twice: int
    kills: int

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing is there twice."""
        return self.lost == 0 and self.twice == 0


def run(
    storage: str,
    folder: Path,
    *,
    kills: int,
    drivers: int = 2,
    seed: int = 0,
    between: Callable[[int], None] | None = None,
) -> Findings:
    """Kill ``kills`` times, start again each time, and let the search end.

    Args:
        storage: Where the record is kept.
        folder: For what drivers have acknowledged.
        kills: Number of processes to kill.
        drivers: Number of drivers, each with two workers.
        seed: Seed of the instants.
        between: Called with the number of each kill after it.
    """
    rng = random.Random(seed)
    acknowledged = folder / "acknowledged"
    steps = 10**6
    running = [_start(storage, acknowledged, steps, folder) for _ in range(drivers)]
    while not acknowledged.exists() or not acknowledged.stat().st_size:
        assert all(driver.poll() is None for driver in running), (folder / "log").read_text()
        time.sleep(0.1)
    for number in range(kills):
        time.sleep(rng.uniform(0.2, 2.5))
        place = rng.randrange(drivers)
        driver = running[place]
        workers = _children(driver)
        if workers and rng.random() < 0.5:
            _kill(rng.choice(workers))
        else:
            driver.kill()
            driver.wait()
            running[place] = _start(storage, acknowledged, steps, folder)
        if number % 10 == 0:
            read(storage)
        if between is not None:
            between(number)
    for driver in running:
        driver.kill()
        driver.wait()
    before = read(storage)
    last = _start(storage, acknowledged, len(before.entries), folder)
    assert last.wait(300) == 0
    return _findings(read(storage), acknowledged, kills)


def read(storage: str) -> Record:
    """The record as it is now."""
    return Record.load(place_of(storage, "sanas"), CombinedSpace(SPACE).table, {})


def _findings(record: Record, acknowledged: Path, kills: int) -> Findings:
    known = dict(line.split() for line in acknowledged.read_text().splitlines())
    rewards = {entry.number: entry.reward for entry in record.entries}
    lost = sum(rewards.get(int(number)) != float(reward) for number, reward in known.items())
    hashes = [entry.attrs["hash"] for entry in record.entries]
    states = [entry.state.name for entry in record.entries]
    assert "RUNNING" not in states
    return Findings(
        candidates=len(record.entries),
        complete=states.count("COMPLETE"),
        failed=states.count("FAIL"),
        acknowledged=len(known),
        lost=lost,
        twice=len(hashes) - len(set(hashes)),
        kills=kills,
    )


def _start(storage: str, acknowledged: Path, steps: int, folder: Path) -> subprocess.Popen[bytes]:
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    log = (folder / "log").open("ab")
    arguments = [sys.executable, "-c", DRIVER, storage, str(acknowledged), str(steps)]
    return subprocess.Popen(arguments, cwd=folder, env=environment, stderr=log)


def _children(driver: subprocess.Popen[bytes]) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(driver.pid).children()]
    except psutil.Error:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--storage", default="faults.journal")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = Path("faults")
    folder.mkdir(exist_ok=True)
    findings = run(arguments.storage, folder, kills=arguments.kills, seed=arguments.seed)
    sys.stdout.write(json.dumps(findings.__dict__) + "\n")
    sys.exit(not findings.clean)


if __name__ == "__main__":
    main()
