"""How good searches are: algorithms of this library and their peers on tables of evaluated networks.

    python benchmarks/search_quality.py TABLE.npz [TABLE.npz ...] --value COLUMN [COLUMN ...] --output FOLDER

All run with the same seeds and begin with the same network. Prints, for each table, the mean regret (best of the table
less best so far) after 25, 50, 100 and 150 evaluations with its standard error, the median number of evaluations to the
best network and the share of runs that found it, duplicates, and the time per proposal. What was run is kept in
FOLDER/runs and not run again; FOLDER gets a Markdown report and a plot, too.

With ``--constraint flops=0.5`` only networks of at most half the largest FLOPs count. With ``--cost flops`` the goal is
the hypervolume of (value, cost), and the table tells its regret as a share of what the whole table dominates.

Needs matplotlib, and torch for Optuna's Gaussian process (left out without it).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - after the number of threads
import optuna  # noqa: E402
from kept import kept_runs  # noqa: E402
from optuna.distributions import CategoricalDistribution  # noqa: E402

from sanas_spaces import search  # noqa: E402
from sanas_spaces.searching import ALGORITHMS  # noqa: E402
from sanas_spaces.tables import Table  # noqa: E402

CHECKPOINTS = (25, 50, 100, 150)
OURS = ("model", "annealing", "evolution", "local", "random", "paddleslim")
GIVE_UP = 10_000
"""Token lists without a network that a peer may ask for."""


@dataclass(frozen=True)
class Task:
    """What is to be found in a table.

    Attributes:
        path: File of the table.
        value: Column to make large.
        steps: Evaluations of a run.
        limits: Upper bounds of columns.
        cost: Column to make small, too, for the hypervolume.
    """

    path: str
    value: str
    steps: int
    limits: tuple[tuple[str, float], ...] = ()
    cost: str | None = None

    @property
    def name(self) -> str:
        """Name for files and titles."""
        limits = "".join(f", {name} <= {limit:.4g}" for name, limit in self.limits)
        return f"{Path(self.path).stem} {self.value}" + limits + (f" against {self.cost}" if self.cost else "")


@dataclass(frozen=True)
class Run:
    """One run: the rows that were evaluated, in order, and the seconds of its proposals."""

    rows: list[int]
    seconds: float


@cache
def table_of(path: str) -> Table:
    """The table of a file, read once per process."""
    return Table.load(path)


def start(task: Task, seed: int) -> list[int]:
    """The network that all algorithms begin with."""
    table = table_of(task.path)
    allowed = np.flatnonzero(within(task))
    drawn: list[int] = table.tokens[np.random.default_rng((seed, 10**6)).choice(allowed)].tolist()
    return drawn


def within(task: Task) -> Any:
    """Which rows meet the limits."""
    table = table_of(task.path)
    allowed = np.ones(len(table), dtype=bool)
    for name, limit in task.limits:
        allowed &= table.column(name) <= limit
    return allowed


def run_ours(algorithm: Any, task: Task, seed: int) -> Run:
    """A search of this library, by the name of an algorithm or what makes one."""
    table = table_of(task.path)
    evaluate = table.evaluator(task.value)
    goals = {"objectives": {task.value: "max", task.cost: "min"}} if task.cost else {}
    started = time.perf_counter()
    result = search(
        table,
        table.evaluator(task.value, task.cost) if task.cost else evaluate,
        steps=task.steps,
        constraints=dict(task.limits),
        algorithm=algorithm,
        init_tokens=start(task, seed),
        seed=seed,
        **goals,
    )
    rows = [table.row(entry["tokens"]) for entry in result.history]
    return Run(rows, time.perf_counter() - started)


def run_peer(make: Callable[..., Any], task: Task, seed: int) -> Run:
    """A study of an Optuna sampler, which evaluates what it is told, also twice and outside the limits."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = table_of(task.path)
    distributions: dict[str, Any] = {
        f"t{i}": CategoricalDistribution(list(range(n))) for i, n in enumerate(table.range_table())
    }
    over = lambda trial: trial.user_attrs["over"]  # noqa: E731
    sampler = make(seed=seed, **({"constraints_func": over} if task.limits else {}))
    directions = ["maximize", "minimize"] if task.cost else ["maximize"]
    study = optuna.create_study(directions=directions, sampler=sampler)
    study.enqueue_trial({f"t{i}": t for i, t in enumerate(start(task, seed))})
    rows: list[int] = []
    spent = 0.0
    for _ in range(GIVE_UP):
        started = time.perf_counter()
        trial = study.ask(distributions)
        spent += time.perf_counter() - started
        tokens = [trial.params[name] for name in distributions]
        trial.set_user_attr("over", [0.0] * len(task.limits))
        if not table.holds(tokens):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        row = table.row(tokens)
        rows.append(row)
        trial.set_user_attr("over", [float(table.column(n)[row] - limit) for n, limit in task.limits])
        values = [float(table.column(name)[row]) for name in (task.value, task.cost) if name]
        started = time.perf_counter()
        study.tell(trial, values)
        spent += time.perf_counter() - started
        if len(rows) == task.steps:
            break
    return Run(rows, spent)


def peers() -> dict[str, Callable[..., Any]]:
    """Optuna's samplers by name."""
    samplers = optuna.samplers
    found: dict[str, Callable[..., Any]] = {
        "Optuna TPE, multivariate": partial(samplers.TPESampler, multivariate=True),
        "Optuna NSGA-II": samplers.NSGAIISampler,
    }
    if find_spec("torch"):
        found["Optuna GP"] = partial(samplers.GPSampler, deterministic_objective=True)
    return found


def run(name: str, task: Task, seed: int) -> Run:
    """One run of a named algorithm."""
    if name in ALGORITHMS:
        return run_ours(name, task, seed)
    return run_peer(peers()[name], task, seed)


def all_runs(
    name: str,
    task: Task,
    seeds: int,
    folder: Path,
    pool: ProcessPoolExecutor,
    run: Callable[[str, Task, int], Run],
) -> list[Run]:
    """Runs of all seeds, kept in ``folder``."""
    slug = "".join(c if c.isalnum() else "-" for c in f"{task.name} {task.steps} {name}")
    path = folder / "runs" / f"{slug}.json"
    return kept_runs(path, Run, seeds, lambda some: pool.map(partial(run, name, task), some, chunksize=1))


def regrets(task: Task, one: Run) -> Any:
    """Best possible less best so far, [steps]."""
    table = table_of(task.path)
    rows = np.array(one.rows)
    if task.cost:
        return dominated_regret(task, rows)
    values = np.where(within(task), table.column(task.value), -np.inf)
    best = np.maximum.accumulate(values[rows])
    short = float(values.max()) - best
    worst = float(values.max() - table.column(task.value).min())
    return np.concatenate([np.minimum(short, worst), np.full(task.steps - len(rows), short[-1])])


def dominated_regret(task: Task, rows: Any) -> Any:
    """Share of the hypervolume of the whole table that is not dominated yet, [steps]."""
    from sanas_spaces.searching.pareto import hypervolume

    table = table_of(task.path)
    allowed = within(task)
    both = np.stack([table.column(task.value), -table.column(str(task.cost))], axis=1)
    low, high = np.quantile(both[allowed], 0.05, axis=0), both[allowed].max(axis=0)
    scaled = (both - low) / (high - low)
    whole = hypervolume(scaled[allowed], np.zeros(2))
    taken = [hypervolume(scaled[[r for r in rows[: n + 1] if allowed[r]]], np.zeros(2)) for n in range(len(rows))]
    return 1 - np.array(taken) / whole


@dataclass(frozen=True)
class Summary:
    """Figures of one algorithm on one task."""

    name: str
    mean: Any
    error: Any
    to_best: float
    found: float
    duplicates: float
    milliseconds: float


def summarize(name: str, task: Task, runs: Sequence[Run]) -> Summary:
    """Figures over all seeds."""
    table = table_of(task.path)
    curves = np.stack([regrets(task, one) for one in runs])
    hits = curves <= 1e-9
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    return Summary(
        name,
        curves.mean(axis=0),
        curves.std(axis=0, ddof=1) / np.sqrt(len(runs)) if len(runs) > 1 else np.zeros(task.steps),
        float(np.median(first)),
        float(np.isfinite(first).mean()),
        float(np.mean([len(one.rows) - len({str(table.keys[r]) for r in one.rows}) for one in runs])),
        1e3 * float(np.mean([one.seconds / len(one.rows) for one in runs])),
    )


def markdown(task: Task, seeds: int, summaries: Sequence[Summary]) -> str:
    """A table of all algorithms."""
    points = [*(n for n in CHECKPOINTS if n < task.steps), task.steps]
    digits = 4 if task.cost else 3
    lines = [
        f"### {task.name}: mean over {seeds} seeds",
        "",
        "| algorithm | "
        + " | ".join(f"@{n}" for n in points)
        + " | to the best | found | duplicates | ms a proposal |",
        "|---" * (len(points) + 5) + "|",
    ]
    for one in summaries:
        cells = [f"{one.mean[n - 1]:.{digits}f} ± {one.error[n - 1]:.{digits}f}" for n in points]
        median = "-" if np.isinf(one.to_best) else f"{one.to_best:.0f}"
        cells += [median, f"{100 * one.found:.0f} %", f"{one.duplicates:.1f}", f"{one.milliseconds:.1f}"]
        lines.append(f"| {one.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(tasks: Sequence[tuple[Task, Sequence[Summary]]], path: Path) -> None:
    """Mean regret by evaluations, one panel per task."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(tasks), figsize=(4.6 * len(tasks), 3.8), squeeze=False)
    for panel, (task, summaries) in zip(panels[0], tasks, strict=True):
        for one, style in zip(summaries, ("-", "--", "-.", ":") * 5, strict=False):
            panel.plot(np.arange(1, task.steps + 1), np.maximum(one.mean, 1e-4), style, label=one.name, linewidth=1.4)
        panel.set_title(task.name, fontsize=9)
        panel.set_yscale("log")
        panel.set_xlabel("evaluations")
    panels[0][0].set_ylabel("hypervolume missing" if tasks[0][0].cost else "mean regret")
    panels[0][-1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its tables."""
    parser = common_options(__doc__, Path("runs/search-quality"))
    parser.add_argument("--constraint", metavar="COLUMN=SHARE", help="at most this share of the column's largest")
    parser.add_argument("--cost", nargs="+", metavar="COLUMN", help="column to make small, too: hypervolume")
    parser.add_argument("--algorithms", nargs="+", metavar="NAME", help="by default all, and the peers there are")
    options = parser.parse_args(arguments)
    done = compared(options, lambda task: options.algorithms or [*OURS, *peers()], run)
    plot(done, options.output / "regret.svg")
    report = "\n".join(markdown(task, options.seeds, summaries) for task, summaries in done)
    (options.output / "report.md").write_text(report)
    return 0


def common_options(about: str, output: Path) -> argparse.ArgumentParser:
    """What every comparison on tables is told."""
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.set_defaults(constraint=None, cost=None)
    parser.add_argument("tables", nargs="+", metavar="TABLE.npz")
    parser.add_argument("--value", nargs="+", required=True, metavar="COLUMN", help="of each table, or one for all")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=output)
    return parser


def compared(
    options: Any, names: Callable[[Task], Sequence[str]], run: Callable[[str, Task, int], Run]
) -> list[tuple[Task, list[Summary]]]:
    """Run what has a name on each table, and print a table for each."""
    done = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for index, path in enumerate(options.tables):
            task = task_of(options, index, path)
            summaries = []
            for name in names(task):
                runs = all_runs(name, task, options.seeds, options.output, pool, run)
                summaries.append(summarize(name, task, runs))
                sys.stderr.write(f"{task.name}: {name} done\n")
            done.append((task, summaries))
            sys.stdout.write(markdown(task, options.seeds, summaries) + "\n")
            sys.stdout.flush()
    return done


def task_of(options: Any, index: int, path: str) -> Task:
    """What is asked for in one table."""
    limits: list[tuple[str, float]] = []
    if options.constraint:
        names, share = options.constraint.rsplit("=", 1)
        name = next(one for one in names.split(",") if one in table_of(path).columns)
        limits.append((name, float(share) * float(table_of(path).column(name).max())))
    value = options.value[min(index, len(options.value) - 1)]
    cost = options.cost[min(index, len(options.cost) - 1)] if options.cost else None
    return Task(path, value, options.steps, tuple(limits), cost)


if __name__ == "__main__":
    sys.exit(main())
