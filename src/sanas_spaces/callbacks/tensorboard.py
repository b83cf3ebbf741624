"""Searches in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..optional import import_optional
from .facts import Facts
from .folders import FolderLogger, course_of, metrics_of


class TensorBoardLogger(FolderLogger):
    """Writes a search into a folder that TensorBoard reads: ``tensorboard --logdir FOLDER``.

    Scalars ``search/...`` are the course of the search, and the texts ``failures`` say why candidates failed. What
    candidates pick, their values and their cost are in the table of HParams, their scores on the way are the scalar
    ``score``.

    Args:
        folder: Where to write; by default ``tensorboard`` in the folder of the search.

    Raises:
        MissingDependencyError: tensorboardX is not installed.
    """

    tool = "tensorboard"

    def __init__(self, folder: str | Path | None = None) -> None:
        super().__init__(folder)
        self._x = _modules()

    def _writer(self, folder: Path) -> Any:
        folder.mkdir(parents=True, exist_ok=True)
        # its SummaryWriter writes in a thread, which flush() does not wait for
        return self._x["event_file_writer"].EventsWriter(str(folder / "events"))

    def _follow(self, writer: Any, facts: Facts) -> None:
        self._scalars(writer, facts, course_of(facts))
        if facts.failure is not None:
            self._add(writer, facts, self._x["summary"].text("failures", facts.failure), facts.number)

    def _describe(self, writer: Any, facts: Facts) -> None:
        metrics = metrics_of(facts)
        for summary in self._x["summary"].hparams({"state": facts.state, **facts.choices}, metrics):
            self._add(writer, facts, summary, 0)
        self._scalars(writer, facts, metrics)
        for step, score in facts.scores.items():
            self._add(writer, facts, self._x["summary"].scalar("score", score), step)

    def _scalars(self, writer: Any, facts: Facts, values: Mapping[str, float]) -> None:
        for tag, value in values.items():
            self._add(writer, facts, self._x["summary"].scalar(tag, value), facts.number)

    def _add(self, writer: Any, facts: Facts, summary: Any, step: int) -> None:
        event = self._x["proto.event_pb2"].Event(wall_time=facts.ended.timestamp(), step=step, summary=summary)
        writer.write_event(event)


def _modules() -> dict[str, Any]:
    names = ("event_file_writer", "summary", "proto.event_pb2")
    return {name: import_optional(f"tensorboardX.{name}", "tensorboard", "logging for TensorBoard") for name in names}
