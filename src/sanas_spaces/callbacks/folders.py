"""Loggers whose tool reads a folder: one run for the course of the search, and one for each candidate."""

from __future__ import annotations

import json
import re
import shutil
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import ConfigError
from ..files import write_text
from ..searching import SearchResult
from .base import SearchLogger
from .facts import Facts, settings_of

COURSE = "search"
MARK = "sanas.json"
_FORBIDDEN = re.compile(r"[^-/\w.]+")


class FolderLogger(SearchLogger):
    """Writes a search into a folder.

    ``search`` inside it is the course of the search: values, cost and best so far by number of the candidate. When a
    search is resumed, that is written anew from its record. Each candidate has a folder, too, which appears when
    it is complete.

    Args:
        folder: Where to write; by default a folder of the tool's name in the folder of the search.
    """

    tool: str
    """Name of the default folder."""

    def __init__(self, folder: str | Path | None = None) -> None:
        super().__init__()
        self._given = None if folder is None else Path(folder)
        self.folder: Path | None = self._given
        """Where it writes, None if that is not known before the first candidate."""
        self._lock: FileLock | None = None
        self._course: Any = None

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (OSError,)

    def _begin(self, result: SearchResult, search: str) -> Iterable[int]:
        if self._given is None and result.folder is None:
            raise ConfigError(f"{type(self).__name__}(): a search without a folder needs one for its log")
        folder = self.folder = self._given or Path(result.folder or ".") / self.tool
        folder.mkdir(parents=True, exist_ok=True)
        self._hold(folder)
        _mark(folder, search, settings_of(result))
        shutil.rmtree(folder / COURSE, ignore_errors=True)
        self._course = self._writer(folder / COURSE)
        return ()

    def _hold(self, folder: Path) -> None:
        """Keep other processes out, as long as this object lives."""
        self._lock = FileLock(folder / ".lock", is_singleton=True, thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(
                f"{folder}: another process logs a search there; one logger writes the candidates of all processes"
            ) from None

    def _write(self, facts: Facts) -> None:
        folder = Path(self.folder or ".") / f"candidate-{facts.number:05d}"
        if not folder.exists():
            part = folder.with_name(f".{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            writer = self._writer(part)
            self._describe(writer, facts)
            writer.close()
            part.rename(folder)
        self._follow(self._course, facts)  # last: whatever failed before is tried again

    def _flush(self) -> None:
        self._course.flush()

    def _end(self) -> None:
        self._course.close()
        if self._lock is not None:
            self._lock.release(force=True)

    @abstractmethod
    def _writer(self, folder: Path) -> Any:
        """Something with ``flush`` and ``close`` that writes one run."""

    @abstractmethod
    def _follow(self, writer: Any, facts: Facts) -> None:
        """Write a step of the course of the search."""

    @abstractmethod
    def _describe(self, writer: Any, facts: Facts) -> None:
        """Write a candidate."""


def course_of(facts: Facts) -> dict[str, float]:
    """What the course of a search has of a candidate, by tag."""
    best = {f"best_{name}": value for name, value in facts.best.items()}
    return {f"{COURSE}/{tag_of(name)}": value for name, value in {**facts.metrics, **best}.items()}


def metrics_of(facts: Facts) -> dict[str, float]:
    """Values and figures of a candidate, by tag."""
    return {tag_of(name): value for name, value in facts.metrics.items()}


def tag_of(name: str) -> str:
    """A name as these tools take it."""
    return _FORBIDDEN.sub("_", name).strip("/")


def _mark(folder: Path, search: str, settings: dict[str, str]) -> None:
    """Write down whose folder it is.

    Raises:
        ConfigError: It is that of another search, or holds something else.
    """
    path = folder / MARK
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8")).get("search")
        except (ValueError, AttributeError):
            found = None
        if found != search:
            raise ConfigError(f"{folder} is the log of another search: choose another folder")
        return
    if (folder / COURSE).exists():
        raise ConfigError(f"{folder / COURSE} is there already and no log of a search: choose another folder")
    write_text(path, json.dumps({"search": search, **settings}, indent=1) + "\n")
