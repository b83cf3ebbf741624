"""The one thread that works on a search: everybody else hands it what is to be done."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from .messages import RequestError

_logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_WAITING = 2000
"""Jobs that may wait; more are refused."""
MAX_GROUP = 200
"""Jobs that are done before their results are made durable, all at once."""
BUSY_SECONDS = 0.5

_Job = tuple[Callable[[], Any], "Future[Any]"]


class Writer:
    """Does jobs one after the other, and answers once what they did is durable.

    While a group of jobs is made durable, which takes as long as for one job, the next ones gather. So nothing waits
    for more than two groups, and many rewards cost little more than one.

    Args:
        group: What a group of jobs is done inside of.
    """

    def __init__(self, group: Callable[[], AbstractContextManager[Any]]) -> None:
        self._group = group
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MAX_WAITING)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sanas writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of jobs that wait."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Hand over a job.

        Raises:
            RequestError: Too many jobs wait already, or the search is being closed.
        """
        if self._closed:
            raise RequestError(503, "the server is being closed", "Busy", retry_after=BUSY_SECONDS)
        future: Future[T] = Future()
        try:
            self._jobs.put_nowait((job, future))
        except queue.Full:
            raise RequestError(503, f"{MAX_WAITING} requests wait already", "Busy", retry_after=BUSY_SECONDS) from None
        return future

    def call(self, job: Callable[[], T]) -> T:
        """Hand over a job and wait for its result."""
        return self.submit(job).result()

    def close(self) -> None:
        """Do what waits, and end."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            jobs = self._gather()
            if jobs:
                self._do([job for job in jobs if job is not None])
            if None in jobs:
                return

    def _gather(self) -> list[_Job | None]:
        jobs = [self._jobs.get()]
        while len(jobs) < MAX_GROUP and jobs[-1] is not None:
            try:
                jobs.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return jobs

    def _do(self, jobs: list[_Job]) -> None:
        answers: list[Callable[[], None]] = []
        try:
            with self._group():
                for job, future in jobs:
                    if future.set_running_or_notify_cancel():
                        answers.append(_answer(job, future))
        except Exception as error:  # noqa: BLE001 - the thread has to live on, and whoever waits has to know
            _logger.error("%s", error)
            for _, future in jobs:
                if not future.cancelled():
                    future.set_exception(error)
            return
        for answer in answers:
            answer()


def _answer(job: Callable[[], Any], future: Future[Any]) -> Callable[[], None]:
    """Do a job and return what tells its result."""
    try:
        result = job()
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
        return lambda error=error: future.set_exception(error)  # type: ignore[misc]
    return lambda: future.set_result(result)
