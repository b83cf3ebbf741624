"""``sanas train``: a network of a run, trained for long."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..combine import CombinedSpace
from ..errors import ConfigError, RecordError, SanasError
from ..export.saved import MODEL, NETWORK, save_model
from ..report.files import SETTINGS, SUMMARY, read_settings, read_summary, write_settings, write_summary
from ..report.finish import describe_data
from . import INTERRUPTED
from .arguments import parse_numbers
from .course import PIXELS_FOR_THREADS
from .interrupt import Interrupt
from .modules import Modules, import_modules
from .runs import of_script
from .terminal import AsJson, console, duration, errors, fail, percent, print_json

FOLDER = "trained"


def train_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a sanas search, or of a script.")],
    tokens: Annotated[
        str | None, typer.Option(metavar="T,T,...", help="The network; by default the best of the run.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Other data than those of the run.")] = None,
    image_size: Annotated[int | None, typer.Option(min=1, help="Height and width to resize images to.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images; default 60.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per step; default 64.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Largest learning rate; default 0.1.")] = None,
    warm_up: Annotated[int | None, typer.Option(min=0, help="Epochs in which it rises; default 3.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Factor of the L2 penalty; default 5e-4.")] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Share for all classes; default 0.1.")] = None,
    crop: Annotated[
        int | None, typer.Option(min=0, help="Pixels that random crops may be off; default an eighth of the size.")
    ] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirror images at random; default yes, no for digits.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed; default that of the run.")] = None,
    output: Annotated[Path | None, typer.Option(help=f"Folder for the results; default RUN/{FOLDER}.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the output folder.")] = False,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Train the best network of a run, or another one, for long, and test it once.

    Training and validation images are trained on. After each epoch there is a checkpoint; a resumed training gives
    the same network as one that was not interrupted.

    Examples:
    sanas train runs/search;
    sanas train runs/search --epochs 120 --data photos/ --image-size 32 --output runs/photos;
    sanas train runs/search --tokens 1,4,0,0,1,5,0,0 --output runs/other;
    sanas train runs/search --resume
    """
    folder = output or run / FOLDER
    console.stderr = as_json
    try:
        import_modules(modules)
        wanted = parse_numbers(tokens)
        if resume:
            settings = read_settings(folder)
            if "recipe" not in settings:
                raise RecordError(f"{folder} holds no training: {SETTINGS} tells no recipe")
        else:
            if (folder / SETTINGS).exists():
                raise ConfigError(f"{folder} holds a training already: add --resume, or choose another --output")
            given: dict[str, Any] = {
                "epochs": epochs,
                "batch_size": batch_size,
                "learning_rate": learning_rate,
                "warm_up": warm_up,
                "weight_decay": weight_decay,
                "label_smoothing": label_smoothing,
                "crop": crop,
                "flip": flip,
                "seed": seed,
            }
            settings = _settings(run, wanted, data, image_size, given)
        with Interrupt() as interrupt:
            _train(settings, folder, interrupt)
    except SanasError as error:
        fail(error)
    except KeyboardInterrupt:
        errors.print(f"\ninterrupted; continue with: sanas train {run} --output {folder} --resume", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        console.stderr = False
    if as_json:
        print_json({"folder": str(folder), **read_summary(folder)})


def _settings(
    run: Path, tokens: list[int] | None, data: str | None, image_size: int | None, given: dict[str, Any]
) -> dict[str, Any]:
    """What a training is started with, from the run and from what was typed."""
    of_run = _of_script(run, tokens, data) or read_settings(run)
    if given["seed"] is None:
        given["seed"] = of_run["seed"]
    return {
        "run": str(run),
        "configs": of_run["configs"],
        "tokens": tokens or of_run.get("best") or _best_tokens(run),
        "data": data or of_run["data"],
        "image_size": image_size if data or image_size else of_run.get("image_size"),
        "split_seed": of_run["seed"],  # the test images are those that the search never saw
        "recipe": given,
    }


def _of_script(run: Path, tokens: list[int] | None, data: str | None) -> dict[str, Any] | None:
    """What the record of a search tells that a script began; None if it is none."""
    result = of_script(run)
    if result is None:
        return None
    if data is None:
        raise ConfigError(f"the search in {run} was begun by a script, which knows its data: tell them with --data")
    header = result.settings
    return {
        "configs": header["configs"],
        "seed": header["seed"] or 0,
        "best": result.best.tokens if tokens is None else None,
    }


def _best_tokens(run: Path) -> list[int]:
    path = run / SUMMARY
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))["tokens"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"{path} tells no best network ({error}): finish the search with: sanas search --output {run} --resume, "
            "or give --tokens"
        ) from error
    return [int(token) for token in tokens]


def _train(settings: dict[str, Any], folder: Path, interrupt: Interrupt) -> None:
    from ..evaluate import Recipe, load_dataset, retrain, score_inference_model, use_all_cores, wilson_interval

    started = time.perf_counter()
    space = CombinedSpace([(name, config) for name, config in settings["configs"]])
    archs = space.token2arch(settings["tokens"])
    dataset = load_dataset(settings["data"], seed=settings["split_seed"], image_size=settings["image_size"])
    recipe = Recipe.for_data(dataset, **settings["recipe"])
    settings = {**settings, "recipe": asdict(recipe)}
    if not (folder / SETTINGS).exists():
        write_settings(folder, settings)
    if dataset.image_shape[1] * dataset.image_shape[2] >= PIXELS_FOR_THREADS:
        use_all_cores()
    sizes = f"{len(dataset.train) + len(dataset.valid)} to train on, {len(dataset.test)} to test"
    console.print(f"network      {', '.join(space.names)} {','.join(map(str, settings['tokens']))}", soft_wrap=True)
    console.print(f"data         {dataset.name}: {sizes}; {dataset.num_classes} classes")
    console.print(f"augmentation crops by {recipe.crop} pixels{', flips' if recipe.flip else ''}")
    console.print(f"output       {folder}\n", soft_wrap=True)

    def tell(epoch: int, count: int, loss: float) -> None:
        console.print(f"epoch {epoch:>{len(str(count))}} of {count}   loss {loss:.4f}")

    trained = retrain(archs, dataset, recipe, folder=folder, on_epoch=tell, on_step=interrupt.check)
    path = folder / MODEL / NETWORK
    trained.save(path)
    save_model(folder / MODEL, trained, configs=settings["configs"])
    accuracy = trained.accuracy(dataset.test)
    correct = round(accuracy * len(dataset.test))
    low, high = wilson_interval(correct, len(dataset.test))
    results = {
        "test_accuracy": accuracy,
        "test_images": len(dataset.test),
        "interval_95": [low, high],
        "exported_accuracy": score_inference_model(path, dataset.test),
        "tokens": settings["tokens"],
        "configs": settings["configs"],
        "data": describe_data(dataset),
    }
    write_summary(folder, results)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("test accuracy", f"[bold green]{percent(accuracy)}[/] ({correct} of {len(dataset.test)})")
    table.add_row("95 % interval", f"{percent(low)} to {percent(high)}")
    table.add_row("exported, loaded again", percent(results["exported_accuracy"]))
    table.add_row("results", str(folder))
    table.add_row("time", duration(time.perf_counter() - started))
    console.print()
    console.print(table)
