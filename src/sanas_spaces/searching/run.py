"""A whole search in one call."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna import TrialPruned
from optuna.trial import TrialState

from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import CandidatePruned, ConfigError, EvaluationError, SearchExhausted
from ..tables import Space, Table
from .constraints import Constraints
from .engine import Candidate, Engine
from .opening import open_engine
from .pareto import Objectives, hypervolume, knee, non_dominated, reference_point, scores_of
from .record import Entry

_logger = logging.getLogger(__name__)

RECORD_NAME = "search"
GIVE_UP_AFTER = 3
"""If the first so many candidates all fail, the mistake is not in the networks."""

Evaluate = Callable[[Candidate], Any]
Callback = Callable[["SearchResult", Candidate], None]


@dataclass(frozen=True)
class SearchResult:
    """What a search has found so far.

    Attributes:
        engine: The engine of the search.
        folder: Folder of the record, None if it is in memory.
    """

    engine: Engine
    folder: Path | None

    @property
    def space(self) -> Space:
        """The search space."""
        return self.engine.space

    @property
    def best(self) -> Candidate:
        """The candidate with the largest reward, the earliest of equals; with several objectives, the :attr:`knee`.

        Raises:
            EvaluationError: No candidate was evaluated.
        """
        if self.objectives.several:
            return self.knee
        if self.engine.best_entry is None:
            raise EvaluationError("no candidate of this search was evaluated")
        return self.engine.candidate(self.engine.best_entry)

    @property
    def objectives(self) -> Objectives:
        """What is to be large or small."""
        return self.engine.objectives

    @property
    def pareto_front(self) -> list[Candidate]:
        """The candidates that no other is at least as good as for all objectives, the best for the first one first."""
        evaluated, scores = self._scores()
        front = [i for i, kept in enumerate(non_dominated(scores)) if kept]
        return [self.engine.candidate(evaluated[i]) for i in sorted(front, key=lambda i: -scores[i, 0])]

    @property
    def knee(self) -> Candidate:
        """The candidate of the Pareto front that is nearest to the best of all objectives, each scaled from 0 to 1.

        Raises:
            EvaluationError: No candidate was evaluated.
        """
        evaluated, scores = self._scores()
        if not evaluated:
            raise EvaluationError("no candidate of this search was evaluated")
        front = np.flatnonzero(non_dominated(scores))
        return self.engine.candidate(evaluated[front[knee(scores[front])]])

    def hypervolume(self, reference: Mapping[str, float] | None = None) -> list[float]:
        """Hypervolume that the first 1, 2, ... evaluated candidates dominate.

        Args:
            reference: For each objective the value that is measured from; by default the worst that was found and a
                tenth of the range more.
        """
        evaluated, scores = self._scores()
        if not evaluated:
            return []
        if reference is None:
            origin = reference_point(scores)
        else:
            origin = scores_of([[reference[name] for name in self.objectives.names]], self.objectives)[0]
        volumes = [hypervolume(scores[: n + 1], origin) for n in range(len(scores))]
        return [float(volume) for volume in np.maximum.accumulate(volumes)]  # sums in another order differ by a hair

    def _scores(self) -> tuple[list[Entry], Any]:
        """Evaluated candidates, and their values [n, objectives], all to be large."""
        evaluated = [entry for entry in self.engine.record.entries if entry.values is not None]
        return evaluated, scores_of([entry.values or () for entry in evaluated], self.objectives)

    @property
    def best_number(self) -> int | None:
        """Number of the best candidate, None while there is none."""
        if self.objectives.several:
            return self.knee.number if self.engine.finished else None
        return None if self.engine.best_entry is None else self.engine.best_entry.number

    @property
    def settings(self) -> dict[str, Any]:
        """What decided the course of the search: configs, constraints, seed, initial tokens, ..."""
        return dict(self.engine.record.header)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row per candidate: number, state, reward, best reward so far, cost, tokens, reason of a failure."""
        rows = []
        best: float | None = None
        sign = float(self.objectives.signs[0])
        for entry in self.engine.record.entries:
            if entry.reward is not None and (best is None or sign * entry.reward > sign * best):
                best = entry.reward
            named = {} if self.objectives.goals is None or entry.values is None else entry.values
            attrs = {key: value for key, value in entry.attrs.items() if key not in ("reason", "traceback")}
            rows.append(
                {
                    "number": entry.number,
                    "state": entry.state.name.lower(),
                    "reward": entry.reward,
                    "best": best,
                    **attrs,
                    **dict(zip(self.objectives.names, named, strict=False)),
                    **({"scores": dict(entry.scores)} if entry.scores else {}),
                    "tokens": list(entry.tokens),
                    "reason": entry.attrs.get("reason"),
                }
            )
        return rows

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The same by column, None where a candidate has no entry: ``pandas.DataFrame(result.columns)``."""
        rows = self.history
        return {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)}


def search(
    configs: Sequence[Any] | Table,
    evaluate: Evaluate,
    *,
    steps: int = 20,
    constraints: Mapping[str, Any] | None = None,
    objectives: Mapping[str, str] | None = None,
    input_shape: ImageShape | None = None,
    init_tokens: Sequence[int] | None = None,
    algorithm: Any = None,
    pruner: Any = None,
    budgets: Sequence[int] | None = None,
    seed: int | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    on_start: Callback | None = None,
) -> SearchResult:
    """Search for the network with the largest reward.

    Args:
        configs: Search spaces: ``[('MobileNetV2Space')]`` or ``[(name, {...}), ...]``; or a table of networks.
        evaluate: Function of a :class:`Candidate` that returns its reward. If it has a method ``cost(archs)``, that
            is the cost that constraints bound (a training evaluator counts the classifier, too); if it has an
            ``input_shape``, that is the default. An exception fails the candidate, and the search goes on.
        steps: Number of candidates, those of a resumed record included.
        constraints: Bounds that every candidate meets: ``{"flops": 50e6, "params": (1e5, 1e6)}``.
        objectives: What is to be large or small: ``{"accuracy": "max", "flops": "min"}``. A name is a key of the dict
            that ``evaluate`` returns, or a figure of the cost; a plain number that it returns is the one objective that
            is no figure of the cost. By default ``evaluate`` returns one reward to be large.
        input_shape: Image shape [C, H, W] that costs refer to.
        init_tokens: First candidate; by default the initial tokens of the spaces.
        algorithm: What proposes: ``"annealing"``, the default, ``"model"``, the default for several objectives,
            ``"paddleslim"``, ``"evolution"``, ``"local"``, ``"random"``, a function of (choices, init_tokens, seed=)
            that gives an :class:`~sanas_spaces.searching.Algorithm`, or an Optuna sampler.
        pruner: What stops candidates early by the scores that ``evaluate`` reports on the way: ``"median"``,
            ``"halving"``, or one of Optuna's pruners.
        budgets: Rounds with rising budgets, such as epochs ``[2, 6, 18]``: all candidates are evaluated with the
            first, the best third of them with the second, the best third of those with the last. ``evaluate`` finds
            the budget in ``candidate.budget``.
        seed: Seed of the search; by default drawn and written into the record.
        folder: Folder of the record, an Optuna journal file; None keeps it in memory.
        resume: Continue the newest record in ``folder``; the candidate that was open is evaluated again.
        callbacks: Called with the result so far and the candidate after each candidate.
        on_start: Called with the same before a candidate is evaluated.

    Returns:
        The result; also if every network of the space was tried before ``steps`` were used.

    Raises:
        EvaluationError: The first three candidates all failed; the cause is chained.
    """
    if isinstance(steps, bool) or steps < 1:
        raise ConfigError(f"steps = {steps!r}: expected a positive number of candidates")
    if not callable(evaluate):
        raise ConfigError(f"evaluate = {evaluate!r}: expected a function of a candidate")
    if resume and folder is None:
        raise ConfigError("resume = True needs the folder of the search")
    space = configs if isinstance(configs, Table) else CombinedSpace(configs)
    place = None if folder is None else Path(folder)
    engine = open_engine(
        space,
        name=RECORD_NAME,
        save_to=place,
        load_from=place if resume else None,
        init_tokens=init_tokens,
        algorithm=algorithm,
        default_algorithm="model" if len(objectives or ()) > 1 else "annealing",
        seed=seed,
        constraints=Constraints(constraints, space.metrics),
        input_shape=input_shape or getattr(evaluate, "input_shape", None),
        cost_of=_cost_method(evaluate),
        objectives=Objectives(objectives),
        pruner=pruner,
        budgets=budgets,
    )
    result = SearchResult(engine, place)
    for candidate in _candidates(engine, steps):
        if on_start is not None:
            on_start(result, candidate)
        try:
            reward = evaluate(candidate)
            engine.tell(candidate, reward)
        except (CandidatePruned, TrialPruned):
            engine.prune(candidate)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises
            _fail(engine, candidate, error)
        for callback in callbacks:
            callback(result, candidate)
    return result


def _candidates(engine: Engine, steps: int) -> Iterator[Candidate]:
    """Open candidates of the record, then new ones, until there are ``steps``; then the rounds with larger budgets."""
    for entry in engine.record.open_entries:
        if not (engine.halving and entry.scores):
            yield engine.candidate(entry)
    while len(engine.record.entries) < steps:
        try:
            yield engine.ask()
        except SearchExhausted as end:
            _logger.warning("the search ends after %d of %d candidates: %s", len(engine.record.entries), steps, end)
            break
    for number in range(1, len(engine.halving.budgets) if engine.halving else 0):
        for entry in engine.close_round(number):
            yield engine.candidate(entry, number)


def _fail(engine: Engine, candidate: Candidate, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"
    _logger.warning("candidate %d failed: %s", candidate.number, reason)
    engine.record.note(candidate.entry, "traceback", traceback.format_exc())
    engine.fail(candidate, reason)
    entries = engine.record.entries
    if len(entries) == GIVE_UP_AFTER and all(entry.state is TrialState.FAIL for entry in entries):
        raise EvaluationError(f"the first {GIVE_UP_AFTER} candidates all failed, the last with {reason}") from error


def _cost_method(evaluate: Any) -> Any:
    cost = getattr(evaluate, "cost", None)
    return cost if inspect.ismethod(cost) else None
