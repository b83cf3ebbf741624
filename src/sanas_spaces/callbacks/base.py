"""A logger: a callback of a search that writes each candidate into some tool, once."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from ..searching import Candidate, SearchResult
from .facts import Facts, facts_of, search_id

_logger = logging.getLogger(__name__)


class SearchLogger(ABC):
    """Writes candidates of a search into some tool: ``search(..., callbacks=[logger])``.

    A candidate is written once it has a result, however often a search is interrupted and resumed: what the record has
    and the tool has not is written at the next occasion. That includes candidates of other processes that share the
    search, so one of them has the logger for all. :meth:`log` does the same for a search that is over.

    An error in the first call ends the search, because the address or the folder is wrong. Later ones do not: they are
    a warning in the log, and what is missing is written after the next candidate.
    """

    def __init__(self) -> None:
        self._search: str | None = None
        self._logged: set[int] = set()

    def __call__(self, result: SearchResult, candidate: Candidate) -> None:
        """Write what is not written yet; what ``callbacks`` of a search call."""
        first = self._search is None
        try:
            self.log(result)
        except self.errors as error:
            if first:
                raise
            _logger.warning("candidate %d is logged later, since it cannot be now: %s", candidate.number, error)

    def log(self, result: SearchResult) -> int:
        """Write every candidate that has a result and is not written yet, of a search that runs or of a finished one.

        Returns:
            How many were written.
        """
        search = search_id(result)
        if search is None:
            return 0
        if search != self._search:
            self.close()
            self._logged = set(self._begin(result, search))
            self._search = search
        count = 0
        for facts in facts_of(result, self._logged):
            self._write(facts)
            self._logged.add(facts.number)
            count += 1
        self._flush()
        return count

    def close(self) -> None:
        """Say that nothing more comes for now; a resumed search goes on in the same place."""
        if self._search is not None:
            self._search = None
            self._end()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """What is raised when the tool cannot be written to."""

    @abstractmethod
    def _begin(self, result: SearchResult, search: str) -> Iterable[int]:
        """Find or make the place of a search; returns the numbers of the candidates that are there."""

    @abstractmethod
    def _write(self, facts: Facts) -> None:
        """Write a candidate."""

    def _flush(self) -> None:  # noqa: B027 - not every tool has to
        """Make sure that what was written can be seen."""

    @abstractmethod
    def _end(self) -> None:
        """Leave the place of the search."""
