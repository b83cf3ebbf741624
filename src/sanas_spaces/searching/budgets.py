"""Evaluations that cost less: candidates stopped early, and many candidates for a little before a few for more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import pruners
from optuna.trial import TrialState

from ..errors import ConfigError, did_you_mean
from .record import Entry

PRUNERS: dict[str, type[pruners.BasePruner]] = {
    "median": pruners.MedianPruner,
    "halving": pruners.SuccessiveHalvingPruner,
}
"""Pruners with a name; any other of Optuna's can be given as an object."""


def pruner_named(name: str) -> pruners.BasePruner:
    """The pruner called ``name``.

    Raises:
        ConfigError: There is none.
    """
    if name not in PRUNERS:
        raise ConfigError(f"pruner = {name!r}: {did_you_mean(name, list(PRUNERS))}, or give one of Optuna's pruners")
    return PRUNERS[name]()


def standing(entry: Entry, others: Sequence[Entry]) -> float | None:
    """The reward that an entry stopped early would probably have had.

    Its last score stands somewhere among the scores that the complete entries had after the same step; the estimate
    is the reward that stands there among their rewards. None if no complete entry has a score at that step.
    """
    if not entry.scores:
        return None
    step = max(entry.scores)
    known = [(one.scores[step], one.reward) for one in others if one.reward is not None and step in one.scores]
    if not known:
        return None
    scores, rewards = np.sort(np.array(known, dtype=float), axis=0).T
    return float(np.interp(entry.scores[step], scores, rewards))


class Halving:
    """Successive halving (Jamieson and Talwalkar, arXiv:1502.07943, section 3) over the candidates of a search.

    All are evaluated with the first budget; of those, the best share ``budgets[0] / budgets[1]`` with the second, and
    so on: each round costs the same. The search learns from the scores of the first round, which compare.

    Args:
        budgets: Budgets of an evaluation, such as numbers of epochs, smallest first.
        maximize: Whether large scores are good.

    Raises:
        ConfigError: Fewer than two budgets, or budgets that are no rising positive numbers.
    """

    def __init__(self, budgets: Sequence[int], *, maximize: bool = True) -> None:
        rising = all(not isinstance(one, bool) and isinstance(one, int) for one in budgets)
        if not rising or len(budgets) < 2 or any(b <= a for a, b in zip((0, *budgets), budgets, strict=False)):
            raise ConfigError(f"budgets = {budgets!r}: expected at least two rising whole numbers, such as [2, 6, 18]")
        self.budgets = tuple(budgets)
        self._sign = 1.0 if maximize else -1.0

    def round_of(self, entries: Sequence[Entry], number: int) -> list[Entry]:
        """Entries of round ``number`` from 1, best first: those that are in it, and the best ones that can join it."""
        before, budget = self.budgets[number - 1], self.budgets[number]
        ranked = [one for one in entries if before in one.scores and one.state is not TrialState.FAIL]
        ranked.sort(key=lambda one: (-self._sign * one.scores[before], one.number))
        places = max(1, len(ranked) * before // budget)
        inside = {one.number for one in ranked if budget in one.scores}
        free = [one for one in ranked if one.number not in inside and one.state is TrialState.RUNNING]
        inside |= {one.number for one in free[: max(0, places - len(inside))]}
        return [one for one in ranked if one.number in inside]


def as_pruner(given: Any) -> Any:
    """``given``, or the pruner of that name.

    Raises:
        ConfigError: It is no pruner.
    """
    if isinstance(given, str):
        return pruner_named(given)
    if given is not None and not isinstance(given, pruners.BasePruner):
        raise ConfigError(f"pruner = {given!r}: expected a name ({', '.join(PRUNERS)}) or one of Optuna's pruners")
    return given
