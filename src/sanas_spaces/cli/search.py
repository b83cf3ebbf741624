"""``sanas search``: a whole search on images, from data to an exported network."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import SanasError
from ..report import finish, write_settings
from ..report.environment import command_line, versions
from ..searching import ALGORITHMS, PRUNERS, Candidate, Halving, SearchResult, algorithm_named, as_pruner, search
from .arguments import parse_configs, parse_constraints, parse_numbers
from .display import Display, announce, conclude
from .interrupt import Interrupt
from .runs import DEFAULT_OUTPUT, RUN, WORKERS, Run, find_run, new_folder, without_password
from .terminal import INTERRUPTED, errors, fail

Workers = Annotated[int | None, typer.Option(min=1, help="Candidates trained at once, each in a process of its own.")]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="Most that one candidate may take.")]
MemoryLimit = Annotated[
    float | None, typer.Option(metavar="BYTES", help="Most memory that one candidate may use: 2e9.")
]
DEFAULT_SPACE = "MobileNetV2BlockSpace"
DEFAULT_CONFIG = {"block_mask": [1, 0, 1, 0]}
DEFAULT_START = [1, 4, 0, 0, 1, 5, 0, 0, 2, 6, 0, 0, 2, 7, 0, 0]
"""A network made by hand for the default space: what the search has to beat."""
DEFAULT_STEPS = 20
DEFAULT_FLOPS = 400e3
PIXELS_FOR_THREADS = 1024
"""Smaller images are trained on by one thread: several gain a third on an idle machine and lose much on a busy one."""


def search_command(
    spaces: Annotated[
        list[str] | None, typer.Argument(metavar="[SPACE...]", help=f"Search spaces; default {DEFAULT_SPACE}.")
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help="Config of a space, in order, once per space.")
    ] = None,
    data: Annotated[
        str, typer.Option(help="digits, a folder of class folders, an .npz file, or a binary CIFAR-10 archive.")
    ] = "digits",
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Number of candidates to train; default {DEFAULT_STEPS}.")
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=BOUND", help="HIGH or LOW:HIGH for flops, params, depth, ...; can be repeated."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images per candidate.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per training step.")] = 64,
    image_size: Annotated[int | None, typer.Option(min=1, help="Height and width to resize images to.")] = None,
    algorithm: Annotated[str, typer.Option(help=f"What proposes candidates: {', '.join(ALGORITHMS)}.")] = "annealing",
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
    seed: Annotated[int, typer.Option(min=0, help="Seed of split, search and training.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Folder for the results; default runs/search.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the output folder.")] = False,
) -> None:
    """Search for a good small network: train candidates, retrain the best, test it once, export it.

    Examples:
    sanas search;
    sanas search MobileNetV1BlockSpace --config '{"block_mask": [1, 0, 1]}' --constraint flops=2e6;
    sanas search --data photos/ --image-size 32 --steps 40 --output runs/photos;
    sanas search --steps 60 --budgets 1,3,9;
    sanas search --steps 100 --workers 4 --time-limit 600;
    sanas search --output runs/photos --resume
    """
    limits = {"workers": workers, "time_limit": time_limit, "memory_limit": memory_limit}
    try:
        if resume:
            run = find_run(str(output or DEFAULT_OUTPUT), changes={**limits, "steps": steps}, storage=storage)
        else:
            algorithm_named(algorithm)
            as_pruner(pruner)
            rounds = parse_numbers(budgets)
            if rounds is not None:
                Halving(rounds)
            folder = new_folder(output)
            settings = {
                "configs": parse_configs(spaces or [DEFAULT_SPACE], config or []) if spaces else _default(config),
                "data": data,
                "steps": steps or DEFAULT_STEPS,
                "constraints": parse_constraints(constraint or []) or (None if spaces else {"flops": DEFAULT_FLOPS}),
                "init_tokens": None if spaces or config else DEFAULT_START,
                "epochs": epochs,
                "batch_size": batch_size,
                "image_size": image_size,
                "seed": seed,
                "algorithm": algorithm,
                "pruner": pruner,
                "budgets": rounds,
                **limits,
                "storage": None if storage is None else without_password(storage),
                "command": command_line(),
                "versions": versions(),
            }
            write_settings(folder, settings)
            run = Run(settings, folder, storage)
    except SanasError as error:
        fail(error)
    run_search(run.settings, run.folder, resume=resume, storage=run.storage)


def run_search(settings: dict[str, Any], folder: Path, *, resume: bool, storage: str | None = None) -> None:
    """Search, retrain the best network and write the results of the run; an error or Ctrl-C ends the command.

    Args:
        settings: What the run was started with.
        folder: Its folder.
        resume: Whether there may be a record to go on with.
        storage: Where the record is kept in place of the folder.
    """
    try:
        _run(settings, folder, resume=resume, storage=storage)
    except SanasError as error:
        fail(error)
    except KeyboardInterrupt:
        errors.print(f"\ninterrupted; continue with: sanas resume {folder}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None


def _run(settings: dict[str, Any], folder: Path, *, resume: bool, storage: str | None) -> None:
    started = time.perf_counter()
    from ..evaluate import ImageClassification, load_dataset, use_all_cores

    interrupt = Interrupt()
    dataset = load_dataset(settings["data"], seed=settings["seed"], image_size=settings["image_size"])
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
    study = result.engine.record.study
    if RUN not in study.user_attrs:
        study.set_user_attr(RUN, settings)


def _default(config: list[str] | None) -> list[tuple[str, dict[str, Any]]]:
    return parse_configs([DEFAULT_SPACE], config) if config else [(DEFAULT_SPACE, DEFAULT_CONFIG)]
