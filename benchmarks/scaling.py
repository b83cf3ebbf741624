"""How much sooner a search ends with many workers: a simulation on tables of evaluated networks.

    python benchmarks/scaling.py TABLE.npz [TABLE.npz ...] --value COLUMN [COLUMN ...] --output FOLDER

The engine, the algorithms and the loop are those of ``search()``; only the clock is simulated. Each network has a
duration that depends on it and on the seed alone, with a heavy tail, and a mean of 1, which is the unit of time. A
worker that is done gets its next candidate at once, whatever the others do. A run ends when the best network of the
table has its result, or after a number of evaluations.

Prints, for each table, the median time to within 0.1 points of the best network and to the best one, how many times
sooner that is than with one worker, how many evaluations had ended by then, how far from each other the candidates are
that are out together, and what a candidate costs the driver. What was run is kept in FOLDER/runs and not run again;
FOLDER gets a Markdown report and a plot, too. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import heapq
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - after the number of threads
from kept import kept_runs  # noqa: E402

from sanas_spaces.searching import Candidate  # noqa: E402
from sanas_spaces.searching.constraints import Constraints  # noqa: E402
from sanas_spaces.searching.execution import Execution, Outcome  # noqa: E402
from sanas_spaces.searching.loop import evaluations  # noqa: E402
from sanas_spaces.searching.opening import open_engine  # noqa: E402
from sanas_spaces.tables import Table  # noqa: E402

ALGORITHMS = ("annealing", "model", "evolution", "random")
WORKERS = (1, 8, 64, 512)
NEAR = 0.1
"""Points below the best network that are good enough."""
SIGMA = 1.0
"""Of the logarithm of durations: 1 of 100 takes more than six times as long as they do on average."""
ALPHA = 1.5
"""Of the Pareto distribution, whose variance is infinite."""


@dataclass(frozen=True)
class Task:
    """What is to be found in a table.

    Attributes:
        path: File of the table.
        value: Column to make large.
        tail: Distribution of durations: ``lognormal`` or ``pareto``.
    """

    path: str
    value: str
    tail: str

    @property
    def name(self) -> str:
        """Name for files and titles."""
        return f"{Path(self.path).stem} {self.value}" + ("" if self.tail == "lognormal" else f", {self.tail}")


@dataclass
class Run:
    """One run.

    Attributes:
        near: When the first network near enough to the best had its result, None if none had.
        best: When the best one had it.
        near_count: Number of evaluations that had ended by then.
        best_count: Number of evaluations that had ended by then.
        apart: Mean distance of candidates that are out together, as a share of that of random ones.
        milliseconds: What the driver computed from a result to the next candidate: median and 95 % of all.
    """

    near: float | None = None
    best: float | None = None
    near_count: int | None = None
    best_count: int | None = None
    apart: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


@cache
def table_of(path: str) -> Table:
    """The table of a file, read once."""
    return Table.load(path)


@cache
def random_distance(path: str) -> float:
    """Mean number of tokens in which two networks of a table differ."""
    tokens = table_of(path).tokens
    return mean_distance(tokens[np.random.default_rng(0).choice(len(tokens), 1000, replace=False)])


def mean_distance(tokens: Any) -> float:
    """Mean number of tokens in which two of the token lists [n, tokens] differ."""
    n = len(tokens)
    different = sum((column[:, None] != column[None]).sum() for column in tokens.T)
    return float(different) / max(n * (n - 1), 1)


def durations(task: Task, seed: int) -> Any:
    """Duration of the evaluation of each network of a table, [n], of mean 1."""
    rng = np.random.default_rng((seed, 10**6))
    count = len(table_of(task.path))
    if task.tail == "pareto":
        return (1 + rng.pareto(ALPHA, count)) * (ALPHA - 1) / ALPHA
    return np.exp(rng.normal(-(SIGMA**2) / 2, SIGMA, count))


class SimulatedWorkers(Execution):
    """Workers on a clock of their own.

    Args:
        table: Who knows the networks.
        values: What their evaluations return, [n].
        seconds: How long these take, [n].
        workers: Number of workers.
    """

    def __init__(self, table: Table, values: Any, seconds: Any, workers: int) -> None:
        self._table = table
        self._values = values
        self._seconds = seconds
        self._workers = workers
        self._busy: list[tuple[float, int, int]] = []
        self.clock = 0.0
        self.driver: list[float] = []
        self._mark = time.process_time()

    @property
    def slots(self) -> int:
        """Number of workers."""
        return self._workers

    @property
    def out(self) -> Any:
        """Token lists of the candidates that are out, [n, tokens]."""
        return self._table.tokens[[row for _, _, row in self._busy]]

    def start(self, candidate: Candidate) -> None:
        self.driver.append(time.process_time() - self._mark)
        row = self._table.row(candidate.entry.tokens)
        heapq.heappush(self._busy, (self.clock + float(self._seconds[row]), candidate.number, row))
        self._mark = time.process_time()

    def next_event(self) -> Outcome:
        self.clock, number, row = heapq.heappop(self._busy)
        self._mark = time.process_time()
        return Outcome(number, float(self._values[row]))

    def close(self) -> None:
        self._busy.clear()


def run(task: Task, algorithm: str, workers: int, seed: int, most: int) -> Run:
    """One search until the best network, or ``most`` evaluations."""
    table = table_of(task.path)
    values = table.column(task.value)
    best = float(values.max())
    engine = open_engine(
        table,
        name="scaling",
        save_to=None,
        load_from=None,
        init_tokens=None,
        algorithm=algorithm,
        default_algorithm="annealing",
        seed=seed,
        constraints=Constraints(None, table.metrics),
        input_shape=None,
    )
    found = Run()
    with SimulatedWorkers(table, values, durations(task, seed), workers) as execution:
        for count, candidate in enumerate(evaluations(engine, execution, most, lambda candidate: None), 1):
            if count % workers == 0 and workers > 1:
                found.apart.append(mean_distance(execution.out) / random_distance(task.path))
            if found.near is None and candidate.reward >= best - NEAR:
                found.near, found.near_count = execution.clock, count
            if candidate.reward >= best:
                found.best, found.best_count = execution.clock, count
                break
        spent = 1e3 * np.array(execution.driver[workers:] or execution.driver)
    found.milliseconds = [float(np.median(spent)), float(np.quantile(spent, 0.95))]
    return found


def all_runs(task: Task, algorithm: str, workers: int, seeds: int, most: int, folder: Path) -> list[Run]:
    """Runs of all seeds, kept in ``folder``."""
    slug = "".join(c if c.isalnum() else "-" for c in f"{task.name} {algorithm} {workers} {most}")
    path = folder / "runs" / f"{slug}.json"
    return kept_runs(path, Run, seeds, lambda some: (run(task, algorithm, workers, seed, most) for seed in some))


def median(found: Sequence[float | None]) -> float:
    """Median where None is never."""
    return float(np.median([math.inf if one is None else one for one in found]))


@dataclass(frozen=True)
class Summary:
    """Figures of one algorithm with one number of workers."""

    algorithm: str
    workers: int
    runs: list[Run]

    @property
    def near(self) -> float:
        """Median time to a network near the best."""
        return median([one.near for one in self.runs])

    @property
    def best(self) -> float:
        """Median time to the best network."""
        return median([one.best for one in self.runs])

    def row(self, single: Summary) -> str:
        """A row of the report, beside the same with one worker."""
        apart = [share for one in self.runs for share in one.apart]
        spent = np.array([one.milliseconds for one in self.runs])
        cells = [
            self.algorithm,
            str(self.workers),
            number(self.near),
            times(single.near, self.near),
            number(median([one.near_count for one in self.runs]), 0),
            number(self.best),
            times(single.best, self.best),
            number(median([one.best_count for one in self.runs]), 0),
            f"{100 * np.mean([one.best is not None for one in self.runs]):.0f} %",
            f"{np.mean(apart):.2f}" if apart else "-",
            f"{np.median(spent[:, 0]):.1f} / {np.median(spent[:, 1]):.1f}",
            str(len(self.runs)),
        ]
        return "| " + " | ".join(cells) + " |"


def number(value: float, digits: int = 1) -> str:
    """A figure, or a dash for never."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else "-"


def times(single: float, value: float) -> str:
    """How many times sooner."""
    return f"{single / value:.1f}" if math.isfinite(single) and math.isfinite(value) else "-"


def markdown(task: Task, summaries: Sequence[Summary]) -> str:
    """A table of all algorithms and numbers of workers."""
    heads = ["algorithm", "workers", f"to within {NEAR}", "times sooner", "evaluations", "to the best", "times sooner"]
    heads += ["evaluations", "found", "apart", "driver ms (median / 95 %)", "seeds"]
    lines = [f"### {task.name}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in summaries:
        lines.append(one.row(next(s for s in summaries if s.algorithm == one.algorithm)))
    return "\n".join(lines) + "\n"


def plot(done: Sequence[tuple[Task, Sequence[Summary]]], path: Path) -> None:
    """Time by workers: above to near the best network, below to the best one; one column per table."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "scaling"  # the same picture each time
    from matplotlib import pyplot

    goals = (("near", f"time to within {NEAR} points of the best"), ("best", "time to the best network"))
    size = (4.8 * len(done), 3.6 * len(goals))
    figure, panels = pyplot.subplots(len(goals), len(done), figsize=size, squeeze=False, layout="constrained")
    for column, (task, summaries) in enumerate(done):
        for row, (goal, label) in enumerate(goals):
            panel = panels[row][column]
            for name, style in zip(
                dict.fromkeys(s.algorithm for s in summaries), ("o-", "s-", "^-", "v-"), strict=False
            ):
                own = [s for s in summaries if s.algorithm == name]
                counts, medians = [s.workers for s in own], [getattr(s, goal) for s in own]
                (line,) = panel.plot(counts, medians, style, label=name, linewidth=1.6, markersize=5)
                ideal = [medians[0] * counts[0] / count for count in counts]
                panel.plot(counts, ideal, ":", color=line.get_color(), linewidth=0.9)
            panel.set_xscale("log", base=2)
            panel.set_yscale("log")
            panel.set_xticks([s.workers for s in summaries], [str(s.workers) for s in summaries])
            panel.set_title(task.name, fontsize=9)
            panel.set_xlabel("workers")
            panel.set_ylabel(label if column == 0 else "")
            panel.grid(alpha=0.25)
    panels[0][0].legend(fontsize=8, frameon=False, title="dotted: as many times sooner as workers", title_fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulation and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="+", metavar="TABLE.npz")
    parser.add_argument("--value", nargs="+", required=True, metavar="COLUMN", help="of each table, or one for all")
    parser.add_argument("--algorithms", nargs="+", metavar="NAME", default=list(ALGORITHMS))
    parser.add_argument("--workers", nargs="+", type=int, default=list(WORKERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[20], help="for each number of workers, or for all")
    parser.add_argument("--most", type=int, default=4000, help="evaluations of one run")
    parser.add_argument("--tail", choices=("lognormal", "pareto"), default="lognormal", help="of the durations")
    parser.add_argument("--output", type=Path, default=Path("runs/scaling"))
    options = parser.parse_args(arguments)
    done = []
    for index, path in enumerate(options.tables):
        task = Task(path, options.value[min(index, len(options.value) - 1)], options.tail)
        summaries = []
        for algorithm in options.algorithms:
            for place, workers in enumerate(options.workers):
                seeds = options.seeds[min(place, len(options.seeds) - 1)]
                runs = all_runs(task, algorithm, workers, seeds, options.most, options.output)
                summaries.append(Summary(algorithm, workers, runs))
                sys.stderr.write(f"{task.name}: {algorithm} with {workers} workers done\n")
        done.append((task, summaries))
        sys.stdout.write(markdown(task, summaries) + "\n")
        sys.stdout.flush()
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "report.md").write_text("\n".join(markdown(task, summaries) for task, summaries in done))
    plot(done, options.output / "scaling.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
