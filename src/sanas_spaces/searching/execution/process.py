"""A worker process of a pool: ``python -m sanas_spaces.searching.execution.process``."""

from __future__ import annotations

import os
import queue
import sys
import threading
from dataclasses import asdict
from typing import Any

from ..candidate import Candidate
from .base import Evaluation, Outcome, failed
from .pipes import Pipe


class _Reports:
    """Takes scores of the candidate to the driver and brings its answers."""

    pruner = True

    def __init__(self, pipe: Pipe, answers: queue.SimpleQueue[Any]) -> None:
        self._pipe = pipe
        self._answers = answers

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        self._ask(score, step)
        candidate.entry.scores[step] = score

    def should_prune(self, candidate: Candidate) -> bool:
        return bool(self._ask(None, 0))

    def _ask(self, score: Any, step: int) -> Any:
        self._pipe.send(("question", score, step))
        answer = self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer


def main() -> None:
    """Evaluate candidates until the driver closes its end or dies."""
    pipe = Pipe(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what candidates print must not get into the messages
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, messages), daemon=True).start()
    evaluation: Evaluation | Exception = messages.get()
    while True:
        _, number, tokens, budget, prunable = messages.get()
        pipe.send(("begun",))
        if isinstance(evaluation, Exception):
            outcome = failed(number, evaluation)
        else:
            reports = _Reports(pipe, messages) if prunable else None
            outcome = evaluation.run(number, tokens, budget, reports)
        try:
            pipe.send(_message(outcome))
        except Exception as error:  # noqa: BLE001 - pickle raises anything
            pipe.send(_message(failed(number, error)))


def _message(outcome: Outcome) -> Any:
    values = asdict(outcome)
    return "outcome", {key: value for key, value in values.items() if key not in ("number", "error")}


def _listen(pipe: Pipe, messages: queue.SimpleQueue[Any]) -> None:
    """Hand on messages; at the end of the driver end this process, whatever it is doing."""
    try:
        while True:
            try:
                messages.put(pipe.receive())
            except (EOFError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - a module that only the driver can import, for instance
                messages.put(error)
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    main()
