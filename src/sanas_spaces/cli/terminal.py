"""The terminal: where output goes, and how figures are written."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer
from rich.console import Console

WIDTH_IN_A_PIPE = 120

_in_a_pipe = not sys.stdout.isatty() and "COLUMNS" not in os.environ
console = Console(highlight=False, width=WIDTH_IN_A_PIPE if _in_a_pipe else None)
errors = Console(stderr=True, highlight=False)

INTERRUPTED = 130


def fail(message: object, code: int = 1) -> NoReturn:
    """Say what went wrong on stderr and end with ``code``."""
    errors.print(f"[bold red]error:[/] {_plain(message)}", soft_wrap=True)
    raise typer.Exit(code)


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


def _plain(message: object) -> str:
    return str(message).replace("[", r"\[")
