"""The engine under every driver: proposes networks that are new and allowed, and records what becomes of them."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from optuna.trial import TrialState

from ..arch import ArchList, ImageShape
from ..cost import Cost
from ..errors import ConfigError, ConstraintError, CostError, RewardError, SearchExhausted
from ..tables import Space
from .algorithms import Algorithm
from .budgets import Halving, standing
from .constraints import Constraints
from .leases import LEASE_SECONDS, Worker
from .pareto import Objectives, scores_of
from .record import Entry, Record

_logger = logging.getLogger(__name__)

MAX_TRIES = 200_000
"""Proposals looked at before giving up; smaller spaces are looked at whole."""
PLAIN_TRIES = 50
"""In larger spaces, proposals outside the constraints that are passed over before they are pulled inside."""
MAX_REPAIRS = 200
"""In larger spaces, proposals pulled inside the constraints before giving up."""
FAILED_REPAIRS = 20
"""In larger spaces, proposals that none could be pulled inside before the constraints count as impossible."""
OWNER = "owner"
"""What a record calls the worker that has an open candidate."""
ESTIMATE = "estimate"
"""What a record calls the reward that a candidate stopped early would probably have had."""
MOST_LOOKS = 1000
"""Proposals that are remembered while one is chosen."""

CostFunction = Callable[[ArchList], Cost]


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

    def __repr__(self) -> str:
        return f"<Candidate {self.number} tokens={self.tokens} reward={self.reward}>"


class Reports(Protocol):
    """Who takes the scores of a candidate on the way."""

    pruner: Any

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        """Record a score."""

    def should_prune(self, candidate: Candidate) -> bool:
        """Whether to stop."""


@dataclass
class _Look:
    """What a proposal turned out to be; its canonical hash only once it is needed."""

    tokens: tuple[int, ...]
    archs: ArchList
    cost: Cost | None
    violation: float
    digest: str = ""


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
        self._cost_of = cost_of or (lambda archs: archs.cost(input_shape))
        self._described = True
        self._tokens: set[tuple[int, ...]] = set()
        self._hashes: set[str] = set()
        self._looks: dict[tuple[int, ...], _Look] = {}
        self._least: tuple[float, Cost] | None = None
        self._best: tuple[float, int] | None = None
        self.best_entry: Entry | None = None
        self.finished = 0
        self.waiting = False
        self.worker = Worker(record.study, lease=lease, beats=joined and record.place.shared)
        self._mine: set[int] = set()
        self._learnt: set[int] = set()
        self._take_in(record.entries)

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
        with self.record.exclusive():
            self._sync()
            self.waiting = False
            for entry in self.record.open_entries:
                if not self._reward(entry) and self._is_free(entry):
                    return self._claim(entry)
            if steps is None or len(self.record.entries) < steps:
                return self._ask()
            return self._take_round()

    def _ask(self) -> Candidate:
        look = self._propose(len(self.record.entries))
        attrs: dict[str, Any] = {"hash": self._digest(look)}
        if self.record.place.shared:
            attrs[OWNER] = self.worker.name
        if look.cost is not None:
            attrs |= look.cost.metrics()
        known = len(self.record.entries)
        entry = self.record.add(look.tokens, attrs)
        others = [one for one in self.record.entries[known:] if one is not entry]
        self._take_in(others)
        if any(one.attrs.get("hash") == attrs["hash"] for one in others if one.number < entry.number):
            self.record.fail(entry, "another process proposed the same network at the same time")
            self._take_in([entry])
            return self._ask()
        self._mine.add(entry.number)
        self._issue(entry)
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
                if self._is_free(entry):
                    return self._claim(entry, number)
            if chosen:
                self.waiting = True
                return None
        return None

    def _is_free(self, entry: Entry) -> bool:
        """Whether nobody works on an open entry."""
        return entry.number not in self._mine and self.worker.is_gone(entry.attrs.get(OWNER))

    def _claim(self, entry: Entry, number: int = 0) -> Candidate:
        if self.record.place.shared:
            self.record.note(entry, OWNER, self.worker.name)
        self._mine.add(entry.number)
        return self.candidate(entry, number)

    def _sync(self) -> None:
        if self.record.place.shared:
            self._take_in(self.record.sync())

    def _take_in(self, entries: Sequence[Entry]) -> None:
        """Learn entries that are new or have changed."""
        for entry in entries:
            self._issue(entry)
            if entry.state is not TrialState.RUNNING or (self.halving and self.halving.budgets[0] in entry.scores):
                self._learn(entry)
            self._compare(entry)

    def candidate(self, entry: Entry, number: int = 0) -> Candidate:
        """The candidate of a recorded entry, for round ``number`` if there are several."""
        archs = self.space.token2arch(entry.tokens)
        cost, _ = self._describe(archs)
        return Candidate(entry, archs, cost, budget=self._budget(number), reports=self)

    def tell(self, candidate: Candidate, result: Any) -> None:
        """Record the reward of an open candidate, or the named values of its goals; before the last round, its score.

        Raises:
            RewardError: A value is no finite number (the candidate stays open), or the candidate is not open.
            EvaluationError: A goal is missing.
        """
        known = {} if candidate.cost is None else candidate.cost.metrics()
        values = self.objectives.values(result, known)
        numbers = [finite_number(v, n) for v, n in zip(values, self.objectives.names, strict=True)]
        self._check_open(candidate)
        if isinstance(result, Mapping):
            for name in result.keys() - set(self.objectives.names) - known.keys():
                self.record.note(candidate.entry, name, result[name])
        entry = candidate.entry
        if self.halving and candidate.budget is not None:
            kept = self.record.report(entry, candidate.budget, numbers[0])
            if candidate.budget != self.halving.budgets[-1]:
                self._release(entry)
            else:
                kept = self.record.tell(entry, numbers)
        else:
            kept = self.record.tell(entry, numbers)
        self._closed(entry, kept=kept)

    def fail(self, candidate: Candidate, reason: str) -> None:
        """Record that an open candidate could not be evaluated, and why."""
        self._check_open(candidate)
        self._closed(candidate.entry, kept=self.record.fail(candidate.entry, str(reason)))

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        """Record the score of an open candidate on the way.

        Raises:
            RewardError: The score is no finite number, the step no whole one, or the candidate is not open.
        """
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise RewardError(f"step = {step!r}: expected a whole number from 0")
        value = finite_number(score, "score")
        self._check_open(candidate)
        if self.halving:
            raise RewardError("in a search with budgets the rounds report scores")
        self.record.report(candidate.entry, step, value)

    def should_prune(self, candidate: Candidate) -> bool:
        """Whether the pruner would stop an open candidate."""
        if self.pruner is None or not candidate.entry.scores:
            return False
        return bool(self.pruner.prune(self.record.study, self.record.trial(candidate.entry)))

    def prune(self, candidate: Candidate) -> None:
        """Record that an open candidate was stopped early.

        The algorithm learns the reward that it would probably have had, which is written down: it depends on what was
        known at the time.
        """
        self._check_open(candidate)
        estimate = standing(candidate.entry, self.record.entries)
        if estimate is not None:
            self.record.note(candidate.entry, ESTIMATE, estimate)
        self._closed(candidate.entry, kept=self.record.prune(candidate.entry))

    def _closed(self, entry: Entry, *, kept: bool) -> None:
        """Learn what was recorded, or that another worker was faster with a candidate that was handed out again."""
        if not kept:
            _logger.info("candidate %d had its result from another worker already", entry.number)
            self._sync()
        self._take_in([entry])

    def _release(self, entry: Entry) -> None:
        """Leave an open entry to whoever takes it in the next round."""
        self._mine.discard(entry.number)
        if self.record.place.shared:
            self.record.note(entry, OWNER, None)

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
            self._propose(len(self.record.entries))

    def close(self) -> None:
        """Stop telling others that this engine is there; what it had open is theirs then."""
        self.worker.close()

    def _check_open(self, candidate: Candidate) -> None:
        if not candidate.is_open:
            raise RewardError(f"candidate {candidate.number} has its result already ({candidate.entry.state.name})")

    def _issue(self, entry: Entry) -> None:
        self._tokens.add(entry.tokens)
        self._hashes.add(entry.attrs.get("hash", ""))
        self.algorithm.issue(entry.number, entry.tokens)

    def _budget(self, number: int) -> int | None:
        return None if self.halving is None else self.halving.budgets[number]

    def _reward(self, entry: Entry) -> tuple[float, ...] | None:
        """What the algorithm learns of an entry: its values, their estimate, or its score of the first round."""
        if self.halving is not None:
            score = entry.scores.get(self.halving.budgets[0])
        elif entry.state is TrialState.PRUNED:
            score = entry.attrs.get(ESTIMATE)
        else:
            return entry.values
        return None if score is None else (score,)

    def _learn(self, entry: Entry) -> None:
        if entry.number in self._learnt:
            return
        self._learnt.add(entry.number)
        reward = self._reward(entry)
        scores = None if reward is None else scores_of([reward], self.objectives)[0]
        self.algorithm.observe(
            entry.number,
            entry.tokens,
            None if scores is None else tuple(scores.tolist()) if self.objectives.several else float(scores[0]),
        )
        if scores is not None:
            self.finished += 1

    def _compare(self, entry: Entry) -> None:
        """See whether an entry is the best of the complete ones."""
        if self.objectives.several or entry.values is None:
            return
        score = float(scores_of([entry.values], self.objectives)[0][0]), -entry.number
        if self._best is None or score > self._best:
            self._best, self.best_entry = score, entry

    def _propose(self, number: int) -> _Look:
        """The first proposal that is new and meets the constraints, pulled inside them where that is needed."""
        rng = np.random.default_rng((self.algorithm.seed, number, 2))
        small = self.space.table.size <= MAX_TRIES
        patience = PLAIN_TRIES if self.finished else 0  # a start outside is pulled inside at once
        outside = repairs = inside = 0
        self._looks.clear()
        proposals = self.algorithm.propose(number, self._admits)
        for tokens in itertools.islice(proposals, MAX_TRIES + 10 * len(self.space.table)):
            if tuple(tokens) in self._tokens:
                continue
            look = self._look(tokens)
            if look.violation > 0:
                outside += 1
                if small or outside <= patience:
                    continue
                if repairs == MAX_REPAIRS or (repairs == FAILED_REPAIRS and not inside):
                    break
                repairs += 1
                look = self._look(self._repair(tokens, look.violation, rng))
                if look.violation > 0:
                    continue
            inside += 1
            if self._digest(look) not in self._hashes:
                return look
            self._tokens.add(tuple(look.tokens))  # another name for a network that was proposed
        if outside and not inside and not self.record.entries:
            raise self._impossible()
        raise self._exhausted(small)

    def _admits(self, tokens: Sequence[int]) -> bool:
        """Whether tokens mean a network that was never proposed and meets the constraints."""
        if tuple(tokens) in self._tokens:
            return False
        look = self._look(tokens)
        if look.violation > 0:
            return False
        if self._digest(look) in self._hashes:
            self._tokens.add(tuple(tokens))
            return False
        return True

    def _look(self, tokens: Sequence[int]) -> _Look:
        """What tokens mean; looked at once per proposal."""
        key = tuple(tokens)
        if key not in self._looks:
            if len(self._looks) == MOST_LOOKS:
                self._looks.clear()
            if self.space.holds(key):
                archs = self.space.token2arch(key)
                self._looks[key] = _Look(key, archs, *self._describe(archs))
            else:
                self._looks[key] = _Look(key, ArchList([]), None, math.inf)
        return self._looks[key]

    def _digest(self, look: _Look) -> str:
        if not look.digest:
            look.digest = look.archs.hash(self.input_shape) if self._described else " ".join(map(str, look.tokens))
        return look.digest

    def _describe(self, archs: ArchList) -> tuple[Cost | None, float]:
        """Cost, and how far it is outside the constraints."""
        if not self._described:
            return None, 0.0
        try:
            cost = self._cost_of(archs)
        except CostError as error:
            if self.constraints:
                raise ConstraintError(f"constraints need the cost of a network, and {error}") from error
            _logger.warning("%s; candidates are told apart by their tokens", error)
            self._described = False
            return None, 0.0
        violation = self.constraints.violation(cost)
        if violation > 0 and (self._least is None or violation < self._least[0]):
            self._least = violation, cost
        return cost, violation

    def _repair(self, tokens: Sequence[int], violation: float, rng: np.random.Generator) -> list[int]:
        """Move tokens one option at a time, each in turn, while that lessens the violation; then any option.

        Small steps everywhere end just inside the constraints; large ones would make a few tokens as cheap as can be.
        """
        tokens = list(tokens)
        for reach in (1, max(self.algorithm.range_table)):
            improved = True
            while improved:
                improved = False
                for position in rng.permutation(len(tokens)):
                    kept = tokens[position]
                    first, end = max(0, kept - reach), min(self.algorithm.range_table[position], kept + reach + 1)
                    for value in (*range(kept - 1, first - 1, -1), *range(kept + 1, end)):
                        before, tokens[position] = tokens[position], value
                        _, other = self._describe(self.space.token2arch(tokens))
                        if other >= violation:
                            tokens[position] = before
                            continue
                        violation, improved = other, True
                        if violation == 0:
                            return tokens
        return tokens

    def _impossible(self) -> ConstraintError:
        seen = ""
        if self._least is not None:
            cost = self._least[1]
            seen = "; the nearest seen has " + ", ".join(f"{n} = {getattr(cost, n):,}" for n in self.constraints.bounds)
        return ConstraintError(
            f"no network of {', '.join(self.space.names)} was found that meets {self.constraints.describe()}{seen}"
        )

    def _exhausted(self, small: bool) -> SearchExhausted:
        limits = f" that meets {self.constraints.describe()}" if self.constraints else ""
        names, count = ", ".join(self.space.names), len(self.record.entries)
        if small:
            return SearchExhausted(f"every network of {names}{limits} has been proposed: {count} candidates")
        return SearchExhausted(
            f"no new network of {names}{limits} was found in {MAX_TRIES:,} tries, after {count} candidates"
        )


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
