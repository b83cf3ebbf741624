"""A run folder belongs to the process that drives a search in it."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from ..errors import RecordError
from .leases import started_at

STARTING_SECONDS = 2.0
"""How long a driver may take from its lock to its name beside it."""

_held: WeakValueDictionary[Path, Hold] = WeakValueDictionary()


class Hold:
    """Says that this process drives the searches called ``name`` in a folder, as long as the object lives.

    A process can drive several of them; another process is refused.

    Args:
        folder: The run folder.
        name: Name of its records.

    Raises:
        RecordError: Another process drives one there, or the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._driver = folder / f".{name}.driver"
        self._lock = FileLock(folder / f".{name}.driving", thread_local=False)
        self._pid = os.getpid()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(Timeout):  # a driver that is just starting has the lock and is not written down yet
                self._lock.acquire(timeout=STARTING_SECONDS if self._other() is None else 0)
            if not self._lock.is_locked and (other := self._other()) is not None:
                raise RecordError(
                    f"{folder} is in use: {other} runs a search there; end it, choose another folder, or give storage= "
                    f"instead, which processes can share"
                )
            me = {"host": socket.gethostname(), "pid": os.getpid(), "started": started_at(os.getpid())}
            self._driver.write_text(json.dumps(me))
        except OSError as error:
            raise RecordError(f"{folder} cannot be written: {error}") from error

    def __del__(self) -> None:
        if self._lock.is_locked and self._pid == os.getpid():  # not in a child that was forked
            self._lock.release(force=True)

    def _other(self) -> str | None:
        """Who is written down as the driver; None if that one has ended: its children may still have the lock."""
        try:
            driver: dict[str, Any] = json.loads(self._driver.read_text())
            host, pid, started = driver["host"], driver["pid"], driver["started"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if host != socket.gethostname():
            return f"process {pid} on {host}"
        return f"process {pid}" if started_at(pid) == started else None


def hold(folder: Path, name: str) -> Hold:
    """Hold a run folder, together with whoever holds it in this process already.

    Raises:
        RecordError: Another process drives a search there, or the folder cannot be written.
    """
    key = folder.resolve() / name
    held = _held.get(key)
    if held is None:
        held = _held[key] = Hold(folder, name)
    return held
