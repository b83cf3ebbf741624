"""Weights of a network by name: checked against its description, written for Paddle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ExportError
from ..files import Arrays, partial_path
from ..graph import Graph


def checked_weights(graph: Graph, weights: Mapping[str, Any]) -> Arrays:
    """The weights of a network in the order of its parameters, as float32 arrays.

    Args:
        graph: The network.
        weights: Arrays or tensors by parameter name; others are passed over.

    Raises:
        ExportError: A parameter is missing or has another shape.
    """
    found: Arrays = {}
    for parameter in graph.parameters():
        if parameter.name not in weights:
            given = ", ".join(map(repr, list(weights)[:3])) or "none"
            raise ExportError(f"weights: {parameter.name!r} is missing; given are {len(weights)}: {given} ...")
        value = weights[parameter.name]
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value, np.float32)
        if array.shape != parameter.shape:
            expected = list(parameter.shape)
            raise ExportError(f"weights: {parameter.name!r} has the shape {list(array.shape)}, expected {expected}")
        found[parameter.name] = array
    return found


def save_weights(path: Path, arrays: Mapping[str, Any]) -> Path:
    """Write ``.pdparams`` that ``paddle.load`` reads: tensors by parameter name."""
    import paddle

    partial = partial_path(path)
    paddle.save({name: paddle.to_tensor(array) for name, array in arrays.items()}, str(partial))
    os.replace(partial, path)
    return path
