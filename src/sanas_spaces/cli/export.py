"""``sanas export``: the network of a run as files for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..arch import NetArch
from ..combine import CombinedSpace
from ..errors import ExportError, SanasError
from ..export import FORMATS, Saved, export, read_saved
from ..export.exporting import NEED_WEIGHTS
from ..report.files import SUMMARY, read_settings
from .arguments import parse_numbers
from .terminal import AsJson, console, fail, print_json

FOLDER = "export"


def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished sanas search or sanas train.")],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(FORMATS)}; can be repeated."),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="T,T,...", help="Another network than the best: json and python only, it has no weights."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help=f"Folder for the files; default RUN/{FOLDER}.")] = None,
    as_json: AsJson = False,
) -> None:
    """Export the best network of a run with its trained weights; nothing is trained again.

    By default all formats but python, and onnx only if it is installed.

    Examples:
    sanas export runs/search;
    sanas export runs/search --format onnx --format python --output product/;
    sanas export runs/search --tokens 1,4,0,0,1,5,0,0 --format json
    """
    try:
        saved = read_saved(run)
        chosen = parse_numbers(tokens)
        settings = read_settings(run)
        arch: NetArch = saved.arch
        weights: dict[str, Any] | None = saved.weights
        if chosen is not None and chosen != saved.arch.tokens:
            arch, weights = _other(run, settings, saved, chosen, formats), None
        written = export(
            arch,
            output or run / FOLDER,
            formats=formats,
            weights=weights,
            configs=settings.get("configs"),
            metadata=_metadata(run),
        )
    except SanasError as error:
        fail(error)
    if as_json:
        print_json({name: str(path) for name, path in written.items()})
        return
    width = max(map(len, written))
    for name, path in written.items():
        console.print(f"{name:<{width}}  {path}", markup=False, soft_wrap=True)


def _metadata(run: Path) -> dict[str, str]:
    """What a program has to know to use the network, for the ONNX file: classes, and mean and deviation of pixels."""
    try:
        data = json.loads((run / SUMMARY).read_text(encoding="utf-8"))["data"]
        return {key: json.dumps(data[key]) for key in ("classes", "mean", "std")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _other(run: Path, settings: dict[str, Any], saved: Saved, tokens: list[int], formats: list[str] | None) -> NetArch:
    """The network of other tokens of the search space, with a classifier for the same classes."""
    from ..evaluate import classifier

    needing = [name for name in formats or () if name in NEED_WEIGHTS]
    if needing:
        numbers = ",".join(map(str, tokens))
        raise ExportError(
            f"tokens {numbers} have no trained weights, which {', '.join(needing)} needs; "
            f"train them first: sanas train {run} --tokens {numbers}, and export the folder that it writes"
        )
    space = CombinedSpace([(name, config) for name, config in settings["configs"]])
    classes = saved.arch.cost().output_shape[0]
    return classifier(space.token2arch(tokens), classes, saved.arch.input_shape)
