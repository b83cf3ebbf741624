"""Runs by what people call them: a folder, a file, a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, RecordError
from ..report import read_settings, write_settings
from ..report.files import SETTINGS
from ..searching import SearchResult, read_result
from ..searching.places import STUDY_NAME, place_of
from ..searching.studies import open_study, read_header

DEFAULT_OUTPUT = Path("runs/search")
RUN = "sanas:run"
"""What a record calls the settings of the run that began it."""
WORKERS = ("workers", "time_limit", "memory_limit")
"""Settings that do not decide the course of a search, and may differ when it is continued."""

NEEDED = ("configs", "data", "steps", "constraints", "init_tokens", "epochs", "batch_size", "image_size", "seed")
"""Settings without which a run cannot be continued."""


@dataclass(frozen=True)
class Run:
    """A run to begin or to continue.

    Attributes:
        settings: What it was started with.
        folder: Folder of its results.
        storage: Where its record is, None if in the folder.
    """

    settings: dict[str, Any]
    folder: Path
    storage: str | None


def find_run(name: str, *, changes: Mapping[str, Any], storage: str | None = None, output: Path | None = None) -> Run:
    """The run that somebody means.

    Args:
        name: Its folder, its journal or SQLite file, or the URL of its database.
        changes: Settings to change, where they are not None.
        storage: URL of its database, if the one that the folder knows lacks a password.
        output: Folder for the results, if there is none yet.

    Raises:
        RecordError: There is no such run, or it is one that ``sanas search`` has not begun.
    """
    path = Path(name)
    if path.is_file() and (path.parent / SETTINGS).is_file():
        path = path.parent
    if path.is_dir() or ("://" not in name and not path.is_file()):
        if not (path / SETTINGS).is_file() and any(path.glob("*.journal")):
            raise RecordError(f"the search in {path} was begun by a script: continue it there, with resume=True")
        settings = read_settings(path)
        storage = storage or settings.get("storage")
        folder = path
    else:
        settings, storage = _settings_in(name), name
        folder = output or new_folder(None)
        settings["storage"] = without_password(name)
        write_settings(folder, settings)
    missing = [key for key in NEEDED if key not in settings]
    if missing:
        raise RecordError(f"{folder / SETTINGS} is no run of sanas search, or damaged: {missing[0]!r} is missing")
    return Run({**settings, **{key: value for key, value in changes.items() if value is not None}}, folder, storage)


def new_folder(output: Path | None) -> Path:
    """A folder for a new run.

    Raises:
        ConfigError: ``output`` holds a run already.
    """
    if output is None:
        candidates = (
            DEFAULT_OUTPUT.with_name(f"search{suffix}") for suffix in ("", *(f"-{n}" for n in range(2, 10**6)))
        )
        return next(folder for folder in candidates if not folder.exists())
    if (output / SETTINGS).exists():
        raise ConfigError(f"{output} holds a run already: add --resume, or choose another --output")
    return output


def of_script(folder: Path) -> SearchResult | None:
    """The search in a folder that a script has begun, None if there is none or ``sanas search`` began it."""
    if (folder / SETTINGS).exists() or not any(folder.glob("*.journal")):
        return None
    return read_result(folder)


def without_password(storage: str) -> str:
    """A storage as it may be written down; who continues the run has the password elsewhere, as in ``~/.pgpass``."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in storage:
        return storage
    try:
        url = make_url(storage)
    except ArgumentError as error:
        raise ConfigError(f"storage = {storage!r}: {error}") from None
    return url.set(password=None).render_as_string() if url.password else storage


def _settings_in(storage: str) -> dict[str, Any]:
    """The settings in a record that others share."""
    place = place_of(storage, STUDY_NAME)
    place.check()
    read_header(place)
    settings = open_study(place).user_attrs.get(RUN)
    if not isinstance(settings, dict):
        raise RecordError(f"the search in {place} was begun by a script: continue it there, with the same storage")
    return dict(settings)
