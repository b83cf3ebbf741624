"""Latency of a program from a table of what each operation takes on a device."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

from ..errors import CostError, DataError
from .operations import ACTIVATIONS, ELEMENTWISE, Operation, Shape, operations
from .programs import program_of


class LatencyEvaluator:
    """What a latency estimate of one's own derives from."""

    def latency(self, graph: Any, only_conv: bool = True) -> float:
        """Latency of a program."""
        raise NotImplementedError(f"{type(self).__name__} has to define latency(graph)")


class TableLatencyEvaluator(LatencyEvaluator):
    """Sum of the latencies of the operations of a network, looked up in a table file.

    The file is PaddleSlim's: a first line ``engine<TAB>device<TAB>time of creation``, then a line
    ``operation<TAB>latency`` each, where an operation is its settings joined by the delimiter. A convolution is
    ``conv,bias,fused relu,1,channels,height,width,output channels,groups,kernel,padding,stride,dilation``, with 1 and 0
    for yes and no, and the second values of unequal pairs at the end.

    Args:
        table_file: Path of the table.
        delimiter: What stands between the settings of an operation.

    Raises:
        DataError: The file is missing, or a line is not as described.
    """

    def __init__(self, table_file: str | Path, delimiter: str = ",") -> None:
        self._path = Path(table_file)
        self._delimiter = delimiter
        try:
            header, *lines = self._path.read_text(encoding="utf-8").splitlines()
            self.infer_engine_name, self.device_name, self.create_time = header.strip().split("\t")
        except OSError as error:
            raise DataError(f"the latency table cannot be read: {error}") from error
        except ValueError as error:
            raise DataError(f"{self._path}, line 1: expected engine, device and time separated by tabs") from error
        self._table: dict[str, float] = {}
        for number, line in enumerate(lines, 2):
            key, _, latency = line.strip().partition("\t")
            try:
                self._table[key] = float(latency)
            except ValueError:
                raise DataError(
                    f"{self._path}, line {number}: {line!r}: expected an operation, a tab and a number"
                ) from None

    def latency(self, graph: Any, only_conv: bool = True) -> float:
        """Latency of a program, in the unit of the table.

        Args:
            graph: A ``paddle.static.Program``, PIR or legacy.
            only_conv: Add up convolutions only.

        Raises:
            CostError: An operation is not in the table; the message tells the nearest ones.
        """
        total = 0.0
        for op in operations(program_of(graph)):
            settings = _SETTINGS.get(op.kind)
            if settings is not None and (not only_conv or op.kind in _CONVOLUTIONS):
                total += self._look_up(self._delimiter.join(str(value) for value in settings(op)))
        return total

    def _look_up(self, key: str) -> float:
        try:
            return self._table[key]
        except KeyError:
            near = difflib.get_close_matches(key, self._table, n=2, cutoff=0.0)
            raise CostError(
                f"{key!r} is not in the latency table {self._path} of {self.device_name}; "
                f"nearest are {' and '.join(map(repr, near))}"
            ) from None


_CONVOLUTIONS = ("conv2d", "depthwise_conv2d")


def _sizes(shape: Shape) -> list[int]:
    """Sizes without the batch, filled up to three."""
    return [int(size) for size in (*shape[1:], 1, 1, 1)[: max(3, len(shape) - 1)]]


def _pairs(*pairs: Any) -> tuple[list[int], list[int]]:
    """First values of the pairs, and second ones where they differ."""
    return [int(pair[0]) for pair in pairs], [int(pair[1]) for pair in pairs if pair[0] != pair[1]]


def _conv(op: Operation) -> list[Any]:
    weights, attrs = op.inputs[1].shape, op.attrs
    padding = attrs["paddings"][::2] if len(attrs["paddings"]) == 4 else attrs["paddings"]
    firsts, seconds = _pairs(weights[2:], padding, attrs["strides"], attrs["dilations"])
    relu = int(bool(attrs.get("fuse_relu", False)))
    shape = _sizes(op.inputs[0].shape)
    return ["conv", int(op.bias), relu, 1, *shape, weights[0], attrs["groups"], *firsts, *seconds]


def _fully_connected(op: Operation) -> list[Any]:
    return ["conv", 0, 0, 1, prod(op.inputs[0].shape[1:]), 1, 1, op.output.shape[1], 1, 1, 0, 1, 1]


def _elementwise(op: Operation) -> list[Any]:
    code = {"elementwise_mul": 1, "elementwise_add": 2}.get(op.kind, 3)
    return ["eltwise", code, 1, *_sizes(op.inputs[0].shape)]


def _activation(op: Operation) -> list[Any]:
    return [op.kind, 1, *_sizes(op.inputs[0].shape)]


def _batch_norm(op: Operation) -> list[Any]:
    activation = "relu" if op.attrs.get("fuse_with_relu", False) else "None"
    return ["batch_norm", activation, 1, *_sizes(op.inputs[0].shape)]


def _pool(op: Operation) -> list[Any]:
    attrs = op.attrs
    firsts, seconds = _pairs(attrs["ksize"], attrs["paddings"], attrs["strides"])
    kind = 3 if attrs["exclusive"] else {"max": 1, "avg": 2}[attrs["pooling_type"]]
    shape = _sizes(op.inputs[0].shape)
    return ["pooling", int(attrs["global_pooling"]), 1, *shape, *firsts, int(attrs["ceil_mode"]), kind, *seconds]


def _softmax(op: Operation) -> list[Any]:
    return ["softmax", op.attrs["axis"], 1, *_sizes(op.inputs[0].shape)]


_SETTINGS: dict[str, Callable[[Operation], list[Any]]] = {
    **dict.fromkeys(_CONVOLUTIONS, _conv),
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(ACTIVATIONS, _activation),
    "batch_norm": _batch_norm,
    "pool2d": _pool,
    "softmax": _softmax,
    "matmul": _fully_connected,
}
