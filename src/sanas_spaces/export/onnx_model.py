"""ONNX through paddle2onnx, tidied and checked with onnxruntime."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExportError
from ..files import write_bytes
from ..graph import Graph
from ..optional import import_optional
from .inference import InferenceModel, InferenceProgram

OPSET = 17
TOLERANCE = 1e-4
"""Largest difference of an output from Paddle's, relative to the largest value if that is above 1."""
SECONDS = 600
CHECKED_IMAGES = 2

_CONVERT = """\
import sys, paddle2onnx
model, weights, target, opset = sys.argv[1:]
paddle2onnx.export(model, weights, target, opset_version=int(opset), optimize_tool="none")
"""


def onnx_is_installed() -> bool:
    """Whether the packages of the extra ``onnx`` are there."""
    return all(find_spec(package) is not None for package in ("paddle2onnx", "onnx", "onnxruntime"))


def save_onnx(
    path: Path,
    graph: Graph,
    arrays: Mapping[str, Any],
    *,
    opset: int = OPSET,
    metadata: Mapping[str, str] | None = None,
) -> float:
    """Write a network as ONNX and compare it with Paddle; see :func:`save_program`.

    Args:
        path: The file.
        graph: The network, with one input.
        arrays: Its parameters by name.
        opset: Version of the ONNX operators.
        metadata: Texts to store in the file, by name.
    """
    return save_program(path, InferenceProgram(graph, arrays), opset=opset, metadata=metadata)


def save_program(
    path: Path,
    program: InferenceProgram | InferenceModel,
    *,
    opset: int = OPSET,
    metadata: Mapping[str, str] | None = None,
) -> float:
    """Write a program in inference mode as ONNX and compare it with Paddle.

    paddle2onnx runs in a process of its own: it prints, and ends its process where it meets an operation it does not
    know.

    Args:
        path: The file.
        program: The network with its weights.
        opset: Version of the ONNX operators.
        metadata: Texts to store in the file, by name.

    Returns:
        The largest difference of an output from Paddle's, relative where values are above 1.

    Raises:
        ExportError: paddle2onnx cannot convert the network, or onnxruntime computes something else.
        MissingDependencyError: One of paddle2onnx, onnx, onnxruntime is not installed.
    """
    onnx = import_optional("onnx", "onnx", "exporting ONNX")
    runtime = import_optional("onnxruntime", "onnx", "checking ONNX")
    if find_spec("paddle2onnx") is None:
        import_optional("paddle2onnx", "onnx", "exporting ONNX")
    model = onnx.load_model_from_string(_convert(program, opset))
    _tidy(model, program.outputs)
    onnx.helper.set_model_props(model, {str(key): str(value) for key, value in (metadata or {}).items()})
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).normal(size=(CHECKED_IMAGES, *program.image_shape)).astype(np.float32)
    difference = largest_difference(program.run(images), session.run(None, {"image": images}))
    if not difference <= TOLERANCE:
        raise ExportError(f"{path.name}: onnxruntime differs from Paddle by {difference:.2g}, more than {TOLERANCE:g}")
    write_bytes(path, content)
    return difference


def largest_difference(expected: list[Any], found: list[Any]) -> float:
    """Largest difference of two lists of arrays, relative to the largest value of each where that is above 1."""
    if [array.shape for array in expected] != [array.shape for array in found]:
        return float("inf")
    pairs = zip(expected, found, strict=True)
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(a).max())) for a, b in pairs)


def _convert(program: InferenceProgram | InferenceModel, opset: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network"
        program.save(path)
        model = next(file for file in (path.with_suffix(".json"), path.with_suffix(".pdmodel")) if file.exists())
        target = path.with_suffix(".onnx")
        files = (model, path.with_suffix(".pdiparams"), target)
        command = [sys.executable, "-c", _CONVERT, *map(str, files), str(opset)]
        try:
            done = subprocess.run(  # noqa: S603 - this interpreter, and files written here
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                env=_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ExportError(f"paddle2onnx took more than {SECONDS} seconds") from None
        if done.returncode or not target.exists():
            raise ExportError(f"paddle2onnx cannot convert the network: {_reason(done)}")
        return target.read_bytes()


def _environment() -> dict[str, str]:
    return {**os.environ, "FLAGS_enable_pir_api": "1", "GLOG_minloglevel": "2", "PYTHONWARNINGS": "ignore"}


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    telling = [line for line in lines if "rror" in line and "ABI" not in line] or lines
    return " / ".join(telling[-3:]) or f"it ended with status {done.returncode}"


def _tidy(model: Any, outputs: int) -> None:
    """Constants as initializers, no identities, and names that people know: image, output, batch."""
    graph = model.graph
    source: dict[str, str] = {}  # of a value behind identities
    renamed: dict[str, str] = {graph.input[0].name: "image"}
    for node in graph.node:
        if node.op_type == "Identity":
            source[node.output[0]] = source.get(node.input[0], node.input[0])
    for number, output in enumerate(graph.output):
        name = source.get(output.name, output.name)
        if name in renamed:  # the image itself, or the same value twice
            del source[output.name]
            name = output.name
        renamed[name] = f"output_{number}" if number else "output"
    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            graph.initializer.append(tensor)
        elif node.op_type != "Identity" or node.output[0] not in source:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)

    def final(name: str) -> str:
        name = source.get(name, name)
        return renamed.get(name, name)

    for node in graph.node:
        node.input[:] = [final(name) for name in node.input]
        node.output[:] = [final(name) for name in node.output]
    for value in (*graph.input, *graph.output):
        value.name = final(value.name)
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    initializers = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    del graph.value_info[:]
    if len(graph.output) != outputs:
        raise ExportError(f"paddle2onnx wrote {len(graph.output)} outputs, the network has {outputs}")
