"""FLOPs of programs and layers, counted as ``paddleslim.analysis.flops`` counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from ..errors import CostError
from .operations import CONVOLUTIONS, TRANSPOSED, Operation, Shape, operations
from .programs import program_of


@dataclass(frozen=True)
class LayerFlops:
    """What one operation of a program costs for one image.

    Attributes:
        kind: Its kind, such as ``conv2d`` or ``matmul``.
        name: Name of its weights; empty for an operation without any.
        output_shape: Shape of its output with the batch.
        flops: Multiply-adds of a convolution or product; for the others as :func:`flops` says.
    """

    kind: str
    name: str
    output_shape: Shape
    flops: int


def flops(model: Any, inputs: Any = None, dtypes: Any = None, only_conv: bool = True, detail: bool = False) -> Any:
    """FLOPs of a network for one image, whatever the batch.

    One FLOP is one multiply-add of a convolution or a matrix product; a convolution with a bias of its own adds one per
    output. With ``only_conv=False``, batch normalisation adds two per value, ReLU, ReLU6 and sigmoid one, and average
    pooling two per value of each window (``ksize[0] ** 2`` values; one for adaptive pooling), as in PaddleSlim.

    Args:
        model: A ``paddle.static.Program``, PIR or legacy, or a ``paddle.nn.Layer``.
        inputs: For a layer: the shape of its input with the batch, such as ``[1, 3, 224, 224]``, a list of shapes, or
            the arguments of ``forward``.
        dtypes: For a layer: data type of the inputs, or a list of them; float32 by default.
        only_conv: Count convolutions and products only.
        detail: Return also the FLOPs of each layer by the name of its weights.

    Returns:
        The FLOPs, or ``(flops, {name of the weights: flops})``.

    Raises:
        BuildError: The model is no program or layer, or the layer cannot be traced.
        CostError: A size that is needed is unknown; the message names the operation.
    """
    rows = flops_table(model, inputs, dtypes, only_conv)
    total = sum(row.flops for row in rows)
    if not detail:
        return total
    by_name: dict[str, int] = {}
    for row in rows:
        if row.kind in (*CONVOLUTIONS, *TRANSPOSED, "matmul"):
            by_name[row.name] = by_name.get(row.name, 0) + row.flops
    return total, by_name


def dygraph_flops(model: Any, inputs: Any, dtypes: Any = None, only_conv: bool = False, detail: bool = False) -> Any:
    """:func:`flops` of a layer; by default, as in PaddleSlim, of all that is counted."""
    return flops(model, inputs, dtypes, only_conv, detail)


def flops_table(model: Any, inputs: Any = None, dtypes: Any = None, only_conv: bool = True) -> list[LayerFlops]:
    """What :func:`flops` adds up, one row per operation in the order of the program."""
    return list(_rows(program_of(model, inputs, dtypes), only_conv))


def _rows(program: Any, only_conv: bool) -> Iterator[LayerFlops]:
    for op in operations(program):
        count = _WEIGHTED.get(op.kind) or (None if only_conv else _OTHERS.get(op.kind))
        if count is not None:
            number = count(op)
            if number < 0:
                raise CostError(
                    f"{op.kind} {_name(op)!r}: the FLOPs depend on an unknown size; its input has the shape "
                    f"{list(op.inputs[0].shape)} and its output {list(op.output.shape)}"
                )
            yield LayerFlops(op.kind, _name(op), op.output.shape, number)


def _name(op: Operation) -> str:
    return op.inputs[1].name if len(op.inputs) > 1 else ""


def _known(shape: Shape) -> int:
    """Number of values for one image, or -1 if a size is unknown."""
    return -1 if any(size < 0 for size in shape) else prod(shape)


def _spatial(op: Operation, shape: Shape) -> Shape:
    return shape[1:-1] if str(op.attrs.get("data_format", "")).endswith("C") else shape[2:]


def _convolution(op: Operation) -> int:
    weights = prod(op.inputs[1].shape)
    return _known(_spatial(op, op.output.shape)) * (weights + (op.inputs[1].shape[0] if op.bias else 0))


def _transposed(op: Operation) -> int:
    return _known(_spatial(op, op.inputs[0].shape)) * prod(op.inputs[1].shape)


def _product(op: Operation) -> int:
    """Multiply-adds of ``x @ y``; the first size of x is the batch unless both are computed matrices."""
    x, y = op.inputs[0].shape, op.inputs[1].shape
    if op.attrs.get("x_num_col_dims"):  # the old product flattens x to a matrix
        return _known(x[1:]) * prod(y[1:])
    columns = y[-2] if op.attrs.get("transpose_y") else y[-1]
    outer = x[:1] if len(x) == 2 and not op.inputs[1].name and x[0] > 0 else ()
    return _known((*outer, *x[1:])) * columns


def _batch_norm(op: Operation) -> int:
    return _known(op.inputs[0].shape[1:]) * 2


def _activation(op: Operation) -> int:
    return _known(op.inputs[0].shape[1:])


def _pool(op: Operation) -> int:
    if op.attrs["pooling_type"] != "avg":
        return 0
    return _known(op.output.shape[1:]) * int(op.attrs["ksize"][0]) ** 2 * 2


_Count = Callable[[Operation], int]
_WEIGHTED: dict[str, _Count] = {
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    **dict.fromkeys(TRANSPOSED, _transposed),
    "matmul": _product,
}
_OTHERS: dict[str, _Count] = {
    "batch_norm": _batch_norm,
    "pool2d": _pool,
    "relu": _activation,
    "relu6": _activation,
    "sigmoid": _activation,
}
