"""What plots show, before anything is drawn."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..searching.pareto import hypervolume, non_dominated, reference_point
from .trail import Trail


class Progress(NamedTuple):
    """Rewards in the order of the search."""

    numbers: list[int]
    rewards: list[float]
    best: list[float]
    """The best reward so far."""
    stopped: list[tuple[int, float]]
    """Number and last score of the candidates that were stopped early."""
    failed: list[int]
    """Numbers of the candidates that could not be evaluated."""


class Volume(NamedTuple):
    """What the candidates with several goals dominate together, as the search goes on."""

    numbers: list[int]
    volumes: list[float]


class CostPoints(NamedTuple):
    """Candidates by cost and goal, cheapest first."""

    numbers: list[int]
    costs: list[float]
    rewards: list[float]
    front: list[int]
    """Positions of the candidates that no cheaper or equally cheap one beats: the Pareto front."""


class Cell(NamedTuple):
    """What a choice was in some part of a search."""

    option: Any
    """The option that was picked most often, the earlier one of equals."""
    place: float
    """Its place among the options, from 0 for the first to 1 for the last."""
    share: float
    """In what share of the candidates it was picked."""


class Moves(NamedTuple):
    """What was picked as the search went on."""

    labels: list[str]
    spans: list[tuple[int, int]]
    """First and last candidate of each column."""
    cells: list[list[Cell]]
    """For each choice one cell per column."""


class Outcome(NamedTuple):
    """What became of some candidates."""

    state: str
    """``complete``, ``pruned``, ``running`` or ``fail``."""
    reason: str
    """Why they failed, else empty."""
    numbers: list[int]


def progress_data(trail: Trail, goal: str | None = None) -> Progress:
    """Values of a goal, the first one by default, and the best so far."""
    name = trail.known(goal or trail.main)
    sign = trail.sign(name)
    rows = trail.evaluated
    values = [trail.value(row, name) or 0.0 for row in rows]
    best = (sign * np.maximum.accumulate(sign * np.array(values))).tolist() if values else []
    stopped = [(row["number"], _last(row)) for row in trail.rows if row["state"] == "pruned" and row.get("scores")]
    failed = [row["number"] for row in trail.rows if row["state"] == "fail"]
    return Progress([row["number"] for row in rows], values, best, stopped, failed)


def volume_data(trail: Trail) -> Volume:
    """Hypervolume that the first 1, 2, ... evaluated candidates dominate, from the worst of all a tenth further."""
    rows = trail.evaluated
    points = _points(trail, rows)
    if not rows:
        return Volume([], [])
    origin = reference_point(points)
    volumes = [hypervolume(points[: n + 1], origin) for n in range(len(points))]
    return Volume([row["number"] for row in rows], np.maximum.accumulate(volumes).tolist())


def cost_data(trail: Trail, cost: str = "flops", goal: str | None = None) -> CostPoints:
    """Values of a goal against a cost, and the Pareto front of the two."""
    name = trail.known(goal or trail.main)
    trail.known(cost)
    sign, toward = trail.sign(name), trail.sign(cost)
    found = [(trail.value(row, cost), trail.value(row, name), row["number"]) for row in trail.evaluated]
    points = [(float(x), float(y), n) for x, y, n in found if x is not None and y is not None]
    points.sort(key=lambda point: (-toward * point[0], -sign * point[1]))
    front: list[int] = []
    for position, (_, value, _) in enumerate(points):
        if not front or sign * value > sign * points[front[-1]][1]:
            front.append(position)
    return CostPoints([p[2] for p in points], [p[0] for p in points], [p[1] for p in points], front)


def front_numbers(trail: Trail) -> list[int]:
    """Numbers of the candidates that no other is at least as good as for all goals, with one goal the best one."""
    rows = trail.evaluated
    points = _points(trail, rows)
    return [row["number"] for row, kept in zip(rows, non_dominated(points), strict=True) if kept]


def moves_data(trail: Trail, columns: int = 40) -> Moves:
    """Which option of each choice was picked, candidate by candidate, or by equal parts of a longer search.

    Choices with one option are left out.
    """
    count = min(columns, len(trail.rows))
    edges = [round(i * len(trail.rows) / count) for i in range(count + 1)] if count else []
    parts = [trail.rows[a:b] for a, b in pairwise(edges)]
    spans = [(part[0]["number"], part[-1]["number"]) for part in parts]
    chosen = [(i, field) for i, field in enumerate(trail.table.fields) if len(field.options) > 1]
    cells = []
    for position, field in chosen:
        line = []
        for part in parts:
            counts = Counter(row["tokens"][position] for row in part)
            token = max(counts, key=lambda one: (counts[one], -one))
            line.append(Cell(field.options[token], token / (len(field.options) - 1), counts[token] / len(part)))
        cells.append(line)
    return Moves([field.label for _, field in chosen], spans, cells)


def outcome_data(trail: Trail) -> list[Outcome]:
    """What became of the candidates, the failures by the first line of their reason, the most frequent first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for row in trail.rows:
        failed = row["state"] == "fail"
        lines = str(row.get("reason") or "").strip().splitlines()
        reason = (lines[0] if lines else "no reason was told") if failed else ""
        groups.setdefault((row["state"], reason), []).append(row["number"])
    found = [Outcome(state, reason, numbers) for (state, reason), numbers in groups.items()]
    return sorted(found, key=lambda one: (one.state == "fail", -len(one.numbers)))


def _points(trail: Trail, rows: list[dict[str, Any]]) -> Any:
    """Values [n, goals], all to be large."""
    values = [[trail.sign(name) * (trail.value(row, name) or 0.0) for name in trail.goals] for row in rows]
    return np.array(values, dtype=float).reshape(len(rows), len(trail.goals))


def _last(row: dict[str, Any]) -> float:
    scores = {int(step): score for step, score in row["scores"].items()}
    return float(scores[max(scores)])
