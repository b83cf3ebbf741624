"""The loop of a search: hand out candidates, record what becomes of them."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

from optuna.trial import TrialState

from ..errors import EvaluationError, RecordError, SanasError, SearchExhausted
from .candidate import Candidate
from .engine import Engine
from .execution import Execution, Outcome, Question
from .interrupts import Shield

_logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""How often to look whether other processes have left something to do."""
GIVE_UP_AFTER = 3
"""If the first so many candidates all fail, the mistake is not in the networks."""


def evaluations(
    engine: Engine, execution: Execution, steps: int, announce: Callable[[Candidate], Any]
) -> Generator[Candidate, None, None]:
    """Hand out candidates, record what becomes of them, and yield them after that.

    Ctrl-C waits while something is recorded. Whoever ends the search with it, or otherwise, closes the iterator: what
    has arrived until then is recorded, too.
    """
    working: dict[int, Candidate] = {}
    try:
        while True:
            while len(working) < execution.slots:
                try:
                    new = engine.take(steps)
                except SearchExhausted as end:
                    count = len(engine.record.entries)
                    _logger.warning("the search ends after %d of %d candidates: %s", count, steps, end)
                    steps = count
                    continue
                if new is None:
                    break
                announce(new)
                working[new.number] = new
                execution.start(new)
            if not working:
                if not engine.waiting:
                    return
                time.sleep(POLL_SECONDS)
                continue
            event = execution.next_event()
            if event is None:
                continue
            if isinstance(event, Question):
                _answer(engine, working[event.number], event)
                continue
            with Shield():
                candidate = working.pop(event.number)
                _record(engine, candidate, event)
                _give_up(engine, event)
            yield candidate
    finally:
        for event in execution.arrived():
            if event.number in working:
                _record(engine, working.pop(event.number), event)


def _record(engine: Engine, candidate: Candidate, outcome: Outcome) -> None:
    if outcome.pruned:
        engine.prune(candidate)
        return
    if outcome.reason is None:
        try:
            engine.tell(candidate, outcome.value)
            return
        except RecordError:
            _logger.error("candidate %d has the result %r, which cannot be recorded", candidate.number, outcome.value)
            raise
        except SanasError as error:  # not what a reward has to be
            outcome.reason = f"{type(error).__name__}: {error}"
            outcome.details, outcome.error = traceback.format_exc(), error
    _logger.warning("candidate %d failed: %s", candidate.number, outcome.reason)
    if outcome.details:
        engine.record.note(candidate.entry, "traceback", outcome.details)
    engine.fail(candidate, outcome.reason)


def _give_up(engine: Engine, last: Outcome) -> None:
    """End the search if nothing but failures has come of it."""
    closed = [entry for entry in engine.record.entries if entry.state is not TrialState.RUNNING]
    if len(closed) == GIVE_UP_AFTER and all(entry.state is TrialState.FAIL for entry in closed):
        raise EvaluationError(
            f"the first {GIVE_UP_AFTER} candidates all failed, the last with {last.reason}"
        ) from last.error


def _answer(engine: Engine, candidate: Candidate, question: Question) -> None:
    try:
        if question.score is not None:
            engine.report(candidate, question.score, question.step)
        question.answer(engine.should_prune(candidate))
    except SanasError as error:
        question.answer(error)
