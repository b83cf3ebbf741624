"""Several goals at once: which networks are not dominated, how much they dominate, and which one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, EvaluationError

Array = NDArray[np.float64]
DIRECTIONS = {"max": 1.0, "min": -1.0}


class Objectives:
    """Names of what is to be large or small.

    Args:
        goals: ``{"accuracy": "max", "flops": "min"}``; None is one unnamed reward to be large.

    Raises:
        ConfigError: A direction is neither ``"max"`` nor ``"min"``, or there is no goal.
    """

    def __init__(self, goals: Mapping[str, str] | None = None) -> None:
        if goals is not None and not (isinstance(goals, Mapping) and goals):
            raise ConfigError(f"objectives = {goals!r}: expected names with 'max' or 'min'")
        for name, direction in (goals or {}).items():
            if direction not in DIRECTIONS:
                raise ConfigError(f"objectives: {name!r} = {direction!r}: expected 'max' or 'min'")
        self.goals = None if goals is None else dict(goals)

    @property
    def names(self) -> list[str]:
        """Names of the goals, ``["reward"]`` of an unnamed one."""
        return ["reward"] if self.goals is None else list(self.goals)

    @property
    def signs(self) -> Array:
        """1 for each goal to be large, -1 for each to be small."""
        return np.array([1.0] if self.goals is None else [DIRECTIONS[one] for one in self.goals.values()])

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.names) > 1

    def values(self, result: Any, known: Mapping[str, float]) -> list[Any]:
        """The value of each goal in what an evaluation returned, or else among figures known without it.

        Raises:
            EvaluationError: A goal is in neither.
        """
        if self.goals is None:
            if isinstance(result, Mapping):
                if "reward" in result:
                    return [result["reward"]]
                raise EvaluationError(
                    f"the evaluation returned {sorted(result)}: tell search() which of them to improve, "
                    "such as objectives={'accuracy': 'max'}"
                )
            return [result]
        if not isinstance(result, Mapping):
            # a plain number is the goal that is not known already
            open_goals = [name for name in self.goals if name not in known]
            result = {open_goals[0]: result} if len(open_goals) == 1 else {}
        found = {**known, **result}
        for name in self.goals:
            if name not in found:
                raise EvaluationError(f"objective {name!r}: the evaluation gave only {', '.join(map(str, found))}")
        return [found[name] for name in self.goals]


def non_dominated(points: Array) -> NDArray[np.bool_]:
    """Which points [n, goals], all to be large, no other is at least as good as everywhere and better somewhere."""
    kept = np.ones(len(points), dtype=bool)
    for i, point in enumerate(points):
        kept[i] = not ((points >= point).all(axis=1) & (points > point).any(axis=1)).any()
    return kept


def hypervolume(points: Array, reference: Array) -> float:
    """Volume that points [n, goals], all to be large, dominate above ``reference`` [goals].

    Exact for any number of goals, by slices along the last one (Zitzler, 2001); quick for two.
    """
    points = points[(points > reference).all(axis=1)]
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max() - reference[0])
    points = points[np.argsort(-points[:, -1], kind="stable")]
    if points.shape[1] == 2:
        widths = np.maximum.accumulate(points[:, 0]) - reference[0]
        below = np.append(points[1:, 1], reference[1])
        return float((widths * (points[:, 1] - below)).sum())
    levels = np.append(points[:, -1], reference[-1])
    return sum(
        float(levels[i] - levels[i + 1]) * hypervolume(points[: i + 1, :-1], reference[:-1])
        for i in range(len(points))
        if levels[i] > levels[i + 1]
    )


def reference_point(points: Array) -> Array:
    """The worst value of each goal, a tenth of the range below it: what a front is measured from."""
    low, high = points.min(axis=0), points.max(axis=0)
    reference: Array = low - 0.1 * np.where(high > low, high - low, 1.0)
    return reference


def knee(front: Array) -> int:
    """Index of the point of a front [n, goals] that is nearest to the best of all goals, each from 0 to 1.

    The recommendation where no goal is known to weigh more (Miettinen, Nonlinear Multiobjective Optimization, 1999,
    section 2.2 on global criteria).
    """
    low, high = front.min(axis=0), front.max(axis=0)
    scaled = (high - front) / np.where(high > low, high - low, 1.0)
    return int(np.argmin((scaled**2).sum(axis=1)))


def scores_of(entries: Sequence[Sequence[float]], objectives: Objectives) -> Array:
    """Values [n, goals], all to be large."""
    scores: Array = np.asarray(entries, dtype=float).reshape(len(entries), len(objectives.names)) * objectives.signs
    return scores
