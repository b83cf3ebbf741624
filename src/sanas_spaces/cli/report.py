"""``sanas report`` and ``sanas compare``: what a search found, as a page and side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..errors import SanasError
from ..report.compare import Line, compare_networks, compare_runs, network_of, read_named
from ..report.compare import as_json as comparison
from ..report.html import REPORT, write_report
from ..searching import read_result
from ..searching.places import STUDY_NAME
from .arguments import parse_configs, parse_shape
from .completion import complete_space
from .modules import Modules, import_modules
from .terminal import AsJson, console, fail, plain, print_json

Study = Annotated[str, typer.Option(help="Name of the search in a database.")]


def report_command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder of a run, a journal or SQLite file, or a database.")
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"The page; by default {REPORT} in the folder of the run.")
    ] = None,
    study: Study = STUDY_NAME,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Write a page about a search, finished or running: one HTML file that opens offline.

    Examples:
    sanas report runs/search;
    sanas report runs/search --output search.html;
    sanas report searches.db --study sanas
    """
    try:
        import_modules(modules)
        page = write_report(read_result(run, study), output)
    except SanasError as error:
        fail(error)
    if as_json:
        print_json({"report": str(page)})
    else:
        console.print(str(page), markup=False, soft_wrap=True)


def compare_command(
    a: Annotated[str, typer.Argument(metavar="A", help="A run, an architecture file, a best.json, or tokens.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    space: Annotated[
        list[str] | None,
        typer.Option(metavar="SPACE", autocompletion=complete_space, help="Search space of tokens; several chain."),
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help="Config of a space, in order, once per space.")
    ] = None,
    shape: Annotated[str | None, typer.Option(metavar="CxHxW", help="Image shape for sizes and costs.")] = None,
    study: Study = STUDY_NAME,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Show two networks or two runs side by side. A run beside a network stands for its best network.

    Examples:
    sanas compare runs/search runs/search-2;
    sanas compare runs/search/best.json architecture.json;
    sanas compare 0,0,0,0 5,6,1,0 --space MobileNetV2BlockSpace --config '{"block_mask": [1]}' --shape 3x32x32
    """
    try:
        import_modules(modules)
        configs = parse_configs(space or [], config or [])
        both = [read_named(text, configs, study) for text in (a, b)]
        if both[0].result is not None and both[1].result is not None:
            parts = compare_runs(both[0].result, both[1].result)
        else:
            parts = compare_networks(network_of(both[0]), network_of(both[1]), parse_shape(shape))
    except SanasError as error:
        fail(error)
    names = [one.name for one in both]
    if as_json:
        print_json(comparison(parts, names))
        return
    for number, (title, lines) in enumerate(parts.items()):
        if lines:
            if number:
                console.print()
            console.print(_table(title, names, lines))


def _table(title: str, names: Sequence[str], lines: Sequence[Line]) -> Table:
    """Both values of each line; what differs is marked, numbers with how many times as much the second is."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (title, *names):
        table.add_column(plain(heading), justify="left", overflow="fold")
    table.add_column("", justify="right")
    for line in lines:
        mark = "" if not line.differs else "≠" if line.ratio is None else f"x {line.ratio:.3g}"
        style = "" if line.differs else "dim"
        table.add_row(*(plain(cell) for cell in (line.label, *line.words)), mark, style=style)
    return table
