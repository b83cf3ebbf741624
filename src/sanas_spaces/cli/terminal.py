"""The terminal: where output goes, and how figures are written."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from ..errors import BuildError, EvaluationError, RegistryError, SearchExhausted, SearchFinished, ServiceError

WIDTH_IN_A_PIPE = 120

_in_a_pipe = not sys.stdout.isatty() and "COLUMNS" not in os.environ
console = Console(highlight=False, width=WIDTH_IN_A_PIPE if _in_a_pipe else None)
errors = Console(stderr=True, highlight=False)

FAILED, WRONG_INPUT = 1, 2
"""Exit codes: the work failed; what was asked for cannot be done."""
FAILURES = (BuildError, EvaluationError, SearchExhausted, SearchFinished, ServiceError)
"""Errors that say nothing against what was typed."""


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs; all else goes to stderr.")]


def print_json(value: Any) -> None:
    """Print a value for programs: as it is, whatever the width and colours of the terminal."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201


def fail(message: object) -> NoReturn:
    """Say what went wrong in one line on stderr and end with the exit code that fits."""
    code = exit_code(message)
    if isinstance(message, RegistryError):
        message = f"{message}; one of your own is made known by --import MODULE or FILE.py"
    errors.print(f"[bold red]error:[/] {plain(' '.join(str(message).split()))}", soft_wrap=True)
    raise typer.Exit(code)


def exit_code(message: object) -> int:
    """1 for errors of the work itself, 2 for errors in what was asked for."""
    return FAILED if isinstance(message, FAILURES) else WRONG_INPUT


def amount(value: float) -> str:
    """A count with three digits: ``312M``, ``1.25M``, ``804k``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def percent(share: float | None) -> str:
    """A share from 0 to 1 in percent."""
    return "-" if share is None else f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def plain(message: object) -> str:
    """Text for a console as it is, brackets included."""
    return str(message).replace("[", r"\[")
