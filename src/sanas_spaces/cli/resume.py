"""``sanas resume`` and ``sanas status``: a run from where it is, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import SanasError
from ..searching.places import STUDY_NAME
from ..searching.summary import summary_of
from .course import run_search
from .modules import Modules, import_modules
from .runs import find_run
from .search import MemoryLimit, TimeLimit, Workers
from .terminal import AsJson, console, fail, print_json

Which = Annotated[
    str, typer.Argument(metavar="RUN", help="Folder of a run, its journal or SQLite file, or the URL of its database.")
]


def resume_command(
    run: Which,
    steps: Annotated[int | None, typer.Option(min=1, help="Another number of candidates.")] = None,
    workers: Workers = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="The run's storage, with a password that is not written down.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the results of a run in a file or a database.")
    ] = None,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Continue a search that `sanas search` began, also while others work on it if it is in a storage.

    Examples:
    sanas resume runs/search;
    sanas resume runs/search --steps 40 --workers 2;
    sanas resume postgresql://me@there/searches --output runs/here
    """
    changes = {"steps": steps, "workers": workers, "time_limit": time_limit, "memory_limit": memory_limit}
    try:
        import_modules(modules)
        found = find_run(run, changes=changes, storage=storage, output=output)
    except SanasError as error:
        fail(error)
    run_search(found.settings, found.folder, resume=True, storage=found.storage, as_json=as_json)


def status_command(
    run: Which,
    study: Annotated[str, typer.Option(help="Name of the search in a database.")] = STUDY_NAME,
    as_json: AsJson = False,
) -> None:
    """Tell how far a search is, finished or running, without touching it.

    Examples:
    sanas status runs/search;
    sanas status postgresql://me@there/searches --json
    """
    try:
        summary = summary_of(run, study)
    except SanasError as error:
        fail(error)
    if as_json:
        print_json(summary)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in _rows(summary):
        table.add_row(*row)
    console.print(table, soft_wrap=True)


def _rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    counts = summary["candidates"]
    rows = [
        ("record", summary["record"]),
        ("space", " + ".join(f"{name} {config}" if config else name for name, config in summary["configs"])),
        ("algorithm", f"{summary['algorithm']}, seed {summary['seed']}"),
        ("constraints", str(summary["constraints"] or "none")),
        ("candidates", ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none"),
        ("first, last", f"{summary['began'] or '-'}, {summary['last'] or '-'}"),
    ]
    for best in summary["best"]:
        values = ", ".join(f"{name} {value:.6g}" for name, value in best["values"].items())
        rows.append(("best", f"candidate {best['number']}: {values}; tokens {','.join(map(str, best['tokens']))}"))
    for one in summary["open"]:
        alive = {True: "at work", False: "gone", None: "not known here"}[one["alive"]]
        rows.append(("open", f"candidate {one['number']}: {one['worker'] or 'nobody'}, {alive}"))
    if summary["last_failure"]:
        failure = summary["last_failure"]
        rows.append(("last failure", f"candidate {failure['number']}: {failure['reason']}"))
    return [(name, text.replace("[", r"\[")) for name, text in rows]
