"""What a network costs, read off its graph without building it.

One FLOP is one multiply-add of a convolution or a fully connected layer; biases, normalisation, activations,
pooling and additions are not counted. This is what ``paddleslim.analysis.flops`` counts, too (which adds one per
output of a convolution that has a bias; no built-in space has one).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import prod
from typing import Any

from . import kinds
from .errors import CostError
from .graph import Graph, Node
from .notebook import figures

BYTES_PER_VALUE = 4  # float32


@dataclass(frozen=True)
class Cost:
    """Cost of one network for one image.

    Attributes:
        flops: Multiply-adds of convolutions and fully connected layers.
        params: Trainable values, batch-norm scales and offsets included.
        buffers: Values that are not trained: batch-norm means and variances.
        activation_bytes: Sum of all layer outputs in float32, as training keeps them.
        peak_activation_bytes: Largest sum of layer values alive at once in inference, in float32.
        depth: Convolutions and fully connected layers on the longest path.
        output_shape: Shape of the main result without the batch.
    """

    flops: int
    params: int
    buffers: int
    activation_bytes: int
    peak_activation_bytes: int
    depth: int
    output_shape: tuple[int, ...]

    @property
    def params_with_statistics(self) -> int:
        """Trainable values and batch-norm statistics."""
        return self.params + self.buffers

    def metrics(self) -> dict[str, int]:
        """The figures a constraint can name."""
        return {name: getattr(self, name) for name in METRICS}

    def _repr_html_(self) -> str:
        return figures(self.metrics())


METRICS = tuple(field.name for field in fields(Cost) if field.name != "output_shape")


def graph_cost(graph: Graph) -> Cost:
    """Cost of ``graph`` for one image of its input shape.

    Raises:
        CostError: A size is unknown; the message names the layer.
    """
    last_use = graph.last_uses()
    flops = params = buffers = total_values = peak = alive = 0
    depths = [0] * len(last_use)
    sizes = [0] * len(last_use)
    counted: set[str] = set()
    for node in graph.nodes:
        index = node.index
        if last_use[index] < 0:
            continue
        kind = node.kind
        size = prod(node.dims)
        if -1 in node.dims:
            raise CostError(f"layer {node.name!r} has the unknown shape {node.shape}; give an input_shape [C, H, W]")
        depth = 0
        freed = 0
        for source in node.inputs:
            place = source.index
            if depths[place] > depth:
                depth = depths[place]
            if last_use[place] == index:
                freed += sizes[place]
                sizes[place] = 0  # a source that is taken twice is freed once
        count = _WEIGHTED.get(type(kind))
        if count is not None:
            layer_flops, layer_params, layer_buffers = count(node, kind)
            flops += layer_flops
            if node.owner not in counted:
                counted.add(node.owner)
                params += layer_params
                buffers += layer_buffers
            depth += layer_flops > 0
        depths[index] = depth
        sizes[index] = size
        total_values += size
        alive += size
        if alive > peak:
            peak = alive
        alive -= freed
        if type(kind) is kinds.Input:
            total_values -= size
    main = graph.outputs[0]
    return Cost(
        flops,
        params,
        buffers,
        total_values * BYTES_PER_VALUE,
        peak * BYTES_PER_VALUE,
        depths[main.index],
        main.dims,
    )


def layer_flops(node: Node) -> int:
    """FLOPs of one layer for one image."""
    count = _WEIGHTED.get(type(node.kind))
    return count(node, node.kind)[0] if count else 0


def layer_params(node: Node) -> int:
    """Trainable values of one layer."""
    count = _WEIGHTED.get(type(node.kind))
    return count(node, node.kind)[1] if count else 0


def _conv2d(node: Node, kind: kinds.Conv2d) -> tuple[int, int, int]:
    out_channels, height, width = node.dims
    kh, kw = kind.kernel
    weights = out_channels * (node.inputs[0].dims[0] // kind.groups) * kh * kw
    params = weights + (out_channels if kind.bias else 0)
    if kind.norm:
        return weights * height * width, params + 2 * out_channels, 2 * out_channels
    return weights * height * width, params, 0


def _batch_norm(node: Node, kind: kinds.BatchNorm) -> tuple[int, int, int]:
    return 0, 2 * node.dims[0], 2 * node.dims[0]


def _linear(node: Node, kind: kinds.Linear) -> tuple[int, int, int]:
    *rows, features = node.inputs[0].dims
    weights = features * kind.out_features
    return weights * prod(rows), weights + (kind.out_features if kind.bias else 0), 0


_WEIGHTED: dict[type, Callable[[Node, Any], tuple[int, int, int]]] = {
    kinds.Conv2d: _conv2d,
    kinds.BatchNorm: _batch_norm,
    kinds.Linear: _linear,
}
