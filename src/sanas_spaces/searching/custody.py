"""Who has which open candidate."""

from __future__ import annotations

import logging

from ..errors import RewardError
from .candidate import Candidate
from .leases import Worker
from .record import Entry, Record

_logger = logging.getLogger(__name__)

OWNER = "owner"
"""What a record calls the worker that has an open candidate."""


class Custody:
    """The open candidates that one of the workers on a record has; nobody has those whose worker is gone.

    Args:
        record: The record of the search.
        worker: The worker, as the others know it.
    """

    def __init__(self, record: Record, worker: Worker) -> None:
        self._record = record
        self._worker = worker
        self._mine: set[int] = set()

    @property
    def mark(self) -> dict[str, str]:
        """What is recorded with a new candidate that this worker takes."""
        return {OWNER: self._worker.name} if self._record.place.shared else {}

    def take_new(self, entry: Entry) -> None:
        """Take a candidate that was recorded with the mark of this worker."""
        self._mine.add(entry.number)

    def take(self, entry: Entry) -> None:
        """Take an open candidate that nobody has."""
        if self._record.place.shared:
            self._record.note(entry, OWNER, self._worker.name)
        self._mine.add(entry.number)

    def release(self, entry: Entry) -> None:
        """Leave an open candidate to whoever takes it next."""
        self._mine.discard(entry.number)
        if self._record.place.shared:
            self._record.note(entry, OWNER, None)

    def drop(self, number: int) -> None:
        """Have a candidate no more, since it is closed."""
        self._mine.discard(number)

    def is_free(self, entry: Entry) -> bool:
        """Whether nobody has an open candidate."""
        if entry.number in self._mine:
            return False
        return self._record.place.patiently(lambda: self._worker.is_gone(entry.attrs.get(OWNER)))

    def any_elsewhere(self) -> bool:
        """Whether there are open candidates that this worker does not have."""
        return any(one.number not in self._mine for one in self._record.open_entries)

    def is_late(self, candidate: Candidate, *, ends: bool = True) -> bool:
        """Whether another worker was faster with a candidate, since this one was thought to be gone.

        Args:
            candidate: A candidate of this worker.
            ends: Whether it would be closed now; then a late worker has it no more.

        Raises:
            RewardError: The candidate is not open, and not because of another worker.
        """
        if candidate.is_open:
            return False
        if candidate.number not in self._mine:
            raise RewardError(f"candidate {candidate.number} has its result already ({candidate.entry.state.name})")
        if ends:
            _logger.info("candidate %d had its result from another worker already", candidate.number)
            self.drop(candidate.number)
        return True
