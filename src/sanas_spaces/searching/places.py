"""Where the record of a search is kept, and the lock of those who propose: memory, a journal file, or a database."""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage

from ..errors import RecordError
from .journal import Journal

_logger = logging.getLogger(__name__)
T = TypeVar("T")

STUDY_NAME = "sanas"
JOURNAL_SUFFIX = ".journal"
SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")


class Place(ABC):
    """Where a record is kept."""

    shared = True
    """Whether other processes can reach it."""
    study = STUDY_NAME
    """Name of the study in it."""
    patience = 0.0
    """Seconds that it may be away."""

    def patiently(self, call: Callable[[], T]) -> T:
        """Call something that reads or writes; while the place is away, wait and call it again.

        Raises:
            RecordError: The place does not come back, or its disk is full, or it cannot be written, or it is damaged.
        """
        began, pause = time.monotonic(), 0.05
        while True:
            try:
                return call()
            except json.JSONDecodeError as error:
                raise RecordError(f"{self}{self.damage()} is damaged: {error}") from error
            except storage_errors() as error:
                if not _may_come_back(error) or time.monotonic() - began > self.patience:
                    raise RecordError(f"{self} cannot be read or written: {reason_of(error)}") from error
            _logger.warning("%s is away; trying again in %.2g s", self, pause)
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    @abstractmethod
    def storage(self) -> BaseStorage:
        """Open Optuna's storage.

        Raises:
            RecordError: It cannot be opened.
        """

    def exists(self) -> bool:
        """Whether there may be a record; False if there is not even a file."""
        return True

    def check(self) -> None:  # noqa: B027 - most can always be reached
        """See whether it can be reached now; later on, it is waited for.

        Raises:
            RecordError: It cannot.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[Any]:
        """Hold this while a candidate is chosen: no other process proposes meanwhile. Ends with its process."""

    def damage(self) -> str:
        """Where it is damaged, if that can be told."""
        return ""

    @property
    def holds_lock(self) -> bool:
        """Whether who is inside :meth:`exclusive` still holds its lock; a server that restarts forgets it."""
        return True


class Memory(Place):
    """The memory of this process."""

    shared = False

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __str__(self) -> str:
        return "the record in memory"

    def storage(self) -> BaseStorage:
        return InMemoryStorage()

    def exclusive(self) -> AbstractContextManager[Any]:
        return self._lock


class JournalFile(Place):
    """An Optuna journal file.

    Args:
        path: Path of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._absolute = path.absolute()  # the process may change its folder
        self._lock = FileLock(lock_file(self._absolute, "proposing"))

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self._absolute.is_file()

    def storage(self) -> BaseStorage:
        try:
            self._absolute.parent.mkdir(parents=True, exist_ok=True)
            return Journal(
                self._absolute, _MendingLock(self._absolute)
            )  # Optuna's locks give way to whoever waits ten seconds
        except OSError as error:
            raise RecordError(f"the record {self.path} cannot be written: {error}") from error

    def exclusive(self) -> AbstractContextManager[Any]:
        return locked(self._lock, self)

    def damage(self) -> str:
        with suppress(OSError), self._absolute.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    json.loads(line)
                except ValueError:
                    return f", line {number},"
        return ""


class _MendingLock:
    """Lock of those who write a journal; whoever gets it cuts a line that a killed process left half written.

    Nothing in such a line was ever acknowledged, and the next line would be lost together with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(lock_file(path, "writing"))

    def acquire(self) -> bool:
        self._lock.acquire()
        if self._path.stat().st_size:
            with self._path.open("rb+") as file:
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    file.seek(0)
                    file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        self._lock.release()


def reason_of(error: BaseException) -> str:
    """The first line of what went wrong; Optuna hides what the database said behind a guess of its own."""
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    return next(iter(str(error).splitlines()), type(error).__name__)


def storage_errors() -> tuple[type[Exception], ...]:
    """What storages raise when they cannot be read or written."""
    from sqlalchemy.exc import SQLAlchemyError

    return SQLAlchemyError, StorageInternalError, OSError


def _may_come_back(error: Exception) -> bool:
    """Whether it makes sense to try again; not if the database refuses what it was told."""
    from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError

    refused = DataError, IntegrityError, NotSupportedError, ProgrammingError
    return not isinstance(error.__cause__ if isinstance(error, StorageInternalError) else error, refused)


@contextmanager
def locked(lock: Any, place: Place) -> Iterator[None]:
    """Hold the lock of a place.

    Raises:
        RecordError: The file that is locked cannot be written.
    """
    try:
        lock.acquire()
    except OSError as error:
        raise RecordError(f"{place} cannot be locked: {error}") from error
    try:
        yield
    finally:
        lock.release()


def lock_file(path: str | Path, kind: str) -> Path:
    """The hidden file beside a record that those who propose or write lock."""
    return Path(path).with_name(f".{Path(path).name}.{kind}")


def place_of(storage: str | Path, name: str) -> Place:
    """The place that a user means.

    Args:
        storage: URL of a database, or path of a file: SQLite if it ends in ``.db`` or ``.sqlite``, else a journal.
        name: Name of the study in a database.
    """
    from .databases import Database

    text = str(storage)
    if "://" in text:
        return Database(text, name)
    path = Path(text)
    if path.suffix in SQLITE_SUFFIXES:
        return Database(f"sqlite:///{path}", name)
    return JournalFile(path)


def is_storage(text: str | Path) -> bool:
    """Whether something names a database or the file of a record, and not a folder of records."""
    return "://" in str(text) or Path(text).suffix in (JOURNAL_SUFFIX, *SQLITE_SUFFIXES)
