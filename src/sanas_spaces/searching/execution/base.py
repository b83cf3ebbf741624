"""What every way of evaluating candidates offers: it takes candidates and tells what became of them."""

from __future__ import annotations

import math
import queue
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from optuna import TrialPruned
from optuna.trial import TrialState

from ...arch import ImageShape
from ...errors import CandidatePruned, CostError
from ...tables import Space
from ..candidate import Candidate, Reports
from ..record import Entry

CostOf = Callable[[Any], Any]
T = TypeVar("T")


@dataclass
class Outcome:
    """How an evaluation ended.

    Attributes:
        number: Number of the candidate.
        value: What the evaluation returned.
        reason: Why it failed, None if it did not.
        details: The traceback of a failure.
        error: The exception, if it happened in this process.
        pruned: Whether it was stopped early.
    """

    number: int
    value: Any = None
    reason: str | None = None
    details: str | None = None
    error: Exception | None = None
    pruned: bool = False


@dataclass
class Question:
    """A score on the way of a candidate in another process, and whether to stop it.

    Attributes:
        number: Number of the candidate.
        score: The score, None if only the answer is wanted.
        step: After which step.
        answer: Takes whether to stop, or the error that the score is.
    """

    number: int
    score: Any
    step: int
    answer: Callable[[bool | Exception], None]


class Execution(ABC):
    """A place where candidates are evaluated, several at once perhaps."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many candidates it can take at once now."""

    @abstractmethod
    def start(self, candidate: Candidate) -> None:
        """Take a candidate."""

    @abstractmethod
    def next_event(self) -> Outcome | Question | None:
        """Wait for the next thing that happens to one of the candidates; None: it can take more of them than before."""

    def arrived(self) -> list[Outcome]:
        """Outcomes that are there already; who stops a search takes them, too."""
        return []

    @abstractmethod
    def close(self) -> None:
        """End everything that still runs, at once."""

    def __enter__(self) -> Execution:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class Evaluation:
    """What another process needs in order to evaluate candidates of a search.

    Attributes:
        space: The search space.
        evaluate: The function of a candidate.
        input_shape: Image shape [C, H, W] that costs refer to.
        cost_of: Cost of architectures; by default their own on ``input_shape``.
    """

    space: Space
    evaluate: Callable[[Any], Any]
    input_shape: ImageShape
    cost_of: CostOf | None = None

    def run(
        self, number: int, tokens: tuple[int, ...], budget: int | None = None, reports: Reports | None = None
    ) -> Outcome:
        """Evaluate one candidate; whatever happens is in the outcome, in plain Python types."""
        try:
            archs = self.space.token2arch(tokens)
            entry = Entry(number, tokens, TrialState.RUNNING)
            candidate = Candidate(entry, archs, self._cost(archs), budget=budget, reports=reports)
            return Outcome(number, plain(self.evaluate(candidate)))
        except (CandidatePruned, TrialPruned):
            return Outcome(number, pruned=True)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises
            return failed(number, error)

    def _cost(self, archs: Any) -> Any:
        try:
            return self.cost_of(archs) if self.cost_of else archs.cost(self.input_shape)
        except CostError:
            return None


def failed(number: int, error: Exception) -> Outcome:
    """The outcome of an exception."""
    return Outcome(number, reason=f"{type(error).__name__}: {error}", details=traceback.format_exc())


def drained(events: queue.SimpleQueue[T]) -> list[T]:
    """Everything that waits in a queue."""
    found = []
    with suppress(queue.Empty):
        while True:
            found.append(events.get_nowait())
    return found


def plain(value: Any) -> Any:
    """Numbers and named values as plain Python types, which travel between processes; other things as they are."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        number = float(np.asarray(value.item() if hasattr(value, "item") else value, dtype=float))
    except (TypeError, ValueError):
        return value
    return number if math.isfinite(number) else math.nan
