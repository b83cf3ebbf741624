"""A network that a search wants evaluated, and what an evaluation may report on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from optuna.trial import TrialState

from ..arch import ArchList
from ..cost import Cost
from ..errors import RewardError
from ..notebook import figures, folded, heading, table
from .record import Entry


class Candidate:
    """A network that a search wants evaluated.

    Attributes:
        number: Its number in the search, from 0.
        tokens: Its tokens.
        archs: Its architectures, one per space of the config; called as a whole they are the network.
        cost: Its cost without building it, or None if its space calls Paddle itself.
        budget: How much this evaluation may cost, in what unit ever ``budgets`` of the search are; None without them.
    """

    def __init__(
        self,
        entry: Entry,
        archs: ArchList,
        cost: Cost | None,
        *,
        budget: int | None = None,
        reports: Reports | None = None,
    ) -> None:
        self.entry = entry
        self.budget = budget
        self._reports = reports
        self.number = entry.number
        self.tokens = list(entry.tokens)
        self.archs = archs
        self.cost = cost

    @property
    def choices(self) -> dict[str, Any]:
        """What the tokens pick, by label."""
        return self.archs.network.choices

    @property
    def is_open(self) -> bool:
        """Whether it has no result yet."""
        return self.entry.state is TrialState.RUNNING

    @property
    def reward(self) -> float | None:
        """Its reward, None while it is open, if it failed, or if there are several goals."""
        return self.entry.reward

    @property
    def values(self) -> tuple[float, ...] | None:
        """Its value for each goal, None while it is open or if it failed."""
        return self.entry.values

    @property
    def prunable(self) -> bool:
        """Whether the search wants scores on the way, to stop it early."""
        return self._reports is not None and self._reports.pruner is not None

    def report(self, score: Any, step: int) -> None:
        """Record its score after ``step``, such as the validation accuracy after an epoch.

        Raises:
            RewardError: The score is no finite number, the step no whole one, or the candidate is not open.
        """
        if self._reports is not None:
            self._reports.report(self, score, step)

    def should_prune(self) -> bool:
        """Whether its scores so far are not promising: raise :class:`~sanas_spaces.errors.CandidatePruned` then."""
        return self._reports is not None and self._reports.should_prune(self)

    def _repr_html_(self) -> str:
        values = "" if self.values is None else f"reward {', '.join(f'{value:.6g}' for value in self.values)}"
        tokens = table([*self.choices.items()], heading=("choice", "picks"))
        cost = "" if self.cost is None else figures(self.cost.metrics())
        return (
            heading(f"Candidate {self.number}", values or self.entry.state.name.lower())
            + cost
            + folded(f"tokens {self.tokens}", tokens)
        )

    def __repr__(self) -> str:
        return f"<Candidate {self.number} tokens={self.tokens} reward={self.reward}>"


class Candidates(list[Candidate]):
    """A list of candidates that a notebook shows as a table.

    Args:
        candidates: The candidates.
        goals: Names of their values.
    """

    def __init__(self, candidates: Iterable[Candidate], goals: Sequence[str]) -> None:
        super().__init__(candidates)
        self.goals = list(goals)

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for one in self if one.cost is not None for name in one.cost.metrics()))
        costs = [name for name in ("flops", "params") if name in names and name not in self.goals]
        rows = [
            [
                one.number,
                *(f"{value:,.6g}" if value % 1 else f"{value:,.0f}" for value in one.values or ()),
                *("" if one.cost is None else f"{one.cost.metrics()[name]:,}" for name in costs),
                one.tokens,
            ]
            for one in self
        ]
        return table(rows, heading=("candidate", *self.goals, *costs, "tokens"))


class Reports(Protocol):
    """Who takes the scores of a candidate on the way."""

    pruner: Any

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        """Record a score."""

    def should_prune(self, candidate: Candidate) -> bool:
        """Whether to stop."""


def finite_number(reward: Any, name: str = "reward") -> float:
    """Return ``reward`` as a float.

    Raises:
        RewardError: It is NaN, infinite or no single number.
    """
    try:
        if isinstance(reward, str | bytes | bool):
            raise TypeError
        number = float(np.asarray(reward.item() if hasattr(reward, "item") else reward, dtype=float))
    except (TypeError, ValueError):
        raise RewardError(f"{name} = {reward!r}: expected one finite number") from None
    if not np.isfinite(number):
        raise RewardError(f"{name} = {reward!r}: expected a finite number; use fail(reason) if there is none")
    return number
