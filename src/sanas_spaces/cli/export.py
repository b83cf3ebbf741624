"""``sanas export``: the network of a run as files for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..arch import ArchList, ImageShape, NetArch
from ..combine import CombinedSpace
from ..errors import ExportError, SanasError
from ..export import FORMATS, Saved, export, export_model, read_saved
from ..export.exporting import NEED_WEIGHTS, checked_formats
from ..export.saved import MODEL, NETWORK, has_only_model
from ..report.files import SUMMARY, read_settings, read_summary
from ..searching.reading import RecordedSpace
from .arguments import parse_numbers
from .completion import complete_format
from .modules import Modules, import_modules
from .runs import of_script
from .terminal import AsJson, console, fail, print_json

FOLDER = "export"
_Network = tuple[NetArch, dict[str, Any] | None, Any]
"""A network, its weights if it has any, and the configs of its space."""


def export_command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a sanas search or sanas train, or of a script.")
    ],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            autocompletion=complete_format,
            help=f"One of {', '.join(FORMATS)}; can be repeated.",
        ),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="T,T,...", help="Another network than the best: json and python only, it has no weights."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help=f"Folder for the files; default RUN/{FOLDER}.")] = None,
    modules: Modules = None,
    as_json: AsJson = False,
) -> None:
    """Export the best network of a run with its trained weights; nothing is trained again.

    By default all formats but python, and onnx only if it is installed. A search that a script began keeps no
    weights: json and python can be written.

    Examples:
    sanas export runs/search;
    sanas export runs/search --format onnx --format python --output product/;
    sanas export runs/search --tokens 1,4,0,0,1,5,0,0 --format json
    """
    try:
        import_modules(modules)
        chosen = parse_numbers(tokens)
        checked_formats(formats, with_weights=True)
        target, told = output or run / FOLDER, _metadata(run)
        if chosen is None and has_only_model(run) and (shape := _image_shape(run)):
            written = export_model(run / MODEL / NETWORK, target, image_shape=shape, formats=formats, metadata=told)
        else:
            arch, weights, configs = _of_script(run, chosen, formats) or _of_run(run, chosen, formats)
            written = export(arch, target, formats=formats, weights=weights, configs=configs, metadata=told)
    except SanasError as error:
        fail(error)
    if as_json:
        print_json({name: str(path) for name, path in written.items()})
        return
    width = max(map(len, written))
    for name, path in written.items():
        console.print(f"{name:<{width}}  {path}", markup=False, soft_wrap=True)


def _image_shape(run: Path) -> ImageShape | None:
    shape = (read_summary(run).get("data") or {}).get("image_shape")
    return (int(shape[0]), int(shape[1]), int(shape[2])) if shape else None


def _metadata(run: Path) -> dict[str, str]:
    """What a program has to know to use the network, for the ONNX file: classes, and mean and deviation of pixels."""
    try:
        data = json.loads((run / SUMMARY).read_text(encoding="utf-8"))["data"]
        return {key: json.dumps(data[key]) for key in ("classes", "mean", "std")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _of_run(run: Path, tokens: list[int] | None, formats: list[str] | None) -> _Network:
    """The trained network of a run, or other tokens of its space, which have no weights."""
    saved = read_saved(run)
    settings = read_settings(run)
    if tokens is None or tokens == saved.arch.tokens:
        return saved.arch, saved.weights, settings.get("configs")
    _refuse_weights(tokens, formats, f"sanas train {run} --tokens {_written(tokens)}, and export the folder it writes")
    return _other(settings, saved, tokens), None, settings.get("configs")


def _of_script(run: Path, tokens: list[int] | None, formats: list[str] | None) -> _Network | None:
    """The best network, or other tokens, of a search that a script began; None if it is none."""
    result = of_script(run)
    if result is None:
        return None
    chosen = result.best.tokens if tokens is None else tokens
    training = f"sanas train {run} --tokens {_written(chosen)} --data DATA, and export the folder it writes"
    _refuse_weights(chosen, formats, f"{training}; or give them to result.export in the script")
    if isinstance(result.space, RecordedSpace):
        raise result.space.reason
    archs = result.space.token2arch(chosen)
    if not isinstance(archs, ArchList):
        raise ExportError(f"{run}: its networks are rows of a table, of which there is nothing to export")
    archs.network.input_shape = result.engine.input_shape
    return archs.network, None, result.settings["configs"]


def _refuse_weights(tokens: list[int], formats: list[str] | None, training: str) -> None:
    needing = [name for name in formats or () if name in NEED_WEIGHTS]
    if needing:
        need = f"{', '.join(needing)} needs" if len(needing) == 1 else f"{', '.join(needing)} need"
        raise ExportError(f"tokens {_written(tokens)} have no trained weights, which {need}; train them: {training}")


def _written(tokens: list[int]) -> str:
    return ",".join(map(str, tokens))


def _other(settings: dict[str, Any], saved: Saved, tokens: list[int]) -> NetArch:
    """The network of other tokens of the search space, with a classifier for the same classes."""
    from ..evaluate import classifier

    space = CombinedSpace([(name, config) for name, config in settings["configs"]])
    classes = saved.arch.cost().output_shape[0]
    return classifier(space.token2arch(tokens), classes, saved.arch.input_shape)
