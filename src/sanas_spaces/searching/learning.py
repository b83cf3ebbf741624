"""What an algorithm learns from a record, and the best of what it has learnt."""

from __future__ import annotations

from collections.abc import Iterable

from optuna.trial import TrialState

from .budgets import Halving
from .pareto import Objectives, scores_of
from .proposals import Proposals
from .record import Entry

ESTIMATE = "estimate"
"""What a record calls the reward that a candidate stopped early would probably have had."""


class Learning:
    """Tells an algorithm of each entry of a record, and once of its reward.

    Args:
        proposals: What the algorithm proposes.
        objectives: What is to be large or small.
        halving: Rounds with rising budgets; then the scores of the first one, which compare, are the rewards.

    Attributes:
        finished: Number of entries whose reward was learnt.
        best_entry: The best of the complete ones, if there is one objective.
    """

    def __init__(self, proposals: Proposals, objectives: Objectives, halving: Halving | None) -> None:
        self._proposals = proposals
        self._algorithm = proposals.algorithm
        self._objectives = objectives
        self._first_budget = None if halving is None else halving.budgets[0]
        self._learnt: set[int] = set()
        self._best: tuple[float, int] | None = None
        self.best_entry: Entry | None = None
        self.finished = 0

    def take_in(self, entries: Iterable[Entry]) -> None:
        """Learn entries that are new or have changed."""
        for entry in entries:
            self._proposals.taken(entry.tokens, entry.attrs.get("hash", ""))
            self._algorithm.issue(entry.number, entry.tokens)
            if entry.state is not TrialState.RUNNING or self._first_budget in entry.scores:
                self._learn(entry)
            self._compare(entry)

    def reward(self, entry: Entry) -> tuple[float, ...] | None:
        """What is learnt of an entry: its values, their estimate, or its score of the first round."""
        if self._first_budget is not None:
            score = entry.scores.get(self._first_budget)
        elif entry.state is TrialState.PRUNED:
            score = entry.attrs.get(ESTIMATE)
        else:
            return entry.values
        return None if score is None else (score,)

    def _learn(self, entry: Entry) -> None:
        if entry.number in self._learnt:
            return
        self._learnt.add(entry.number)
        reward = self.reward(entry)
        scores = None if reward is None else scores_of([reward], self._objectives)[0]
        self._algorithm.observe(
            entry.number,
            entry.tokens,
            None if scores is None else tuple(scores.tolist()) if self._objectives.several else float(scores[0]),
        )
        if scores is not None:
            self.finished += 1

    def _compare(self, entry: Entry) -> None:
        """See whether an entry is the best of the complete ones."""
        if self._objectives.several or entry.values is None:
            return
        score = float(scores_of([entry.values], self._objectives)[0][0]), -entry.number
        if self._best is None or score > self._best:
            self._best, self.best_entry = score, entry
