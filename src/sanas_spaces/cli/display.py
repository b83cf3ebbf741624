"""What a search shows while it runs: what it was given, a line per candidate, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..report import Final
from ..searching import Candidate, Constraints, SearchResult
from .terminal import amount, console, duration, percent

_COSTS = {"FLOPs": "flops", "parameters": "params"}


class Display:
    """A line per candidate, and below them a bar with the time left."""

    def __init__(self, steps: int, budgets: Sequence[int] | None) -> None:
        self._trainings = steps
        for before, budget in pairwise(budgets or ()):
            steps = max(1, steps * before // budget)
            self._trainings += steps
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("searching", total=self._trainings, left="")
        self._start = time.perf_counter()
        self._begun: dict[int, float] = {}
        self._shown = 0

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, result: SearchResult, candidate: Candidate) -> None:
        """Tell what is trained now, in the bar."""
        self._begun[candidate.number] = time.perf_counter()
        cost = f", {amount(candidate.cost.flops)} FLOPs" if candidate.cost else ""
        epochs = f", {candidate.budget} epochs" if candidate.budget else ""
        self._bar.update(self._task, description=f"training #{candidate.number}{cost}{epochs}")

    def show(self, result: SearchResult, candidate: Candidate) -> None:
        """Report a candidate that was just evaluated."""
        now = time.perf_counter()
        seconds = now - self._begun.pop(candidate.number, now)
        self._shown += 1
        self.say(f"#{candidate.number:<4}{_outcome(result, candidate, seconds)}")
        entries = result.engine.record.entries
        done = sum(len(entry.scores) or 1 for entry in entries) if candidate.budget else len(entries)
        left = (now - self._start) / self._shown * (self._trainings - done)
        self._bar.update(self._task, completed=done, left=f"about {duration(left)} left")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        console.print(text)


def _outcome(result: SearchResult, candidate: Candidate, seconds: float) -> str:
    scores, best = candidate.entry.scores, result.engine.best_entry
    reward = candidate.reward
    if reward is None and scores and "reason" not in candidate.entry.attrs:
        reward = scores[max(scores)]
    if reward is None:
        return f"failed: {candidate.entry.attrs.get('reason')}".splitlines()[0].replace("[", r"\[")
    cost = candidate.cost
    figures = f"{amount(cost.flops):>6} FLOPs  {amount(cost.params):>6} params" if cost else ""
    if candidate.reward is None:
        mark = f"after {max(scores)} epochs" + ("" if candidate.is_open else ", stopped")
    elif best is None or best.number == candidate.number:
        mark = "[bold green]best so far[/]"
    else:
        mark = f"best {percent(best.reward)} (#{best.number})"
    return f"[bold]{percent(reward):>8}[/]  {figures}  {seconds:5.1f} s  {mark}"


def announce(settings: dict[str, Any], dataset: Any, folder: Path) -> None:
    """Say what is searched."""
    spaces = " + ".join(f"{name} {config}" if config else name for name, config in settings["configs"])
    limits = Constraints(settings["constraints"]).describe() or "none"
    console.print(f"space        {spaces}".replace("[", r"\["))
    sizes = ", ".join(f"{len(getattr(dataset, part).labels)} {part}" for part in ("train", "valid", "test"))
    console.print(f"data         {dataset.name}: {sizes}; {dataset.num_classes} classes")
    console.print(f"constraints  {limits}")
    if settings.get("storage"):
        console.print(f"record       {settings['storage']}", soft_wrap=True)
    console.print(f"output       {folder}\n")
    console.print("[bold]#   accuracy   cost[/]")


def conclude(result: SearchResult, final: Final, folder: Path, seconds: float) -> None:
    """Say what was found."""
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = (
        ("best network", f"candidate {final.number} of {len(result.history)}"),
        ("validation accuracy", percent(final.valid_accuracy)),
        ("test accuracy", f"[bold green]{percent(final.test_accuracy)}[/]"),
        ("exported, loaded again", percent(final.exported_accuracy)),
        *((label, f"{final.cost[name]:,}") for label, name in _COSTS.items() if name in final.cost),
        ("tokens", ",".join(map(str, result.best.tokens))),
        ("results", str(folder)),
        ("time", duration(seconds)),
    )
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)
