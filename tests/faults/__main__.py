"""Kill drivers and workers of a running search at random instants, and look after each kill what became of it.

    python -m tests.faults --kills 200
    python -m tests.faults --storage postgresql --kills 200 --workers 8 --restarts 5

Several drivers share one record, each with two workers. Each evaluation has a reward of its own, also of the same
network. Every reward that ``search()`` has acknowledged is written down by its driver, apart from the record, which
has to hold each of them, once, with no network twice. Writes a line of JSON for each storage, and ends with status 1 if
something was lost or is there twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from optuna.trial import TrialState

from sanas_spaces import CombinedSpace
from sanas_spaces.searching.engine import PROPOSED_TWICE
from sanas_spaces.searching.places import place_of
from sanas_spaces.searching.record import Entry, Record

from . import postgres

WORKERS_EACH = 2
SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
DRIVER = """
import os, random, sys, time
from sanas_spaces import search

storage, acknowledged, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])

def evaluate(candidate):
    time.sleep(random.expovariate(10))
    return random.random()

def acknowledge(result, candidate):
    if candidate.reward is not None:
        os.write(file, f"{candidate.number} {candidate.reward!r}\\n".encode())

file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
search([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], evaluate, steps=steps, storage=storage, workers=2, seed=1,
       algorithm="random", lease=10, callbacks=[acknowledge])
"""


@dataclass
class Findings:
    """What became of a search.

    Attributes:
        kills: Processes that were killed, a driver together with its workers counts as one.
        drivers_killed: Drivers among them.
        restarts: How often the database was restarted.
        refused: Drivers that ended because it was away when they started.
        candidates: Candidates in the record.
        complete: Those with a reward.
        failed: Those without, because their worker was killed.
        acknowledged: Candidates whose reward was acknowledged to a driver.
        lost: Those of them that the record does not have, or has with another reward.
        recorded_twice: Candidates that were acknowledged with several rewards.
        proposed_twice: Candidates whose network another candidate has, too, and that were not given up at once.
        unreadable: How often the record could not be read after a kill.
        seconds: How long it took.
    """

    kills: int = 0
    drivers_killed: int = 0
    restarts: int = 0
    refused: int = 0
    candidates: int = 0
    complete: int = 0
    failed: int = 0
    acknowledged: int = 0
    lost: int = 0
    recorded_twice: int = 0
    proposed_twice: int = 0
    unreadable: int = 0
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing is there twice."""
        return not (self.lost or self.recorded_twice or self.proposed_twice or self.unreadable)


class Search:
    """A search of several drivers with two workers each.

    Args:
        storage: Where the record is kept.
        folder: For what drivers acknowledge and log.
        workers: Number of workers; even.
        seed: Seed of what is killed, and when.
    """

    def __init__(self, storage: str, folder: Path, *, workers: int = 4, seed: int = 0) -> None:
        self.storage = storage
        self.folder = folder
        self.findings = Findings()
        self._rng = random.Random(seed)
        self._acknowledged = folder / "acknowledged"
        self._began = time.monotonic()
        self._drivers = [self._start(10**6) for _ in range(workers // WORKERS_EACH)]
        while not self._known():
            assert all(driver.poll() is None for driver in self._drivers), self._log()
            time.sleep(0.1)

    def kill(self) -> None:
        """Wait for a random time, kill a worker or a driver, which is started again, and look at the record."""
        kill = self._kill_worker if self._rng.random() < 0.5 else self._kill_driver
        time.sleep(self._rng.uniform(0.0, 2.0))
        self._start_again()
        kill()
        self.findings.kills += 1
        self.look()

    def _start_again(self) -> None:
        """Start drivers that found no server when they started; no other one may have ended."""
        for number, driver in enumerate(self._drivers):
            if driver.poll() is not None:
                assert self.findings.restarts, self._log()
                assert "cannot be opened" in self._log(), self._log()
                self.findings.refused += 1
                self._drivers[number] = self._start(10**6)

    def _kill_worker(self) -> None:
        while not (workers := [child for driver in self._drivers for child in _children(driver)]):
            self._start_again()
            time.sleep(self._rng.uniform(0.0, 0.5))  # the drivers are just starting
        with suppress(ProcessLookupError):
            os.kill(self._rng.choice(workers), signal.SIGKILL)

    def _kill_driver(self) -> None:
        number = self._rng.randrange(len(self._drivers))
        self._drivers[number].kill()
        self._drivers[number].wait()
        self.findings.drivers_killed += 1
        self._drivers[number] = self._start(10**6)

    def look(self) -> None:
        """Compare the record as it is with what was acknowledged before."""
        known = self._known()
        found = self.findings
        try:
            entries = read(self.storage).entries
        except Exception as error:
            sys.stderr.write(f"{self.storage} cannot be read: {error!r}\n")
            found.unreadable += 1
            return
        hashes = Counter(entry.attrs["hash"] for entry in entries if not _given_up(entry))
        states = Counter(entry.state for entry in entries)
        rewards = {entry.number: entry.reward for entry in entries}
        found.candidates, found.acknowledged = len(entries), len(known)
        found.complete, found.failed = states[TrialState.COMPLETE], states[TrialState.FAIL]
        found.lost = max(found.lost, sum(rewards.get(number) not in given for number, given in known.items()))
        found.recorded_twice = sum(len(given) > 1 for given in known.values())
        found.proposed_twice = sum(count - 1 for count in hashes.values())
        found.seconds = round(time.monotonic() - self._began, 1)

    def acknowledgements(self) -> int:
        """Number of candidates acknowledged so far."""
        return len(self._known())

    def finish(self) -> Findings:
        """Kill all drivers, let another one evaluate what is open, and look for the last time."""
        self.stop()
        last = self._start(len(read(self.storage).entries))
        assert last.wait(300) == 0, self._log()
        self.look()
        assert self.findings.complete + self.findings.failed == self.findings.candidates
        return self.findings

    def stop(self) -> None:
        """Kill all drivers."""
        for driver in self._drivers:
            driver.kill()
            driver.wait()

    def _known(self) -> dict[int, set[float]]:
        """For each candidate that was acknowledged, the rewards."""
        known: dict[int, set[float]] = {}
        if self._acknowledged.exists():
            for line in self._acknowledged.read_text().splitlines():
                number, reward = line.split()
                known.setdefault(int(number), set()).add(float(reward))
        return known

    def _start(self, steps: int) -> subprocess.Popen[bytes]:
        environment: dict[str, Any] = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        arguments = [sys.executable, "-c", DRIVER, self.storage, str(self._acknowledged), str(steps)]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(arguments, cwd=self.folder, env=environment, stderr=log)

    def _log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]


def run(
    storage: str,
    folder: Path,
    *,
    kills: int,
    workers: int = 4,
    seed: int = 0,
    restarts: int = 0,
    restart: Callable[[], None] = lambda: None,
) -> Findings:
    """Kill ``kills`` processes of a search, and restart the server of its record at ``restarts`` instants between."""
    search = Search(storage, folder, workers=workers, seed=seed)
    try:
        instants = [kills * (number + 1) // (restarts + 1) for number in range(restarts)]
        for number in range(kills):
            for _ in range(instants.count(number)):
                search.findings.restarts += 1
                restart()
            search.kill()
        return search.finish()
    finally:
        search.stop()


def read(storage: str) -> Record:
    """The record as it is now."""
    return Record.load(place_of(storage, "sanas"), CombinedSpace(SPACE).table, {})


def _given_up(entry: Entry) -> bool:
    """Whether a candidate was closed at once, since another process had proposed its network."""
    return entry.state is TrialState.FAIL and entry.attrs.get("reason") == PROPOSED_TWICE


def _children(driver: subprocess.Popen[bytes]) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(driver.pid).children()]
    except psutil.Error:
        return []


def main() -> None:
    """Run it with what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--storage", nargs="+", choices=STORAGES, default=["journal", "sqlite"], help="kinds of record")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--restarts", type=int, default=0, help="how often PostgreSQL is restarted meanwhile")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    clean = True
    for kind in arguments.storage:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            options = {"kills": arguments.kills, "workers": arguments.workers, "seed": arguments.seed}
            if kind == "postgresql":
                with postgres.server() as server:
                    restart = {"restarts": arguments.restarts, "restart": lambda: server.restart_after(1.0)}
                    findings = run(server.database("kills"), folder, **options, **restart)
            else:
                findings = run(str(folder / STORAGES[kind]), folder, **options)
        sys.stdout.write(json.dumps({"storage": kind, "workers": arguments.workers, **asdict(findings)}) + "\n")
        clean = clean and findings.clean
    sys.exit(not clean)


STORAGES = {"journal": "kills.journal", "sqlite": "kills.db", "postgresql": ""}

if __name__ == "__main__":
    main()
