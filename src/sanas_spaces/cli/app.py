"""The ``sanas`` command and its subcommands."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from typing import Annotated, Any

import typer
from rich.table import Table

from .. import __version__
from ..combine import CombinedSpace
from ..errors import SanasError, SanasWarning
from ..registry import SEARCHSPACE
from ..space import BlockSpace
from .export import export_command
from .help import add
from .init import init_command
from .modules import Modules, import_modules
from .report import compare_command, report_command
from .resume import resume_command, status_command
from .search import search_command
from .serve import serve_command
from .show import show_command
from .terminal import AsJson, amount, console, errors, fail, print_json
from .train import train_command

app = typer.Typer(
    help="Neural architecture search for PaddlePaddle.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: the same in a terminal, in a pipe, and for a screen reader
)
add(app, "search", search_command)
add(app, "init", init_command)
add(app, "serve", serve_command)
add(app, "resume", resume_command)
add(app, "status", status_command)
add(app, "report", report_command)
add(app, "compare", compare_command)
add(app, "export", export_command)
add(app, "train", train_command)

EXAMPLE_MASK = [1, 0]


def main() -> None:
    """Entry point: library errors become one line on stderr and its exit code."""
    prepare()
    try:
        app(standalone_mode=True)
    except SanasError as error:
        try:
            fail(error)
        except typer.Exit as end:
            raise SystemExit(end.exit_code) from None


def prepare() -> None:
    """Keep the terminal for what the command says itself: no logs of libraries, no warnings of others."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no arrows gets question marks
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's own log: errors only
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for the processes of workers
    logging.disable(logging.WARNING)
    warnings.showwarning = _show_warning  # type: ignore[assignment]


def spaces_command(modules: Modules = None, as_json: AsJson = False) -> None:
    """List the registered search spaces, with token counts and sizes.

    Block spaces are shown for two blocks, of which the first halves the feature map.

    Examples:
    sanas spaces;
    sanas spaces --import my_spaces.py --json
    """
    try:
        import_modules(modules)
    except SanasError as error:
        fail(error)
    rows = [_space(name) for name in sorted(SEARCHSPACE)]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, justify in (("space", "left"), ("tokens", "right"), ("networks", "right"), ("initial FLOPs", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("what it is", overflow="fold")
    for row in rows:
        tokens = f"{row['tokens']}{' a block' if row['per_block'] else ''}" if row["tokens"] else "-"
        size = f"{row['networks']:.2g}" if row["networks"] else "-"
        flops = amount(row["initial_flops"]) if row["initial_flops"] else "-"
        table.add_row(row["name"], tokens, size, flops, row["error"] or row["about"])
    console.print(table)


def _space(name: str) -> dict[str, Any]:
    """What ``sanas spaces`` tells of one space."""
    cls = SEARCHSPACE.get(name)
    blocks = issubclass(cls, BlockSpace) or "Block" in name
    row: dict[str, Any] = {
        "name": name,
        "about": (cls.__doc__ or "").strip().split("\n")[0],
        "per_block": blocks,
        **dict.fromkeys(("tokens", "networks", "initial_flops", "error")),
    }
    try:
        space = CombinedSpace([(name, {"block_mask": EXAMPLE_MASK} if blocks else {})])
        row["tokens"] = len(space.table) // (len(EXAMPLE_MASK) if blocks else 1)
        row["networks"] = float(space.table.size)
        row["initial_flops"] = None if space.starts_random else space.token2arch().cost().flops
    except SanasError as error:
        row["error"] = str(error)
    return row


add(app, "spaces", spaces_command)
add(app, "show", show_command)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        console.print(__version__)
        raise typer.Exit


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    if issubclass(category, SanasWarning):
        errors.print(f"[yellow]warning:[/] {message}", soft_wrap=True)
