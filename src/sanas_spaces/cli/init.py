"""``sanas init``: a file of settings to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, SanasError
from ..files import write_text
from .settings import as_yaml
from .terminal import console, fail

DEFAULT_FILE = Path("search.yaml")


def init_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a file of all settings of `sanas search` with their defaults, to change and to give to it with -c.

    Examples:
    sanas init;
    sanas init photos.yaml
    """
    try:
        if file.exists() and not force:
            raise ConfigError(f"{file} is there already: choose another name, or add --force")
        try:
            write_text(file, as_yaml())
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from None
    except SanasError as error:
        fail(error)
    console.print(f"{file}: change it, then: sanas search -c {file}", markup=False, soft_wrap=True)
