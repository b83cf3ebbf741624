"""``sanas search``: a whole search on images, from data to an exported network."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from ..combine import CombinedSpace
from ..errors import ConfigError, SanasError
from ..report import finish, write_settings
from ..report.environment import command_line, versions
from ..report.files import SETTINGS, read_summary
from ..searching import (
    ALGORITHMS,
    PRUNERS,
    Candidate,
    Constraints,
    Halving,
    SearchResult,
    algorithm_named,
    as_pruner,
    search,
)
from .arguments import parse_constraints, parse_numbers
from .display import Display, announce, conclude
from .interrupt import Interrupt
from .runs import DEFAULT_OUTPUT, RUN, WORKERS, Run, find_run, new_folder, without_password
from .settings import DEFAULT_SPACE, DEFAULT_STEPS, merge, read_file
from .terminal import INTERRUPTED, AsJson, console, errors, fail, print_json

Workers = Annotated[int | None, typer.Option(min=1, help="Candidates trained at once, each in a process of its own.")]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="Most that one candidate may take.")]
MemoryLimit = Annotated[
    float | None, typer.Option(metavar="BYTES", help="Most memory that one candidate may use: 2e9.")
]
PIXELS_FOR_THREADS = 1024
"""Smaller images are trained on by one thread: several gain a third on an idle machine and lose much on a busy one."""


def search_command(
    spaces: Annotated[
        list[str] | None, typer.Argument(metavar="SPACE", help=f"Search spaces; default {DEFAULT_SPACE}.")
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
        str | None, typer.Option(help=f"What proposes candidates: {', '.join(ALGORITHMS)}; default annealing.")
    ] = None,
    pruner: Annotated[
        str | None, typer.Option(help=f"Stop bad candidates early by their accuracy on the way: {', '.join(PRUNERS)}.")
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
    sanas search --output runs/photos --resume
    """
    limits = {"workers": workers, "time_limit": time_limit, "memory_limit": memory_limit}
    try:
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


def run_search(
    settings: dict[str, Any], folder: Path, *, resume: bool, storage: str | None = None, as_json: bool = False
) -> None:
    """Search, retrain the best network and write the results of the run; an error or Ctrl-C ends the command.

    Args:
        settings: What the run was started with.
        folder: Its folder.
        resume: Whether there may be a record to go on with.
        storage: Where the record is kept in place of the folder.
        as_json: Print what was found as JSON, and all else on stderr.
    """
    console.stderr = as_json
    try:
        _run(settings, folder, resume=resume, storage=storage)
    except SanasError as error:
        fail(error)
    except KeyboardInterrupt:
        errors.print(f"\ninterrupted; continue with: sanas resume {folder}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        console.stderr = False
    if as_json:
        print_json({"folder": str(folder), **read_summary(folder)})


def _run(settings: dict[str, Any], folder: Path, *, resume: bool, storage: str | None) -> None:
    started = time.perf_counter()
    from ..evaluate import ImageClassification, load_dataset, use_all_cores

    interrupt = Interrupt()
    dataset = load_dataset(settings["data"], seed=settings["seed"], image_size=settings["image_size"])
    if not (folder / SETTINGS).exists():
        write_settings(folder, settings)
    if dataset.image_shape[1] * dataset.image_shape[2] >= PIXELS_FOR_THREADS:
        use_all_cores()
    options = {} if settings["epochs"] is None else {"epochs": settings["epochs"]}
    evaluator = ImageClassification(dataset, batch_size=settings["batch_size"], seed=settings["seed"], **options)
    workers, *limits = (settings.get(key) for key in WORKERS)
    here = (workers or 1) == 1 and limits == [None, None]
    if here:
        evaluator.on_step = interrupt.check
    where = {"storage": storage} if storage else {"folder": folder, "resume": resume and any(folder.glob("*.journal"))}
    announce(settings, dataset, folder)
    with Display(settings["steps"], settings.get("budgets")) as display:

        def begin(result: SearchResult, candidate: Candidate) -> None:
            _remember(result, settings)
            display.start(result, candidate)

        with interrupt if here else nullcontext():  # workers need no care: they are ended
            result = search(
                [(name, config) for name, config in settings["configs"]],
                evaluator,
                steps=settings["steps"],
                constraints=settings["constraints"],
                init_tokens=settings["init_tokens"],
                algorithm=settings.get("algorithm"),
                pruner=settings.get("pruner"),
                budgets=settings.get("budgets"),
                seed=settings["seed"],
                workers=workers or 1,
                time_limit=limits[0],
                memory_limit=limits[1],
                callbacks=[display.show],
                on_start=begin,
                **where,
            )
        display.say(f"retraining candidate {result.best_number} on training and validation images")
        evaluator.on_step = interrupt.check
        with interrupt:
            final = finish(result, evaluator, folder)
    conclude(result, final, folder, time.perf_counter() - started)


def _remember(result: SearchResult, settings: dict[str, Any]) -> None:
    """Write into the record what the run was started with, for ``sanas resume`` elsewhere."""
    study, place = result.engine.record.study, result.engine.record.place
    if RUN not in place.patiently(lambda: study.user_attrs):
        place.patiently(lambda: study.set_user_attr(RUN, settings))
