"""Evaluate candidates in processes of their own, which may crash, hang or need too much memory."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cloudpickle
import psutil

from ...errors import ConfigError
from ..candidate import Candidate
from .base import Evaluation, Execution, Outcome, Question, drained, failed
from .pipes import Pipe

LOOK_SECONDS = 0.2
"""How often time and memory of a process are looked at."""
START_SECONDS = 600.0
"""How long a process may take to start, which does not count as evaluation."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Pool(Execution):
    """Worker processes on this machine, each with its share of the cores.

    A worker evaluates one candidate after the other. If it dies, or has to be ended because a candidate takes too long
    or too much memory, that candidate fails and another worker takes its place. Functions and spaces of a script or a
    notebook reach the workers, too; scripts need no ``if __name__ == "__main__"``. What candidates print
    goes to standard error.

    Args:
        evaluation: What is evaluated.
        workers: Number of processes.
        time_limit: Seconds that one evaluation may take.
        memory_limit: Bytes of memory that one worker may use, with its children.

    Raises:
        ConfigError: A number that is not positive, or something that cannot be sent to a process.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        *,
        workers: int,
        time_limit: float | None = None,
        memory_limit: float | None = None,
    ) -> None:
        for name, limit in (("time_limit", time_limit), ("memory_limit", memory_limit)):
            if limit is not None and not limit > 0:
                raise ConfigError(f"{name} = {limit!r}: expected a positive number")
        try:
            self._payload = cloudpickle.dumps(evaluation)
        except Exception as error:
            raise ConfigError(f"workers = {workers}: evaluate cannot be sent to another process: {error}") from error
        self._workers = workers
        self._limits = time_limit, memory_limit
        self._events: queue.SimpleQueue[Outcome | Question] = queue.SimpleQueue()
        self._tasks: queue.SimpleQueue[Candidate | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._keepers = [threading.Thread(target=self._keep, daemon=True) for _ in range(workers)]
        for keeper in self._keepers:
            keeper.start()

    @property
    def slots(self) -> int:
        """Number of processes."""
        return self._workers

    def start(self, candidate: Candidate) -> None:
        self._tasks.put(candidate)

    def next_event(self) -> Outcome | Question:
        return self._events.get()

    def arrived(self) -> list[Outcome]:
        return [event for event in drained(self._events) if isinstance(event, Outcome)]

    def close(self) -> None:
        self._closing.set()
        for _ in self._keepers:
            self._tasks.put(None)
        for keeper in self._keepers:
            keeper.join()

    def _keep(self) -> None:
        """Keep one worker busy, and start another one when it is gone."""
        process: _Process | None = None
        while (candidate := self._tasks.get()) is not None and not self._closing.is_set():
            try:
                if process is None:
                    process = _Process(self._payload, max(1, _cores() // self._workers))
                outcome = self._watch(process, candidate)
            except OSError as error:  # no process could be started
                outcome = failed(candidate.number, error)
            if outcome is None:
                break
            if process is not None and not process.is_usable:
                process.end()
                process = None
            self._events.put(outcome)
        if process is not None:
            process.end()

    def _watch(self, process: _Process, candidate: Candidate) -> Outcome | None:
        """Evaluate a candidate in a process and see that it keeps to the limits; None if the pool closes."""
        time_limit, memory_limit = self._limits
        number = candidate.number
        limit: float | None
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        began, limit = time.monotonic(), START_SECONDS
        process.send(("evaluate", number, candidate.entry.tokens, candidate.budget, candidate.prunable))
        while not self._closing.is_set():
            message = process.receive(LOOK_SECONDS)
            if message is None:
                reason = None
                if not process.is_alive:
                    reason = process.last_words()
                elif limit is not None and time.monotonic() - began > limit:
                    reason = f"it took longer than {limit:g} s and was ended"
                elif memory_limit is not None and (used := process.memory()) > memory_limit:
                    reason = (
                        f"it used {used / 1e9:.2f} GB of memory, more than {memory_limit / 1e9:g} GB, and was ended"
                    )
                if reason is not None:
                    process.is_usable = False
                    return Outcome(number, reason=reason)
            elif message[0] == "begun":
                began, limit = time.monotonic(), time_limit
            elif message[0] == "outcome":
                return Outcome(number, **message[1])
            elif message[0] == "question":
                self._events.put(Question(number, message[1], message[2], answers.put))
                process.send(self._answer(answers))
        return None

    def _answer(self, answers: queue.SimpleQueue[Any]) -> Any:
        while not self._closing.is_set():
            with suppress(queue.Empty):
                return answers.get(timeout=LOOK_SECONDS)
        return True


class _Process:
    """One worker process and the pipe to it."""

    def __init__(self, payload: bytes, threads: int) -> None:
        environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        own_group: dict[str, Any] = (  # Ctrl-C is for the driver, which then ends its workers
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
            if os.name == "nt"
            else {"start_new_session": True}
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sanas_spaces.searching.execution.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            **own_group,
        )
        self._pipe = Pipe(self._process.stdout, self._process.stdin)
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.is_usable = True
        threading.Thread(target=self._listen, daemon=True).start()
        self._try_to_send(lambda: self._pipe.send_bytes(payload))

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: Any) -> None:
        self._try_to_send(lambda: self._pipe.send(message))

    def receive(self, seconds: float) -> Any:
        """The next message, None if there is none for so long or the process has ended."""
        with suppress(queue.Empty):
            return self._messages.get(timeout=seconds)
        return None

    def memory(self) -> int:
        """Bytes that it and its children hold in memory."""
        total = 0
        with suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            for one in (process, *process.children(recursive=True)):
                with suppress(psutil.Error):
                    total += one.memory_info().rss
        return total

    def last_words(self) -> str:
        """What its exit code says."""
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
            return f"its process was ended by {name}{hint}"
        return f"its process ended with exit code {code}"

    def end(self) -> None:
        """End it and its children at once."""
        with suppress(psutil.Error):
            children = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            for child in children:
                with suppress(psutil.Error):
                    child.kill()
        self._process.kill()
        self._process.wait()
        self._pipe.close()

    def _listen(self) -> None:
        with suppress(EOFError, OSError, ValueError):
            while True:
                self._messages.put(self._pipe.receive())

    def _try_to_send(self, send: Callable[[], None]) -> None:
        with suppress(OSError, ValueError):  # it has ended, as whoever waits for its answer will see
            send()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
