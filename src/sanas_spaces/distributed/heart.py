"""Signs of life from a client that is busy."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress

from .transport import Transport

BEATS_PER_LEASE = 4


class Heart:
    """Tells a server several times in a lease what its client works on, from a thread of its own.

    It stops with the client, also if the client is only forgotten.

    Args:
        transport: A way to the server, without patience.
        client: Name of the client.
        lease: Seconds after which a silent client is gone.
    """

    def __init__(self, transport: Transport, client: str, lease: float) -> None:
        self._transport = transport
        self._client = client
        self._interval = max(0.05, lease / BEATS_PER_LEASE)
        self._paths: list[str] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        weakref.finalize(self, self._stopped.set)

    def keep(self, paths: Sequence[str]) -> None:
        """Tell it at these paths from now on, or nowhere."""
        self._paths[:] = paths
        alive = self._thread is not None and self._thread.is_alive()  # not in a process that was forked
        if paths and not alive:
            arguments = self._transport, self._client, self._paths, self._interval, self._stopped
            self._thread = threading.Thread(target=_beat, args=arguments, name="sanas heartbeat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Say nothing more."""
        self._stopped.set()


def _beat(transport: Transport, client: str, paths: list[str], interval: float, stopped: threading.Event) -> None:
    while not stopped.wait(interval):
        for path in list(paths):
            with suppress(Exception):  # the server may be away for a while; the next beat tries again
                transport.post(path, {"client": client})
    transport.close()
