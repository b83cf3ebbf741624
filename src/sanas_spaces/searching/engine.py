"""The engine under every driver: proposes networks that are new and allowed, and records what becomes of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from optuna.trial import TrialState

from ..arch import ImageShape
from ..errors import ConfigError, RewardError
from ..tables import Space
from .algorithms import Algorithm
from .budgets import Halving, standing
from .candidate import Candidate, finite_number
from .constraints import Constraints
from .custody import Custody
from .holding import Hold
from .learning import ESTIMATE, Learning
from .leases import LEASE_SECONDS, Worker
from .pareto import Objectives
from .proposals import CostFunction, Proposals
from .record import Entry, LockLostError, Record

_logger = logging.getLogger(__name__)

PROPOSED_TWICE = "another process proposed the same network at the same time"
"""Why a candidate was given up at once: the server, and with it the lock of who proposes, went as it was written."""


class Engine:
    """Ask for candidates, tell their rewards.

    Args:
        space: The search space.
        record: Where everything is written; what it holds already is learnt from.
        algorithm: What proposes.
        constraints: What every candidate has to meet.
        input_shape: Image shape [C, H, W] that networks are told apart on.
        cost_of: Cost of an architecture list; by default its own on ``input_shape``.
        objectives: What is to be large or small; by default one reward.
        pruner: Optuna pruner that stops candidates early by their scores on the way.
        halving: Rounds with rising budgets.
        joined: Whether other processes work on the record, too; otherwise what is open there is up to this one.
        lease: Seconds after which a silent one of them is gone, and its candidates are handed out again.
        held: What keeps other processes from the folder of the record.

    Raises:
        ConfigError: There are several objectives, and the algorithm, the pruner or the rounds take one.
    """

    def __init__(
        self,
        space: Space,
        record: Record,
        algorithm: Algorithm,
        constraints: Constraints,
        *,
        input_shape: ImageShape,
        cost_of: CostFunction | None = None,
        objectives: Objectives | None = None,
        pruner: Any = None,
        halving: Halving | None = None,
        joined: bool = False,
        lease: float = LEASE_SECONDS,
        held: Hold | None = None,
    ) -> None:
        self.space = space
        self.record = record
        self.algorithm = algorithm
        self.constraints = constraints
        self.objectives = objectives or Objectives()
        if self.objectives.several and not algorithm.takes_several:
            raise ConfigError(f"{type(algorithm).__name__} takes one objective, not {self.objectives.names}")
        if self.objectives.several and (pruner or halving):
            raise ConfigError(f"a pruner and budgets take one objective, not {self.objectives.names}")
        if pruner and halving:
            raise ConfigError("a pruner and budgets are two ways to spend less on bad candidates: choose one of them")
        self.pruner = pruner
        self.halving = halving
        self.input_shape = input_shape
        self._proposals = Proposals(space, algorithm, constraints, input_shape=input_shape, cost_of=cost_of)
        self._learning = Learning(self._proposals, self.objectives, halving)
        self.waiting = False
        self.worker = Worker(record.study, lease=lease, beats=joined and record.place.shared)
        self._custody = Custody(record, self.worker)
        self._held = held
        self._joined = joined
        self._learning.take_in(record.entries)

    @property
    def best_entry(self) -> Entry | None:
        """The best of the complete entries; None if there is none, or several objectives."""
        return self._learning.best_entry

    @property
    def finished(self) -> int:
        """Number of candidates that have a reward."""
        return self._learning.finished

    def group(self) -> AbstractContextManager[None]:
        """Record what is done inside at once, if the record can, which takes about as long as recording one thing.

        Raises:
            RecordError: It could not be written; the next group writes it, too.
        """
        return self.record.group()

    def take(self, steps: int | None = None) -> Candidate | None:
        """The next evaluation: of a candidate whose worker is gone, of a new one, or in the next round.

        Args:
            steps: Number of candidates of the search; no new ones are proposed beyond it.

        Returns:
            The candidate, None if there is nothing to do; :attr:`waiting` tells whether there may be later.

        Raises:
            SearchExhausted: There is no new network left.
            ConstraintError: No network was found that meets the constraints.
        """
        while True:
            try:
                with self.record.exclusive():
                    return self._take(steps)
            except LockLostError:
                _logger.warning("%s was restarted; proposing again", self.record.place)

    def _take(self, steps: int | None) -> Candidate | None:
        self._sync()
        self.waiting = False
        for entry in self.record.open_entries:
            if not self._learning.reward(entry) and self._custody.is_free(entry):
                self._custody.take(entry)
                return self.candidate(entry)
        if steps is None or len(self.record.entries) < steps:
            return self._ask()
        candidate = self._take_round()
        if candidate is None and self._joined:  # others may vanish before they are done
            self.waiting = self.waiting or self._custody.any_elsewhere()
        return candidate

    def _ask(self) -> Candidate:
        look = self._proposals.next(len(self.record.entries), finished=self.finished)
        attrs: dict[str, Any] = {"hash": self._proposals.digest(look), **self._custody.mark}
        if look.cost is not None:
            attrs |= look.cost.metrics()
        known = len(self.record.entries)
        entry = self.record.add(look.tokens, attrs)
        others = [one for one in self.record.entries[known:] if one is not entry]
        self._learning.take_in(others)
        if any(one.attrs.get("hash") == attrs["hash"] for one in others if one.number < entry.number):
            self.record.fail(entry, PROPOSED_TWICE)
            self._learning.take_in([entry])
            return self._ask()
        self._custody.take_new(entry)
        self._learning.take_in([entry])
        return Candidate(entry, look.archs, look.cost, budget=self._budget(0), reports=self)

    def _take_round(self) -> Candidate | None:
        """An evaluation of the first round that has any left; a round begins when the one before is over."""
        for number in range(1, len(self.halving.budgets) if self.halving else 0):
            before = self._budget(number - 1)
            if any(before not in entry.scores for entry in self.record.open_entries):
                self.waiting = True
                return None
            chosen = self._close_round(number)
            for entry in chosen:
                if self._custody.is_free(entry):
                    self._custody.take(entry)
                    return self.candidate(entry, number)
            if chosen:
                self.waiting = True
                return None
        return None

    def _sync(self) -> None:
        if self.record.place.shared:
            self._learning.take_in(self.record.sync())

    def candidate(self, entry: Entry, number: int = 0) -> Candidate:
        """The candidate of a recorded entry, for round ``number`` if there are several."""
        archs = self.space.token2arch(entry.tokens)
        return Candidate(entry, archs, self._proposals.cost(archs), budget=self._budget(number), reports=self)

    def tell(self, candidate: Candidate, result: Any) -> None:
        """Record the reward of an open candidate, or the named values of its goals; before the last round, its score.

        Raises:
            RewardError: A value is no finite number (the candidate stays open), or the candidate is not open.
            EvaluationError: A goal is missing.
        """
        known = {} if candidate.cost is None else candidate.cost.metrics()
        values = self.objectives.values(result, known)
        numbers = [finite_number(v, n) for v, n in zip(values, self.objectives.names, strict=True)]
        if self._custody.is_late(candidate):
            return
        if isinstance(result, Mapping):
            for name in result.keys() - set(self.objectives.names) - known.keys():
                self.record.note(candidate.entry, name, _noted(name, result[name]))
        entry = candidate.entry
        if self.halving and candidate.budget is not None:
            kept = self.record.report(entry, candidate.budget, numbers[0])
            if candidate.budget != self.halving.budgets[-1]:
                self._custody.release(entry)
            else:
                kept = self.record.tell(entry, numbers)
        else:
            kept = self.record.tell(entry, numbers)
        self._closed(entry, kept=kept)

    def fail(self, candidate: Candidate, reason: str) -> None:
        """Record that an open candidate could not be evaluated, and why."""
        if not self._custody.is_late(candidate):
            self._closed(candidate.entry, kept=self.record.fail(candidate.entry, str(reason)))

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        """Record the score of an open candidate on the way.

        Raises:
            RewardError: The score is no finite number, the step no whole one, or the candidate is not open.
        """
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise RewardError(f"step = {step!r}: expected a whole number from 0")
        value = finite_number(score, "score")
        if self._custody.is_late(candidate, ends=False):
            return
        if self.halving:
            raise RewardError("in a search with budgets the rounds report scores")
        self.record.report(candidate.entry, step, value)

    def should_prune(self, candidate: Candidate) -> bool:
        """Whether the pruner would stop an open candidate."""
        if self.pruner is None or not candidate.entry.scores:
            return False
        study, trial = self.record.study, self.record.trial(candidate.entry)
        return bool(self.record.place.patiently(lambda: self.pruner.prune(study, trial)))

    def prune(self, candidate: Candidate) -> None:
        """Record that an open candidate was stopped early.

        The algorithm learns the reward that it would probably have had, which is written down: it depends on what was
        known at the time.
        """
        if self._custody.is_late(candidate):
            return
        estimate = standing(candidate.entry, self.record.entries)
        if estimate is not None:
            self.record.note(candidate.entry, ESTIMATE, estimate)
        self._closed(candidate.entry, kept=self.record.prune(candidate.entry))

    def _closed(self, entry: Entry, *, kept: bool) -> None:
        """Learn what was recorded, or that another worker was faster with a candidate that was handed out again."""
        if not kept:
            _logger.info("candidate %d had its result from another worker already", entry.number)
            self._sync()
        self._custody.drop(entry.number)
        self._learning.take_in([entry])

    def _close_round(self, number: int) -> list[Entry]:
        """Choose the entries of round ``number`` from 1 and stop the open ones that are not among them.

        Returns:
            The chosen ones that are still to be evaluated, best first.
        """
        if self.halving is None:
            return []
        chosen = self.halving.round_of(self.record.entries, number)
        for entry in self.record.open_entries:
            if entry not in chosen:
                self.record.prune(entry)
        budget = self.halving.budgets[number]
        return [one for one in chosen if budget not in one.scores and one.state is TrialState.RUNNING]

    def check_constraints(self) -> None:
        """Make sure that some network meets the constraints.

        Raises:
            ConstraintError: None was found; the message tells the smallest cost seen.
        """
        if self.constraints:
            self._proposals.next(len(self.record.entries), finished=self.finished)

    def close(self) -> None:
        """Stop telling others that this engine is there; what it had open, and its folder, is theirs then."""
        self.worker.close()
        self._held = None

    def _budget(self, number: int) -> int | None:
        return None if self.halving is None else self.halving.budgets[number]


def _noted(name: str, value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise RewardError(
            f"{name} = {value!r}: expected numbers, text, or lists and dicts of them, to be noted"
        ) from None
    return value
