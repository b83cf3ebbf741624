"""``sanas search``: a whole search on images, from data to an exported network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..errors import ConfigError, SanasError
from ..report import Final, finish, read_settings, write_settings
from ..report.environment import command_line, versions
from ..report.files import SETTINGS
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
from .arguments import parse_configs, parse_constraints, parse_numbers
from .interrupt import Interrupt
from .terminal import INTERRUPTED, amount, console, duration, errors, fail, percent

DEFAULT_OUTPUT = Path("runs/search")
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
    sanas search --output runs/photos --resume
    """
    try:
        if resume:
            folder = output or DEFAULT_OUTPUT
            settings = read_settings(folder)
            settings["steps"] = steps or settings["steps"]
        else:
            algorithm_named(algorithm)
            as_pruner(pruner)
            rounds = parse_numbers(budgets)
            if rounds is not None:
                Halving(rounds)
            folder = _new_folder(output)
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
                "command": command_line(),
                "versions": versions(),
            }
            write_settings(folder, settings)
        with Interrupt() as interrupt:
            _run(settings, folder, interrupt, resume=resume)
    except SanasError as error:
        fail(error)
    except KeyboardInterrupt:
        errors.print(f"\ninterrupted; continue with: sanas search --output {folder} --resume")
        raise typer.Exit(INTERRUPTED) from None


def _run(settings: dict[str, Any], folder: Path, interrupt: Interrupt, *, resume: bool) -> None:
    started = time.perf_counter()
    from ..evaluate import ImageClassification, load_dataset, use_all_cores

    dataset = load_dataset(settings["data"], seed=settings["seed"], image_size=settings["image_size"])
    if dataset.image_shape[1] * dataset.image_shape[2] >= PIXELS_FOR_THREADS:
        use_all_cores()
    options = {} if settings["epochs"] is None else {"epochs": settings["epochs"]}
    evaluator = ImageClassification(
        dataset, batch_size=settings["batch_size"], seed=settings["seed"], on_step=interrupt.check, **options
    )
    configs = [(name, config) for name, config in settings["configs"]]
    _announce(settings, dataset, folder)
    with _Display(settings["steps"], settings.get("budgets")) as display:
        result = search(
            configs,
            evaluator,
            steps=settings["steps"],
            constraints=settings["constraints"],
            init_tokens=settings["init_tokens"],
            algorithm=settings.get("algorithm"),
            pruner=settings.get("pruner"),
            budgets=settings.get("budgets"),
            seed=settings["seed"],
            folder=folder,
            resume=resume and any(folder.glob("*.journal")),
            callbacks=[display.show],
            on_start=display.start,
        )
        display.say(f"retraining candidate {result.best_number} on training and validation images")
        final = finish(result, evaluator, folder)
    _conclude(result, final, folder, time.perf_counter() - started)


class _Display:
    """A line per candidate, and below them a bar with the time left."""

    def __init__(self, steps: int, budgets: Sequence[int] | None) -> None:
        self._trainings = steps
        for before, budget in pairwise(budgets or ()):
            steps = max(1, steps * before // budget)
            self._trainings += steps
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("searching", total=self._trainings, left="")
        self._last = self._start = time.perf_counter()
        self._shown = 0

    def __enter__(self) -> _Display:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, result: SearchResult, candidate: Candidate) -> None:
        """Tell what is trained now, in the bar."""
        cost = f", {amount(candidate.cost.flops)} FLOPs" if candidate.cost else ""
        epochs = f", {candidate.budget} epochs" if candidate.budget else ""
        self._bar.update(self._task, description=f"training #{candidate.number}{cost}{epochs}")

    def show(self, result: SearchResult, candidate: Candidate) -> None:
        """Report a candidate that was just evaluated."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._shown += 1
        self.say(f"#{candidate.number:<4}{_outcome(result, candidate, seconds)}")
        entries = result.engine.record.entries
        done = sum(len(entry.scores) or 1 for entry in entries) if candidate.budget else len(entries)
        left = (now - self._start) / self._shown * (self._trainings - done)
        self._bar.update(self._task, completed=done, left=f"about {duration(left)} left")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        console.print(text)


def _outcome(result: SearchResult, candidate: Candidate, seconds: float) -> str:
    scores, best = candidate.entry.scores, result.engine.best_entry
    reward = candidate.reward
    if reward is None and scores and "reason" not in candidate.entry.attrs:
        reward = scores[max(scores)]
    if reward is None:
        return f"failed: {candidate.entry.attrs.get('reason')}".splitlines()[0].replace("[", r"\[")
    cost = candidate.cost
    figures = f"{amount(cost.flops):>6} FLOPs  {amount(cost.params):>6} params" if cost else ""
    if candidate.reward is None:
        mark = f"after {max(scores)} epochs" + ("" if candidate.is_open else ", stopped")
    elif best is None or best.number == candidate.number:
        mark = "[bold green]best so far[/]"
    else:
        mark = f"best {percent(best.reward)} (#{best.number})"
    return f"[bold]{percent(reward):>8}[/]  {figures}  {seconds:5.1f} s  {mark}"


def _default(config: list[str] | None) -> list[tuple[str, dict[str, Any]]]:
    return parse_configs([DEFAULT_SPACE], config) if config else [(DEFAULT_SPACE, DEFAULT_CONFIG)]


def _new_folder(output: Path | None) -> Path:
    if output is None:
        candidates = (
            DEFAULT_OUTPUT.with_name(f"search{suffix}") for suffix in ("", *(f"-{n}" for n in range(2, 10**6)))
        )
        return next(folder for folder in candidates if not folder.exists())
    if (output / SETTINGS).exists():
        raise ConfigError(f"{output} holds a run already: add --resume, or choose another --output")
    return output


def _announce(settings: dict[str, Any], dataset: Any, folder: Path) -> None:
    spaces = " + ".join(f"{name} {config}" if config else name for name, config in settings["configs"])
    limits = Constraints(settings["constraints"]).describe() or "none"
    console.print(f"space        {spaces}".replace("[", r"\["))
    sizes = ", ".join(f"{len(getattr(dataset, part).labels)} {part}" for part in ("train", "valid", "test"))
    console.print(f"data         {dataset.name}: {sizes}; {dataset.num_classes} classes")
    console.print(f"constraints  {limits}")
    console.print(f"output       {folder}\n")
    console.print("[bold]#   accuracy   cost[/]")


def _conclude(result: SearchResult, final: Final, folder: Path, seconds: float) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = (
        ("best network", f"candidate {final.number} of {len(result.history)}"),
        ("validation accuracy", percent(final.valid_accuracy)),
        ("test accuracy", f"[bold green]{percent(final.test_accuracy)}[/]"),
        ("exported, loaded again", percent(final.exported_accuracy)),
        ("FLOPs", f"{final.cost['flops']:,}"),
        ("parameters", f"{final.cost['params']:,}"),
        ("tokens", ",".join(map(str, result.best.tokens))),
        ("results", str(folder)),
        ("time", duration(seconds)),
    )
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)
