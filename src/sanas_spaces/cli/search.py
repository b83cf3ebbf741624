"""``sanas search``: a whole search on images, from data to an exported network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..combine import CombinedSpace
from ..errors import ConfigError, SanasError
from ..report.environment import command_line, versions
from ..searching import (
    ALGORITHMS,
    PRUNERS,
    Constraints,
    Halving,
    algorithm_named,
    as_pruner,
)
from .arguments import parse_constraints, parse_numbers
from .completion import complete_algorithm, complete_pruner, complete_space
from .course import run_search
from .modules import Modules, import_modules
from .runs import DEFAULT_OUTPUT, Run, find_run, new_folder, without_password
from .settings import DEFAULT_SPACE, DEFAULT_STEPS, SETTINGS, merge, read_file
from .terminal import AsJson, fail

Workers = Annotated[int | None, typer.Option(min=1, help="Candidates trained at once, each in a process of its own.")]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="Most that one candidate may take.")]
MemoryLimit = Annotated[
    float | None, typer.Option(metavar="BYTES", help="Most memory that one candidate may use: 2e9.")
]


def search_command(
    spaces: Annotated[
        list[str] | None,
        typer.Argument(metavar="SPACE", autocompletion=complete_space, help=f"Search spaces; default {DEFAULT_SPACE}."),
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help="Config of a space, in order, once per space.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--settings", "-c", metavar="FILE", help="Settings in YAML, as sanas init writes; options go first."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="digits, a folder of class folders, an .npz file, or a CIFAR-10 archive; default digits."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Number of candidates to train; default {DEFAULT_STEPS}.")
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=BOUND", help="HIGH or LOW:HIGH for flops, params, depth, ...; can be repeated."),
    ] = None,
    tokens: Annotated[
        str | None, typer.Option(metavar="T,T,...", help="First candidate; by default the initial one of the spaces.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training images per candidate; default 6.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per training step; default 64.")] = None,
    image_size: Annotated[int | None, typer.Option(min=1, help="Height and width to resize images to.")] = None,
    algorithm: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_algorithm,
            help=f"What proposes candidates: {', '.join(ALGORITHMS)}; default {SETTINGS['algorithm'].default}.",
        ),
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_pruner,
            help=f"Stop bad candidates early by their accuracy on the way: {', '.join(PRUNERS)}.",
        ),
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option(metavar="EPOCHS,...", help="Train all for few epochs, the best for more: 2,6,18."),
    ] = None,
    workers: Workers = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Keep the record where others can join it: postgresql://..., mysql://..., or a .db or .journal file.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of split, search and training; default 0.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the results; default runs/search.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the output folder.")] = False,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Search for a good small network: train candidates, retrain the best, test it once, export it.

    Examples:
    sanas search;
    sanas search MobileNetV1BlockSpace --config '{"block_mask": [1, 0, 1]}' --constraint flops=2e6;
    sanas search --data photos/ --image-size 32 --steps 40 --output runs/photos;
    sanas search --steps 60 --budgets 1,3,9;
    sanas search --steps 100 --workers 4 --time-limit 600;
    sanas search -c search.yaml --seed 1;
    sanas search MySpace --import my_spaces.py;
    sanas search --output runs/photos --resume
    """
    limits = {"workers": workers, "time_limit": time_limit, "memory_limit": memory_limit}
    try:
        import_modules(modules)
        if resume:
            if file is not None:
                raise ConfigError(f"-c {file}: a run that is resumed has its settings in its folder; leave out -c")
            run = find_run(str(output or DEFAULT_OUTPUT), changes={**limits, "steps": steps}, storage=storage)
        else:
            typed: dict[str, Any] = {
                "tokens": parse_numbers(tokens),
                "constraints": parse_constraints(constraint) if constraint else None,
                "data": data,
                "image_size": image_size,
                "steps": steps,
                "epochs": epochs,
                "batch_size": batch_size,
                "algorithm": algorithm,
                "pruner": pruner,
                "budgets": parse_numbers(budgets, "--budgets"),
                **limits,
                "storage": storage,
                "seed": seed,
                "output": None if output is None else str(output),
            }
            run = _begin(merge(read_file(file) if file else {}, typed, spaces or [], config or []))
    except SanasError as error:
        fail(error)
    run_search(run.settings, run.folder, resume=resume, storage=run.storage, as_json=as_json)


def _begin(chosen: dict[str, Any]) -> Run:
    """A new run with these settings; nothing is written yet."""
    algorithm_named(chosen["algorithm"])
    as_pruner(chosen["pruner"])
    if chosen["budgets"] is not None:
        Halving(chosen["budgets"])
    space = CombinedSpace(chosen["spaces"])
    if chosen["tokens"] is not None:
        space.token2arch(chosen["tokens"])
    Constraints(chosen["constraints"])
    output, storage = chosen["output"], chosen["storage"]
    folder = new_folder(None if output is None else Path(output))
    kept = {key: value for key, value in chosen.items() if key not in ("spaces", "tokens", "output", "storage")}
    settings = {
        "configs": chosen["spaces"],
        "init_tokens": chosen["tokens"],
        **kept,
        "storage": None if storage is None else without_password(storage),
        "command": command_line(),
        "versions": versions(),
    }
    return Run(settings, folder, storage)
