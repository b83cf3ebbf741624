"""Evaluate candidates in this process, one after the other."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from optuna import TrialPruned

from ...errors import CandidatePruned
from ..candidate import Candidate
from .base import Execution, Outcome


class InlineExecution(Execution):
    """This process.

    Args:
        evaluate: The function of a candidate.
    """

    def __init__(self, evaluate: Callable[[Candidate], Any]) -> None:
        self._evaluate = evaluate
        self._candidate: Candidate | None = None

    @property
    def slots(self) -> int:
        """One."""
        return 1

    def start(self, candidate: Candidate) -> None:
        self._candidate = candidate

    def next_event(self) -> Outcome:
        candidate, self._candidate = self._candidate, None
        assert candidate is not None  # noqa: S101 - nobody waits for what was not started
        try:
            return Outcome(candidate.number, self._evaluate(candidate))
        except (CandidatePruned, TrialPruned):
            return Outcome(candidate.number, pruned=True)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises
            reason = f"{type(error).__name__}: {error}"
            return Outcome(candidate.number, reason=reason, details=traceback.format_exc(), error=error)

    def close(self) -> None:
        self._candidate = None
