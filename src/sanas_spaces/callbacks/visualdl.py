"""Searches in VisualDL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..optional import import_optional
from .facts import Facts
from .folders import FolderLogger, course_of, metrics_of


class VisualDLLogger(FolderLogger):
    """Writes a search into a folder that VisualDL reads: ``visualdl --logdir FOLDER``.

    Scalars ``search/...`` are the course of the search, and the texts ``failures`` say why candidates failed. What
    candidates pick, their values and their cost are among the hyperparameters, their scores on the way are the scalar
    ``score``.

    Args:
        folder: Where to write; by default ``visualdl`` in the folder of the search.

    Raises:
        MissingDependencyError: VisualDL is not installed.
    """

    tool = "visualdl"

    def __init__(self, folder: str | Path | None = None) -> None:
        super().__init__(folder)
        self._visualdl = import_optional("visualdl", "visualdl", "logging for VisualDL")

    def _writer(self, folder: Path) -> Any:
        return self._visualdl.LogWriter(logdir=str(folder))

    def _follow(self, writer: Any, facts: Facts) -> None:
        time = _milliseconds(facts)
        for tag, value in course_of(facts).items():
            writer.add_scalar(tag, value, facts.number, walltime=time)
        if facts.failure is not None:
            writer.add_text("failures", facts.failure, facts.number, walltime=time)

    def _describe(self, writer: Any, facts: Facts) -> None:
        time, metrics = _milliseconds(facts), metrics_of(facts)
        choices = {key: int(one) if isinstance(one, bool) else one for key, one in facts.choices.items()}
        writer.add_hparams({"state": facts.state, **choices}, list(metrics), walltime=time)
        for tag, value in metrics.items():
            writer.add_scalar(tag, value, facts.number, walltime=time)
        for step, score in facts.scores.items():
            writer.add_scalar("score", score, step, walltime=time)


def _milliseconds(facts: Facts) -> int:
    return round(facts.ended.timestamp() * 1000)
