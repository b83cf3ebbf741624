"""A network in all formats at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..arch import ArchList, ImageShape, NetArch
from ..errors import ConfigError, ExportError, did_you_mean
from ..evaluate.training import classifier
from ..files import write_text
from .architecture import FILE, to_json
from .inference import InferenceModel, InferenceProgram, model_files
from .onnx_model import onnx_is_installed, save_onnx, save_program
from .python import to_python
from .weights import checked_weights, save_weights

_logger = logging.getLogger(__name__)

FORMATS = ("paddle", "onnx", "weights", "json", "python")
NEED_WEIGHTS = ("paddle", "onnx", "weights")
FORMATS_OF_MODELS = ("paddle", "onnx")
"""What can be written of a network that calls Paddle itself."""


def export(
    arch: NetArch | ArchList,
    folder: str | Path,
    *,
    formats: Sequence[str] | None = None,
    weights: Mapping[str, Any] | None = None,
    input_shape: ImageShape | None = None,
    num_classes: int | None = None,
    configs: Any = None,
    metadata: Mapping[str, str] | None = None,
    **kwargs: Any,
) -> dict[str, Path]:
    """Write a network into a folder, for use without the search.

    Args:
        arch: The network, or the chain of networks of a config.
        folder: Where to write.
        formats: Some of ``"paddle"`` (inference model ``network.json`` or ``.pdmodel`` and ``network.pdiparams``),
            ``"onnx"`` (``network.onnx``), ``"weights"`` (``weights.pdparams``), ``"json"`` (``architecture.json``, for
            :func:`load_arch`) and ``"python"`` (``network.py``); by default all but the last, ``"onnx"`` only if it is
            installed, and what needs weights only if there are any.
        weights: Arrays or tensors by parameter name, such as a ``state_dict``.
        input_shape: Image shape [C, H, W]; by default that of ``arch``.
        num_classes: Put a classifier on the network, as ``ImageClassification`` does, for so many classes.
        configs: Configs of the search space, to be told in the architecture file.
        metadata: Texts to store in the ONNX file, by name.
        kwargs: Keywords of the network, such as ``return_block``.

    Returns:
        The main file of each format.

    Raises:
        ExportError: A format needs weights and there are none, or they do not fit; or ONNX computes something else.
        CostError: The network calls Paddle itself, so there is no description to export.
        MissingDependencyError: ONNX was asked for and is not installed.
    """
    network = arch.network if isinstance(arch, ArchList) else arch
    if num_classes is not None:
        network = classifier(network, num_classes, input_shape or network.input_shape)
    chosen = checked_formats(formats, weights is not None)
    target = Path(folder)
    graph = network.graph(input_shape, **kwargs)
    arrays: dict[str, Any] = {}
    if any(name in NEED_WEIGHTS for name in chosen):
        if weights is None:
            needing = ", ".join(name for name in chosen if name in NEED_WEIGHTS)
            raise ExportError(f"the formats {needing} need weights, and none are given; json and python do without")
        arrays = checked_weights(graph, weights)
    told = {"architecture": network.name, "tokens": ",".join(map(str, network.tokens)), **(metadata or {})}
    written: dict[str, Path] = {}
    for name in chosen:
        if name == "json":
            written[name] = write_text(target / FILE, to_json(network, input_shape, configs=configs, **kwargs))
        elif name == "python":
            written[name] = write_text(target / "network.py", to_python(network, input_shape, **kwargs))
        elif name == "weights":
            written[name] = save_weights(target / "weights.pdparams", arrays)
        elif name == "paddle":
            InferenceProgram(graph, arrays).save(target / "network")
            endings = (".json", ".pdmodel")
            written[name] = next(f for e in endings if (f := target / f"network{e}").exists())
        else:
            written[name] = target / "network.onnx"
            difference = save_onnx(written[name], graph, arrays, metadata=told)
            _logger.info("network.onnx differs from Paddle by %.2g at most", difference)
    return written


def export_model(
    model: str | Path,
    folder: str | Path,
    *,
    image_shape: ImageShape,
    formats: Sequence[str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Path]:
    """Write an inference model, all that there is of a trained network without a description, for other programs.

    Args:
        model: Its files without their endings.
        folder: Where to write.
        image_shape: Shape [C, H, W] of the images.
        formats: ``"paddle"`` or ``"onnx"`` or both; by default both, ``"onnx"`` only if it is installed.
        metadata: Texts to store in the ONNX file, by name.

    Returns:
        The main file of each format.

    Raises:
        ExportError: Another format was asked for, there is no such model, or ONNX computes something else.
        MissingDependencyError: ONNX was asked for and is not installed.
    """
    chosen = checked_formats(formats, with_weights=True)
    if formats is None:
        chosen = [name for name in chosen if name in FORMATS_OF_MODELS]
    for name in chosen:
        if name not in FORMATS_OF_MODELS:
            raise ExportError(
                f"format {name!r} needs a description of the network, which there is none of because its space calls "
                f"Paddle itself: {' and '.join(FORMATS_OF_MODELS)} can be written; sanas_spaces.ops gives the rest"
            )
    if not model_files(Path(model)):
        raise ExportError(f"{model}: there is no inference model")
    program, target = InferenceModel(Path(model), image_shape), Path(folder)
    written: dict[str, Path] = {}
    for name in chosen:
        if name == "onnx":
            written[name] = target / "network.onnx"
            save_program(written[name], program, metadata=metadata)
        else:
            program.save(target / "network")
            written[name] = model_files(target / "network")[0]
    return written


def checked_formats(formats: Sequence[str] | None, with_weights: bool) -> list[str]:
    """Formats to write, each once.

    Raises:
        ConfigError: There is no such format.
    """
    if formats is None:
        usual = [name for name in FORMATS if name != "python" and (with_weights or name not in NEED_WEIGHTS)]
        return [name for name in usual if name != "onnx" or onnx_is_installed()]
    given = [formats] if isinstance(formats, str) else list(formats)
    for name in given:
        if name not in FORMATS:
            raise ConfigError(f"format {name!r}: {did_you_mean(str(name), FORMATS)}")
    if not given:
        raise ConfigError(f"formats = []: expected some of {', '.join(FORMATS)}")
    return list(dict.fromkeys(given))
