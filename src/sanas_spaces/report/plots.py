"""Plots of a search; for each, a function that tells its data and one that draws it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..optional import import_optional

PROGRESS = "progress.png"
COST = "accuracy_flops.png"

_BLUE, _ORANGE, _GREY = "#0b6bcb", "#c4501b", "#6b7280"


class Progress(NamedTuple):
    """Rewards in the order of the search."""

    numbers: list[int]
    rewards: list[float]
    best: list[float]


class CostPoints(NamedTuple):
    """Candidates by cost and reward, cheapest first."""

    numbers: list[int]
    costs: list[int]
    rewards: list[float]
    front: list[int]
    """Positions of the candidates that no cheaper or equally cheap one beats: the Pareto front."""


def progress_data(history: Sequence[dict[str, Any]]) -> Progress:
    """Rewards of the evaluated candidates, and the best so far."""
    rows = [row for row in history if row["reward"] is not None]
    return Progress([r["number"] for r in rows], [r["reward"] for r in rows], [r["best"] for r in rows])


def cost_data(history: Sequence[dict[str, Any]], metric: str = "flops") -> CostPoints:
    """Rewards of the evaluated candidates against a cost, and the Pareto front."""
    rows = [row for row in history if row["reward"] is not None and row.get(metric) is not None]
    rows.sort(key=lambda row: (row[metric], -row["reward"]))
    front: list[int] = []
    for position, row in enumerate(rows):
        if not front or row["reward"] > rows[front[-1]]["reward"]:
            front.append(position)
    return CostPoints([r["number"] for r in rows], [r[metric] for r in rows], [r["reward"] for r in rows], front)


def plot_progress(history: Sequence[dict[str, Any]], path: Path, *, reward: str = "validation accuracy") -> Path:
    """Draw reward over candidates to ``path``; the file ending decides the format."""
    data = progress_data(history)
    figure, axes = _figure("candidate", reward, f"{len(data.numbers)} candidates in the order of the search")
    axes.plot(data.numbers, data.rewards, "o", color=_GREY, markersize=5, label="candidate")
    axes.step(data.numbers, data.best, where="post", color=_BLUE, linewidth=2, label="best so far")
    axes.legend(loc="lower right", frameon=False)
    return _save(figure, path)


def plot_cost(
    history: Sequence[dict[str, Any]], path: Path, *, metric: str = "flops", reward: str = "validation accuracy"
) -> Path:
    """Draw reward against a cost, with the Pareto front, to ``path``."""
    data = cost_data(history, metric)
    label = {"flops": "FLOPs (multiply-adds)", "params": "parameters"}.get(metric, metric.replace("_", " "))
    figure, axes = _figure(label, reward, f"{reward} against {label}")
    axes.plot(data.costs, data.rewards, "o", color=_GREY, markersize=5, label="candidate")
    front = [(data.costs[i], data.rewards[i]) for i in data.front]
    axes.plot(*zip(*front, strict=True) if front else ([], []), "D-", color=_ORANGE, label="Pareto front")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 0), useMathText=True)
    axes.legend(loc="lower right", frameon=False)
    return _save(figure, path)


def _figure(x: str, y: str, title: str) -> tuple[Any, Any]:
    figure = import_optional("matplotlib.figure", "search", "drawing plots").Figure(
        figsize=(7, 4.2), layout="constrained"
    )
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
