"""Evaluate candidates with an executor of the ``concurrent.futures`` kind: threads, Dask, MPI, Ray."""

from __future__ import annotations

import queue
from concurrent.futures import Future
from typing import Any

from ...errors import ConfigError
from ..candidate import Candidate
from .base import Evaluation, Execution, Outcome, drained, failed

LOOK_SECONDS = 2.0
"""How often to look whether an executor has become larger."""


class FuturesExecution(Execution):
    """An executor with ``submit(function, *arguments)``, which returns a future with ``add_done_callback``.

    Candidates cannot be stopped early there, because nothing comes back before the end.

    Args:
        executor: The executor. If it has ``slots``, that is how many candidates it takes at once, and may change; if it
            has ``prepare(function)``, that is called before any candidate is begun.
        evaluation: What is evaluated.
        workers: How many candidates it gets at once otherwise.
        owned: Whether to shut the executor down in the end.

    Raises:
        ConfigError: It has no ``submit``, or the evaluation cannot be sent to it.
    """

    def __init__(self, executor: Any, evaluation: Evaluation, *, workers: int, owned: bool = False) -> None:
        if not callable(getattr(executor, "submit", None)):
            raise ConfigError(f"executor = {executor!r}: expected 'ray' or an object with submit(function, *arguments)")
        self._executor = executor
        self._run = _Run(evaluation)
        self._workers = workers
        self._owned = owned
        self._futures: dict[int, Any] = {}
        self._events: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._slots = 0
        if hasattr(executor, "prepare"):
            try:
                executor.prepare(self._run)
            except BaseException:
                self.close()
                raise

    @property
    def slots(self) -> int:
        """How many candidates it can take at once now."""
        self._slots = int(getattr(self._executor, "slots", self._workers))
        return self._slots

    def start(self, candidate: Candidate) -> None:
        number = candidate.number
        future = self._executor.submit(self._run, number, candidate.entry.tokens, candidate.budget)
        self._futures[number] = future
        future.add_done_callback(lambda done: self._events.put(_outcome(number, done)))

    def next_event(self) -> Outcome | None:
        seconds = LOOK_SECONDS if hasattr(self._executor, "slots") else None
        while True:
            before = self._slots
            try:
                event = self._events.get(timeout=seconds)
            except queue.Empty:
                if self.slots > before:
                    return None
                continue
            self._futures.pop(event.number, None)
            return event

    def arrived(self) -> list[Outcome]:
        return drained(self._events)

    def close(self) -> None:
        for future in list(self._futures.values()):
            future.cancel()
        if self._owned:
            self._executor.shutdown()


class _Run:
    """The function that executors are given; calls ``Evaluation.run`` where it arrives."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation

    def __call__(self, number: int, tokens: tuple[int, ...], budget: int | None) -> Outcome:
        return self.evaluation.run(number, tokens, budget)


def _outcome(number: int, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - a worker or a node that is gone
        return failed(number, error)
    except BaseException as error:  # noqa: BLE001 - cancelled
        return Outcome(number, reason=f"{type(error).__name__}: {error}")
