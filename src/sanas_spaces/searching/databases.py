"""Records in databases: SQLite, PostgreSQL or MySQL."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages import BaseStorage, RDBStorage

from ..errors import ConfigError, RecordError
from .places import Place, lock_file, locked, reason_of, storage_errors

SERVER_PATIENCE_SECONDS = 120.0
"""How long a database server may be away before a search gives up."""
_SQLITE_PATIENCE_SECONDS = 60
_LOCK_PATIENCE_SECONDS = 3600
_DRIVERS = {"postgresql": ("psycopg2", "psycopg"), "mysql": ("MySQLdb", "pymysql")}
"""For each server the driver that SQLAlchemy takes where the URL names none, and the one of our extra."""
_TAKE = {
    "postgresql": "SELECT pg_advisory_lock({key})",
    "mysql": "SELECT GET_LOCK('sanas {key}', {patience})",
}
_GIVE = {
    "postgresql": "SELECT pg_advisory_unlock({key})",
    "mysql": "SELECT RELEASE_LOCK('sanas {key}')",
}
_HAVE = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 "
    "AND objid = {key} AND pid = pg_backend_pid()",
    "mysql": "SELECT IS_USED_LOCK('sanas {key}') = CONNECTION_ID()",
}
_STARTING = ("starting up", "shutting down", "recovery mode")
"""What PostgreSQL says when it will soon be there, or there again."""
_NOTICE_THE_DEAD = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "connect_timeout": 30}
"""Settings of libpq: a server whose machine is gone is noticed within a minute."""
_BE_NOTICED = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""Settings of a PostgreSQL session: the server notices within a minute that the machine of a lock's holder is gone."""


class Database(Place):
    """A database that Optuna can use: SQLite, PostgreSQL or MySQL.

    Args:
        url: Its URL, as SQLAlchemy reads it. Where it names no driver, that is one which is installed.
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
        if self._kind not in ("sqlite", *_DRIVERS):
            shown = self.url.render_as_string(hide_password=True)
            raise ConfigError(f"storage = {shown!r}: expected sqlite://, postgresql:// or mysql://")
        usual, ours = _DRIVERS.get(self._kind, ("", ""))
        if self.url.drivername == self._kind != "sqlite" and not find_spec(usual):
            self.url = self.url.set(drivername=f"{self._kind}+{ours}")
        self._shown = self.url.render_as_string(hide_password=True)
        self.study = name
        self.patience = SERVER_PATIENCE_SECONDS if self._kind != "sqlite" else 0.0
        self._key = zlib.crc32(f"sanas_spaces {name}".encode())
        self._holder: Any = None
        self._file_lock: Any = None
        if self._kind == "sqlite":
            path = self.url.database or ":memory:"
            if path == ":memory:":
                self._file_lock = threading.RLock()
            else:
                if not path.startswith("file:"):
                    path = str(Path(path).absolute())  # the process may change its folder
                    self.url = self.url.set(database=path)
                self._file_lock = FileLock(lock_file(path, "proposing"))

    def __str__(self) -> str:
        return self._shown

    def exists(self) -> bool:
        return self._kind != "sqlite" or Path(self.url.database or "").is_file()

    def storage(self) -> BaseStorage:
        self._make_folder()
        options = {"pool_pre_ping": True, "connect_args": self._options()}  # connects again after a restart
        try:
            return RDBStorage(self.url.render_as_string(hide_password=False), engine_kwargs=options)
        except ImportError as error:
            raise RecordError(f"the record {self} cannot be opened: {reason_of(error)}") from error
        except RuntimeError as error:  # Optuna's tables are of another version
            raise RecordError(f"the record {self} was made by another version of Optuna: {error}") from error

    def check(self) -> None:
        if not self.exists():  # a file that is made when it is needed
            self._make_folder()
            return

        def look() -> Exception | None:
            try:
                self._engine().connect().close()
            except storage_errors() as error:
                if any(words in str(error) for words in _STARTING):
                    raise  # and patience is shown
                return error
            return None

        error = self.patiently(look)
        if error is not None:
            raise RecordError(f"the record {self} cannot be opened: {reason_of(error)}") from error

    def exclusive(self) -> AbstractContextManager[Any]:
        return locked(self._file_lock, self) if self._file_lock else self._server_lock()

    @property
    def holds_lock(self) -> bool:
        if self._file_lock:
            return True
        try:
            return bool(self._ask(self._holder, _HAVE))
        except storage_errors():
            return False

    def _make_folder(self) -> None:
        if self._kind == "sqlite" and self.url.database:
            try:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RecordError(f"the record {self} cannot be written: {error}") from error

    def _options(self) -> dict[str, Any]:
        """What a connection is opened with."""
        if self._kind == "sqlite":
            return {"timeout": _SQLITE_PATIENCE_SECONDS}
        if self.url.get_driver_name().startswith("psycopg"):
            return {key: value for key, value in _NOTICE_THE_DEAD.items() if key not in self.url.query}
        return {}

    @contextmanager
    def _server_lock(self) -> Iterator[None]:
        """A lock that the server gives up when the connection of its holder ends."""

        def hold() -> Any:
            connection = self._engine().connect()
            self._ask(connection, _TAKE)
            return connection

        connection = self._holder = self.patiently(hold)
        try:
            yield
            with suppress(*storage_errors()):  # the server was restarted, and the lock went with it
                self._ask(connection, _GIVE)
        except BaseException:
            connection.invalidate()  # the lock goes with the connection
            raise
        finally:
            connection.close()

    def _ask(self, connection: Any, query: dict[str, str]) -> Any:
        import sqlalchemy

        text = query[self._kind].format(key=self._key, patience=_LOCK_PATIENCE_SECONDS)
        return connection.execute(sqlalchemy.text(text)).scalar()

    def _engine(self) -> Any:
        import sqlalchemy

        if not hasattr(self, "_locks"):
            options = self._options()
            if "keepalives_idle" in options and "options" not in self.url.query:
                options["options"] = _BE_NOTICED
            try:
                self._locks = sqlalchemy.create_engine(
                    self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=options
                )
            except ImportError as error:
                raise RecordError(f"the record {self} cannot be opened: {reason_of(error)}") from error
        return self._locks
