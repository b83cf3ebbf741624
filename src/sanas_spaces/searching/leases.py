"""Who works on a candidate, and whether they are still there."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import psutil

LEASE_SECONDS = 60.0
"""A worker that was not heard of for so long is gone."""
BEATS_PER_LEASE = 4
_WORKER = "sanas:worker:"


class Worker:
    """An engine among those that share a record.

    It writes a growing number beside its name, and others watch that number on clocks of their own. So it does not
    matter what time any machine believes it is.

    Args:
        study: The study of the record.
        lease: Seconds after which a silent worker is gone.
        beats: Whether to say that it is there; not needed if everybody who looks is on this machine.
    """

    def __init__(self, study: optuna.Study, *, lease: float = LEASE_SECONDS, beats: bool = False) -> None:
        self.name = f"{socket.gethostname()}/{os.getpid()}/{started_at(os.getpid())}/{uuid.uuid4().hex[:8]}"
        self.lease = lease
        self._study = study
        self._seen: dict[str, tuple[Any, float]] = {}
        self._pulse = _Pulse()
        self._ended = threading.Event()
        if beats:
            weakref.finalize(self, self._ended.set)
            arguments = (study, _WORKER + self.name, lease / BEATS_PER_LEASE, self._ended, self._pulse)
            threading.Thread(target=_beat, args=arguments, name="sanas heartbeat", daemon=True).start()

    def close(self) -> None:
        """Stop saying that it is there."""
        self._ended.set()

    def is_gone(self, owner: str | None, *, clock: Callable[[], float] = time.monotonic) -> bool:
        """Whether the worker called ``owner`` has ended, as far as one can tell from here."""
        if owner is None:
            return True
        if owner == self.name:
            return False
        host, pid, started, _ = owner.split("/")
        here = host == socket.gethostname()
        if here and started_at(int(pid)) != started:
            return True
        beat = self._study._storage.get_study_user_attrs(self._study._study_id).get(_WORKER + owner)
        if beat is None and here:  # a process on this machine does not have to say that it is there
            return int(pid) == os.getpid()
        if owner not in self._seen or self._seen[owner][0] != beat:
            self._seen[owner] = beat, clock()
        return clock() - max(self._seen[owner][1], self._pulse.missed_at) > self.lease


class _Pulse:
    """When a worker could not say that it is there; others could not either, and are not gone for that."""

    missed_at = -math.inf


def _beat(study: optuna.Study, key: str, interval: float, ended: threading.Event, pulse: _Pulse) -> None:
    count = 0
    while True:
        began, written = time.monotonic(), False
        with suppress(Exception):  # the storage may be away for a while; the next beat tries again
            study.set_user_attr(key, count)
            written = True
        if not written or time.monotonic() - began > interval:
            pulse.missed_at = time.monotonic()
        count += 1
        if ended.wait(interval):
            return


def is_here_and_alive(owner: str | None) -> bool | None:
    """Whether a worker runs on this machine; None if it is one of another machine."""
    if owner is None:
        return False
    host, pid, started, _ = owner.split("/")
    return started_at(int(pid)) == started if host == socket.gethostname() else None


def started_at(pid: int) -> str | None:
    """When a process was started, in a form that only its own successors do not share; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]  # ticks since the machine was started
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        return f"{psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return None
