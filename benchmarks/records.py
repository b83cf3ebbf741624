"""What the record of a search sustains: candidates proposed and rewarded per second, on each storage.

    python benchmarks/records.py [--storages STORAGE ...] [--processes 1 8] [--at 0 5000] [--seconds 10]

Evaluations take no time and proposals are random tokens of a table, so nearly all of the time is that of the record: a
candidate is written, its reward is written, and with several processes each reads what the others have written. In
brackets is the time of processors per candidate; the rest is waiting, for the disk or for each other.
PostgreSQL is started by the script on a free port of loopback, as ``tests/faults`` does, with its default durability;
Debian has it as the package ``postgresql``.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy

sys.path.insert(0, str(Path(__file__).parents[1]))

from sanas_spaces.searching import Engine
from sanas_spaces.searching.constraints import Constraints
from sanas_spaces.searching.opening import open_engine
from sanas_spaces.searching.places import place_of
from sanas_spaces.tables import Table
from tests.faults import postgres

STORAGES = ("memory", "journal", "sqlite", "postgresql")
OPTIONS, TOKENS = 5, 7
PARTS = ("trial_params", "trial_values", "trial_user_attributes")
"""Tables of Optuna with a part of each trial."""


class Rate(NamedTuple):
    """Pairs in so many seconds, and how long processors worked on them."""

    count: int
    seconds: float
    processor_seconds: float

    def __str__(self) -> str:
        rate, share = self.count / self.seconds, 1e3 * self.processor_seconds / max(self.count, 1)
        return f"{rate:,.0f} ({share:.1f} ms)" if rate >= 10 else f"{rate:.1f} ({share:.0f} ms)"


def open_search(storage: str | None) -> Engine:
    """A random search in a table of 78,125 networks."""
    tokens = list(itertools.product(range(OPTIONS), repeat=TOKENS))
    table = Table(tokens, [OPTIONS] * TOKENS, {"value": [0.0] * len(tokens)})
    return open_engine(
        table,
        name="benchmark",
        save_to=None,
        load_from=None,
        init_tokens=None,
        algorithm="random",
        default_algorithm="random",
        seed=0,
        constraints=Constraints(None, table.metrics),
        input_shape=None,
        place=None if storage is None else place_of(storage, "benchmark"),
    )


def pair(engine: Engine) -> None:
    """Propose a candidate and reward it."""
    candidate = engine.take()
    assert candidate is not None
    engine.tell(candidate, float(sum(candidate.entry.tokens)))


def measure(engine: Engine, seconds: float) -> int:
    """Number of pairs in so many seconds."""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        pair(engine)
        count += 1
    return count


def work(storage: str, seconds: float, begin: Any, counts: Any) -> None:
    """What one of several processes does."""
    engine = open_search(storage)
    begin.wait()
    before = time.process_time()
    counts.put((measure(engine, seconds), time.process_time() - before))
    engine.close()


def together(storage: str, processes: int, seconds: float) -> Rate:
    """Rate of several processes on one record."""
    context = multiprocessing.get_context("spawn")
    begin, counts = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=work, args=(storage, seconds, begin, counts)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    found = [counts.get() for _ in workers]
    for worker in workers:
        worker.join()
    return Rate(sum(count for count, _ in found), seconds, sum(spent for _, spent in found))


def alone(engine: Engine, seconds: float) -> Rate:
    """Rate of this process."""
    before = time.process_time()
    count = measure(engine, seconds)
    return Rate(count, seconds, time.process_time() - before)


@contextmanager
def storages(kind: str) -> Iterator[Any]:
    """A function that gives a new storage of a kind, by its URL or path; None is in memory."""
    if kind == "memory":
        yield lambda: None
    elif kind == "postgresql":
        with postgres.server() as server:
            yield lambda: server.database("records")
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield lambda: f"{folder}/records.{'journal' if kind == 'journal' else 'db'}"


def fill(engine: Engine, storage: str | None, count: int) -> None:
    """Let there be ``count`` candidates; in a database they are copies of those that are there, in one transaction."""
    engine.take(0)  # reads what others have written
    missing = count - len(engine.record.entries)
    if missing <= 0:
        return
    if storage is None or storage.endswith(".journal"):
        for _ in range(missing):
            pair(engine)
        return
    url = storage.replace("postgresql:", "postgresql+psycopg:") if "://" in storage else f"sqlite:///{storage}"
    database = sqlalchemy.create_engine(url)
    tables = sqlalchemy.MetaData()
    tables.reflect(database, only=["trials", *PARTS])
    trials = tables.tables["trials"]
    with database.begin() as connection:
        known = [dict(row) for row in connection.execute(trials.select()).mappings()]
        copies = [
            {**known[number % len(known)], "number": len(known) + number, "trial_id": None} for number in range(missing)
        ]
        origins = [known[number % len(known)]["trial_id"] for number in range(missing)]
        added = trials.insert().returning(trials.c.trial_id, sort_by_parameter_order=True)
        numbers = connection.scalars(added, [{k: v for k, v in one.items() if v is not None} for one in copies]).all()
        for part in (tables.tables[one] for one in PARTS):
            (own,) = part.primary_key.columns.keys()
            rows: dict[int, list[dict[str, Any]]] = {}
            for row in connection.execute(part.select()).mappings():
                rows.setdefault(row["trial_id"], []).append({k: v for k, v in row.items() if k != own})
            new = [
                {**row, "trial_id": number}
                for number, origin in zip(numbers, origins, strict=True)
                for row in rows.get(origin, [])
            ]
            connection.execute(part.insert(), new)
    database.dispose()


def name(processes: int) -> str:
    """Number of processes for people."""
    return "1 process" if processes == 1 else f"{processes} processes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--storages", nargs="+", default=list(STORAGES), choices=STORAGES)
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--at", nargs="+", type=int, default=[0, 5000], help="candidates that are there already")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args(arguments)
    heads = [f"{name(n)}, from {at:,}" for at in options.at for n in options.processes]
    sys.stdout.write("| storage | " + " | ".join(heads) + " |\n" + "|---" * (len(heads) + 1) + "|\n")
    for kind in options.storages:
        cells = []
        with storages(kind) as new:
            storage = new()
            engine = open_search(storage)
            for at, processes in itertools.product(sorted(options.at), options.processes):
                fill(engine, storage, at)
                if storage is None:
                    cells.append(str(alone(engine, options.seconds)) if processes == 1 else "-")
                else:
                    cells.append(str(together(storage, processes, options.seconds)))
                sys.stderr.write(f"{kind}, {name(processes)}, from {at}: {cells[-1]}\n")
            engine.close()
        sys.stdout.write(f"| {kind} | " + " | ".join(cells) + " |\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
