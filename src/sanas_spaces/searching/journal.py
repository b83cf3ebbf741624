"""A journal file in which many operations can be written, and made durable, at once."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend


class Lock(Protocol):
    """What is held while a journal is written."""

    def acquire(self) -> bool:
        """Wait for it."""

    def release(self) -> None:
        """Give it up."""


class Journal(JournalStorage):
    """Optuna's journal storage, with groups of operations.

    Args:
        path: Path of the file.
        lock: Held while it is written.
    """

    def __init__(self, path: Path, lock: Lock) -> None:
        self._file = _JournalFile(path, lock)
        super().__init__(self._file)

    @contextmanager
    def group(self) -> Iterator[None]:
        """Write what is done inside at once, at the end; nobody else writes meanwhile.

        Raises:
            OSError: It could not be written. What is in the memory of this process is ahead of the file then; the next
                group begins with another try, and until one succeeds nobody else can write.
        """
        with self._thread_lock:  # an operation of another thread is over, or comes into the group
            if not self._file.collecting:
                self._file.lock()
                try:
                    self._sync_with_backend()
                except BaseException:
                    self._file.unlock()
                    raise
                self._file.collect()
        try:
            yield
        finally:
            with self._thread_lock:
                self._file.write_collected()


class _JournalFile(BaseJournalBackend):
    """The lines of the file, read once and from where the last reading ended."""

    def __init__(self, path: Path, lock: Lock) -> None:
        self._path = path
        self._lock = lock
        self._number = self._offset = 0  # of the first line that was not read
        self._collected: list[bytes] | None = None
        if not path.exists():  # one that cannot be written can be read
            path.open("ab").close()

    @property
    def collecting(self) -> bool:
        """Whether lines are kept for the end of a group."""
        return self._collected is not None

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        if self._collected is not None:
            yield from map(json.loads, self._collected[log_number_from - self._number :])
            return
        if log_number_from < self._number:
            self._number = self._offset = 0
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # somebody is writing it
                log = json.loads(line) if self._number >= log_number_from else {}
                self._number += 1
                self._offset += len(line)
                if self._number > log_number_from:
                    yield log

    def append_logs(self, logs: Sequence[dict[str, Any]]) -> None:
        lines = [json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs]
        if self._collected is not None:
            self._collected += lines
            return
        self.lock()
        try:
            self._append(lines)
        finally:
            self.unlock()

    def lock(self) -> None:
        """Keep others from writing."""
        self._lock.acquire()

    def unlock(self) -> None:
        """Let others write."""
        self._lock.release()

    def collect(self) -> None:
        """Keep lines from now on; the file is locked and was read to its end."""
        self._collected = []

    def write_collected(self) -> None:
        """Write the lines that were kept, and let others write again once that is done."""
        lines = self._collected or []
        if lines:
            self._append(lines)
            self._number += len(lines)
            self._offset += sum(map(len, lines))
        self._collected = None
        self.unlock()

    def _append(self, lines: Sequence[bytes]) -> None:
        """Append lines, all or none of them, and wait until they are on the disk."""
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            size = os.fstat(file).st_size
            try:
                rest = memoryview(b"".join(lines))
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
