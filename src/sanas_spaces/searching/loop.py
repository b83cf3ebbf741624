"""The loop of a search: hand out candidates, record what becomes of them."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from optuna.trial import TrialState

from ..errors import EvaluationError, SanasError, SearchExhausted
from .candidate import Candidate
from .engine import Engine
from .execution import Execution, Outcome, Question

_logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""How often to look whether other processes have left something to do."""
GIVE_UP_AFTER = 3
"""If the first so many candidates all fail, the mistake is not in the networks."""


def evaluations(
    engine: Engine, execution: Execution, steps: int, announce: Callable[[Candidate], Any]
) -> Iterator[Candidate]:
    """Hand out candidates, record what becomes of them, and yield them after that."""
    working: dict[int, Candidate] = {}
    while True:
        while len(working) < execution.slots and (candidate := _next(engine, steps)) is not None:
            announce(candidate)
            working[candidate.number] = candidate
            execution.start(candidate)
        if not working:
            if not engine.waiting:
                return
            time.sleep(POLL_SECONDS)
            continue
        event = execution.next_event()
        if isinstance(event, Question):
            _answer(engine, working[event.number], event)
            continue
        candidate = working.pop(event.number)
        _record(engine, candidate, event)
        yield candidate


def _next(engine: Engine, steps: int) -> Candidate | None:
    try:
        return engine.take(steps)
    except SearchExhausted as end:
        count = len(engine.record.entries)
        _logger.warning("the search ends after %d of %d candidates: %s", count, steps, end)
        return engine.take(count)


def _record(engine: Engine, candidate: Candidate, outcome: Outcome) -> None:
    if outcome.pruned:
        engine.prune(candidate)
        return
    if outcome.reason is None:
        try:
            engine.tell(candidate, outcome.value)
            return
        except SanasError as error:  # not what a reward has to be
            reason = f"{type(error).__name__}: {error}"
            outcome = Outcome(candidate.number, reason=reason, details=traceback.format_exc(), error=error)
    _logger.warning("candidate %d failed: %s", candidate.number, outcome.reason)
    if outcome.details:
        engine.record.note(candidate.entry, "traceback", outcome.details)
    engine.fail(candidate, str(outcome.reason))
    closed = [entry for entry in engine.record.entries if entry.state is not TrialState.RUNNING]
    if len(closed) == GIVE_UP_AFTER and all(entry.state is TrialState.FAIL for entry in closed):
        raise EvaluationError(
            f"the first {GIVE_UP_AFTER} candidates all failed, the last with {outcome.reason}"
        ) from outcome.error


def _answer(engine: Engine, candidate: Candidate, question: Question) -> None:
    try:
        if question.score is not None:
            engine.report(candidate, question.score, question.step)
        question.answer(engine.should_prune(candidate))
    except SanasError as error:
        question.answer(error)
