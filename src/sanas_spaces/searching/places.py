"""Where the record of a search is kept, and the lock of those who propose: memory, a journal file, or a database."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

from ..errors import ConfigError, RecordError
from .journal import Journal

_logger = logging.getLogger(__name__)
T = TypeVar("T")

STUDY_NAME = "sanas"
JOURNAL_SUFFIX = ".journal"
SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
SERVER_PATIENCE_SECONDS = 120.0
"""How long a database server may be away before a search gives up."""
_SQLITE_PATIENCE_SECONDS = 60
_LOCK_PATIENCE_SECONDS = 3600


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
            RecordError: The place does not come back, or its disk is full, or it cannot be written.
        """
        began, pause = time.monotonic(), 0.05
        while True:
            try:
                return call()
            except _away() as error:
                if time.monotonic() - began > self.patience:
                    raise RecordError(f"{self} cannot be read or written: {_first_line(error)}") from error
            _logger.warning("%s is away; trying again in %.2g s", self, pause)
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    @abstractmethod
    def storage(self) -> BaseStorage:
        """Open Optuna's storage.

        Raises:
            RecordError: It cannot be opened.
        """

    def check(self) -> None:  # noqa: B027 - most can always be reached
        """See whether it can be reached now; later on, it is waited for.

        Raises:
            RecordError: It cannot.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[Any]:
        """Hold this while a candidate is chosen: no other process proposes meanwhile. Ends with its process."""


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
        self._lock = FileLock(lock_file(path, "proposing"))

    def __str__(self) -> str:
        return str(self.path)

    def storage(self) -> BaseStorage:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return Journal(self.path, _MendingLock(self.path))  # Optuna's locks give way to whoever waits ten seconds
        except OSError as error:
            raise RecordError(f"the record {self.path} cannot be written: {error}") from error

    def exclusive(self) -> AbstractContextManager[Any]:
        return self._lock


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


class Database(Place):
    """A database that Optuna can use: SQLite, PostgreSQL or MySQL.

    Args:
        url: Its URL, as SQLAlchemy reads it.
        name: Name of the study.

    Raises:
        ConfigError: The URL is malformed, or of another kind of database.
    """

    def __init__(self, url: str, name: str) -> None:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            self.url = make_url(url)
            self._kind = self.url.get_backend_name()
        except ArgumentError as error:
            raise ConfigError(f"storage = {url!r}: {error}") from None
        if self._kind not in ("sqlite", "postgresql", "mysql"):
            raise ConfigError(f"storage = {str(self)!r}: expected sqlite://, postgresql:// or mysql://")
        self.study = name
        self.patience = SERVER_PATIENCE_SECONDS if self._kind != "sqlite" else 0.0
        self._key = zlib.crc32(f"sanas_spaces {name}".encode())
        self._file_lock: Any = None
        if self._kind == "sqlite":
            path = self.url.database or ":memory:"
            in_memory = path == ":memory:"
            self._file_lock = threading.RLock() if in_memory else FileLock(lock_file(path, "proposing"))

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def storage(self) -> BaseStorage:
        from sqlalchemy.exc import SQLAlchemyError

        options: dict[str, Any] = {"pool_pre_ping": True}  # a database that was restarted is connected to again
        if self._kind == "sqlite":
            options["connect_args"] = {"timeout": _SQLITE_PATIENCE_SECONDS}
        self._make_folder()
        try:
            return RDBStorage(self.url.render_as_string(hide_password=False), engine_kwargs=options)
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise RecordError(f"the record {self} cannot be opened: {_first_line(error)}") from error

    def check(self) -> None:
        self._make_folder()
        try:
            self._engine().connect().close()
        except _away() as error:
            raise RecordError(f"the record {self} cannot be opened: {_first_line(error)}") from error

    def exclusive(self) -> AbstractContextManager[Any]:
        return self._file_lock or self._server_lock()

    def _make_folder(self) -> None:
        if self._kind == "sqlite" and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _server_lock(self) -> Iterator[None]:
        """A lock that the server gives up when the connection of its holder ends."""
        import sqlalchemy

        take, give = {
            "postgresql": (f"SELECT pg_advisory_lock({self._key})", f"SELECT pg_advisory_unlock({self._key})"),
            "mysql": (
                f"SELECT GET_LOCK('sanas {self._key}', {_LOCK_PATIENCE_SECONDS})",
                f"SELECT RELEASE_LOCK('sanas {self._key}')",
            ),
        }[self._kind]

        def locked() -> Any:
            connection = self._engine().connect()
            connection.execute(sqlalchemy.text(take))
            return connection

        connection = self.patiently(locked)
        try:
            yield
            with suppress(sqlalchemy.exc.DBAPIError):  # the server was restarted, and the lock went with it
                connection.execute(sqlalchemy.text(give))
        except BaseException:
            connection.invalidate()  # the lock goes with the connection
            raise
        finally:
            connection.close()

    def _engine(self) -> Any:
        import sqlalchemy

        if not hasattr(self, "_locks"):
            try:
                self._locks = sqlalchemy.create_engine(self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
            except ImportError as error:
                raise RecordError(f"the record {self} cannot be opened: {_first_line(error)}") from error
        return self._locks


def _away() -> tuple[type[Exception], ...]:
    """What storages raise when they cannot be reached."""
    from sqlalchemy.exc import DBAPIError

    return DBAPIError, StorageInternalError, OSError


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def lock_file(path: str | Path, kind: str) -> Path:
    """The hidden file beside a record that those who propose or write lock."""
    return Path(path).with_name(f".{Path(path).name}.{kind}")


def place_of(storage: str | Path, name: str) -> Place:
    """The place that a user means.

    Args:
        storage: URL of a database, or path of a file: SQLite if it ends in ``.db`` or ``.sqlite``, else a journal.
        name: Name of the study in a database.
    """
    text = str(storage)
    if "://" in text:
        return Database(text, name)
    path = Path(text)
    if path.suffix in SQLITE_SUFFIXES:
        return Database(f"sqlite:///{path}", name)
    return JournalFile(path)
