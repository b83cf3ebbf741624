"""Messages between a pool and the processes that it started itself."""

from __future__ import annotations

import pickle
import struct
import threading
from typing import Any

_LENGTH = struct.Struct("!Q")


class Pipe:
    """Pickled messages with their length in front, over the standard streams of a child process.

    Both ends are processes of one user and one program; nothing that arrives from elsewhere is read here.

    Args:
        reader: Binary stream to read from.
        writer: Binary stream to write to.
    """

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Send a message."""
        self.send_bytes(pickle.dumps(message))

    def send_bytes(self, data: bytes) -> None:
        """Send something that is pickled already."""
        with self._lock:
            self._writer.write(_LENGTH.pack(len(data)))
            self._writer.write(data)
            self._writer.flush()

    def receive(self) -> Any:
        """Wait for a message.

        Raises:
            EOFError: The other end is gone.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return pickle.loads(self._read(length))  # noqa: S301 - from the process at the other end of our own pipe

    def close(self) -> None:
        """Close both streams."""
        for stream in (self._reader, self._writer):
            try:
                stream.close()
            except OSError:
                continue

    def _read(self, size: int) -> bytes:
        data: bytes = self._reader.read(size)
        if len(data) < size:
            raise EOFError
        return data
