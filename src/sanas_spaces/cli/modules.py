"""``--import``: modules that register search spaces of one's own."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from ..errors import ConfigError

Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="Module, or .py file, that registers search spaces of your own; can be repeated.",
    ),
]


def import_modules(modules: Sequence[str] | None) -> None:
    """Import modules, found from the current folder as ``python -m`` finds them, and files.

    Raises:
        ConfigError: One of them is not there, or its own code fails.
    """
    for name in modules or ():
        try:
            _import(name)
        except ConfigError:
            raise
        except Exception as error:
            line = _line(error)
            raise ConfigError(
                f"--import {name}: it cannot be imported ({f'{line}: ' if line else ''}{type(error).__name__}: {error})"
            ) from error


def _import(name: str) -> None:
    if not name.endswith(".py"):
        _look_in(Path.cwd())
        importlib.import_module(name)
        return
    path = Path(name).resolve()
    if not path.is_file():
        raise ConfigError(f"--import {name}: there is no such file")
    # by its name, not by its path, so that processes of workers find it as well
    _look_in(path.parent)
    found = importlib.import_module(path.stem)
    if _file(found) != path:
        other = _file(found) or "Python itself"
        raise ConfigError(f"--import {name}: {path.stem!r} is the name of another module ({other}); rename the file")


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _file(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


def _line(error: Exception) -> str:
    """Where the code of a module failed, empty if it was not found at all."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    here = str(Path(__file__).resolve())
    own = [frame for frame in frames if frame.filename not in (here, importlib.__file__)]
    return f"{Path(own[0].filename).name} line {own[0].lineno}" if own else ""
