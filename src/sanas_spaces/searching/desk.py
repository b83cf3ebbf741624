"""Where SANAS gets candidates and leaves rewards: at an engine of its own, or over a network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import MissingDependencyError, SanasWarning, SearchFinished
from ..optional import import_above
from ..tables import Space
from .candidate import Candidate
from .engine import Engine

DEFAULT_ADDRESS = ("", 8881)
"""PaddleSlim's address; who gives none, not even this one, needs no server."""


class Desk(Protocol):
    """Where candidates come from and what becomes of them goes to."""

    space: Space
    server: Any
    """The server of the search, None if it is not served here."""

    @property
    def study(self) -> Any:
        """The Optuna study of the record."""

    def next(self) -> Candidate:
        """The next candidate."""

    def tell(self, candidate: Candidate, score: Any) -> None:
        """Record a reward."""

    def fail(self, candidate: Candidate, reason: str) -> None:
        """Record a failure."""

    def prune(self, candidate: Candidate) -> None:
        """Record that a candidate was stopped early."""

    def best(self) -> dict[str, Any]:
        """Best tokens and reward so far."""

    def look(self, job: Callable[[], None]) -> None:
        """Do something that reads the record while nobody writes to it."""

    def close(self) -> None:
        """End."""


class OwnDesk:
    """An engine that nobody else works with.

    Args:
        engine: The engine.
        steps: Number of rewards after which the search is over.
    """

    server = None

    def __init__(self, engine: Engine, steps: int) -> None:
        self._engine = engine
        self._steps = steps
        self.space = engine.space
        self.tell = engine.tell
        self.fail = engine.fail
        self.prune = engine.prune
        self.close = engine.close

    def next(self) -> Candidate:
        """The next candidate."""
        if self._engine.finished >= self._steps:
            raise SearchFinished(f"all {self._steps} steps are used; best: {self.best()}")
        candidate = self._engine.take()
        assert candidate is not None  # noqa: S101 - without a number of steps there is always another one
        return candidate

    def best(self) -> dict[str, Any]:
        """Best tokens and reward so far."""
        best = self._engine.best_entry
        return {
            "best_tokens": None if best is None else list(best.tokens),
            "best_reward": None if best is None else best.reward,
        }

    def look(self, job: Callable[[], None]) -> None:
        """Do something that reads the record."""
        job()

    @property
    def study(self) -> Any:
        """The Optuna study of the record."""
        return self._engine.record.study


def over_network() -> Any:
    """The package for searches over a network: it stands above this one and is imported when it is asked for."""
    return import_above("distributed")


def can_serve(address: Any) -> bool:
    """Whether a server can be started; if not, a search whose address is this machine goes on without it.

    Raises:
        MissingDependencyError: Other machines are to reach the server, and its packages are not installed.
    """
    try:
        over_network().check_installed()
    except MissingDependencyError as error:
        if address[0] not in (None, "", "127.0.0.1", "localhost"):
            raise
        warnings.warn(f"nobody can join this search: {error}", SanasWarning, stacklevel=3)
        return False
    return True
