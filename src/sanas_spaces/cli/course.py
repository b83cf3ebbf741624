"""The course of ``sanas search`` and ``sanas resume``: search, retrain the best network, write the results."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer

from ..errors import SanasError
from ..report import finish, write_settings
from ..report.files import SETTINGS, read_summary
from ..searching import Candidate, SearchResult, search
from . import INTERRUPTED
from .display import Display, announce, conclude
from .interrupt import Interrupt
from .runs import RUN, WORKERS
from .terminal import console, errors, fail, print_json

PIXELS_FOR_THREADS = 1024
"""Smaller images are trained on by one thread: several gain a third on an idle machine and lose much on a busy one."""


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
        display.say(f"retraining candidate {result.best.number} on training and validation images")
        evaluator.on_step = interrupt.check
        with interrupt:
            final = finish(result, evaluator, folder)
    conclude(result, final, folder, time.perf_counter() - started)


def _remember(result: SearchResult, settings: dict[str, Any]) -> None:
    """Write into the record what the run was started with, for ``sanas resume`` elsewhere."""
    study, place = result.engine.record.study, result.engine.record.place
    if RUN not in place.patiently(lambda: study.user_attrs):
        place.patiently(lambda: study.set_user_attr(RUN, settings))
