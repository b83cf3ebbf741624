"""Which journal files of a folder are the records of which search."""

from __future__ import annotations

from pathlib import Path

from ..errors import RecordError
from .places import JOURNAL_SUFFIX


def new_record_path(folder: Path, name: str) -> Path:
    """A path in ``folder`` that no earlier record uses: ``name.journal``, ``name-2.journal``, ..."""
    numbers = [number for number, _ in _records(folder, name)]
    suffix = f"-{max(numbers) + 1}" if numbers else ""
    return folder / f"{name}{suffix}{JOURNAL_SUFFIX}"


def has_record(folder: Path, name: str) -> bool:
    """Whether ``folder`` holds a record called ``name``."""
    return bool(_records(folder, name))


def latest_record_path(folder: Path, name: str) -> Path:
    """The newest record of ``name`` in ``folder``.

    Raises:
        RecordError: There is none.
    """
    found = _records(folder, name)
    if not found:
        raise RecordError(f"{folder} holds no record of a search ({name}{JOURNAL_SUFFIX})")
    return max(found)[1]


def _records(folder: Path, name: str) -> list[tuple[int, Path]]:
    found = []
    for path in folder.glob(f"{name}*{JOURNAL_SUFFIX}"):
        rest = path.name[len(name) : -len(JOURNAL_SUFFIX)]
        if rest == "" or (rest.startswith("-") and rest[1:].isdigit()):
            found.append((int(rest[1:] or 1), path))
    return found
