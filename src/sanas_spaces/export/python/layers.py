"""How each kind of layer is written in Python: as a module with parameters, or as an expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ... import functions, kinds
from ...errors import ExportError
from ...graph import Node
from .layout import Call, Expression, Labelled, Literal

_ACTIVATIONS = {
    "relu": "F.relu",
    "relu6": "F.relu6",
    "sigmoid": "F.sigmoid",
    "hard_sigmoid": "F.hardsigmoid",
    "hard_swish": "F.hardswish",
    "swish": "F.swish",
    "leaky_relu": "F.leaky_relu",
    "tanh": "F.tanh",
    "softmax": "F.softmax",
}


class Module(NamedTuple):
    """A layer with parameters: an instance of one of the helper classes.

    Attributes:
        helper: Name of the helper class.
        sizes: Values by argument, which can differ between blocks of one kind.
        options: Further arguments.
    """

    helper: str
    sizes: dict[str, Any]
    options: dict[str, str]


DEFAULTS = {"stride": "1", "padding": '"SAME"', "dilation": "1", "groups": "1"}
POSITIONAL = ("in_channels", "out_channels", "kernel", "channels", "in_features", "out_features")


def module_of(node: Node) -> Module:
    """The module of a layer with parameters."""
    kind: Any = node.kind
    size = node.inputs[0].dims
    if isinstance(kind, kinds.Conv2d):
        options = {}
        sizes = {
            "in_channels": size[0],
            "out_channels": kind.out_channels,
            "kernel": _number_or_pair(kind.kernel),
            "stride": _number_or_pair(kind.stride),
            "padding": kind.padding if kind.padding == "SAME" else _number_or_pair(kind.padding),
            "dilation": _number_or_pair(kind.dilation),
            "groups": kind.groups,
        }
        if kind.bias:
            options["bias"] = "True"
        if kind.act:
            options["act"] = _ACTIVATIONS[kind.act]
        if kind.init == "uniform_fan_in":
            options["uniform"] = "True"
        return Module("ConvNorm" if kind.norm else "Conv", sizes, options)
    if isinstance(kind, kinds.BatchNorm):
        options = {}
        if kind.momentum != kinds.BN_MOMENTUM:
            options["momentum"] = repr(kind.momentum)
        if kind.epsilon != kinds.BN_EPSILON:
            options["epsilon"] = repr(kind.epsilon)
        if kind.frozen:
            options["frozen"] = "True"
        if kind.act:
            options["act"] = _ACTIVATIONS[kind.act]
        return Module("Norm" if len(size) == 3 else "VectorNorm", {"channels": size[0]}, options)
    options = {} if kind.bias else {"bias": "False"}
    if kind.init == "uniform_fan_in":
        options["uniform"] = "True"
    return Module("Linear", {"in_features": size[-1], "out_features": kind.out_features}, options)


def expression_of(node: Node, inputs: Sequence[Expression]) -> Expression:
    """What a layer without parameters computes from ``inputs``.

    Raises:
        ExportError: It takes tensors that only training has.
    """
    write = _WRITE.get(type(node.kind))
    if write is None:
        raise ExportError(f"layer {node.name!r}: {type(node.kind).__name__} cannot be written as Python source")
    return write(node.kind, node, inputs)


def helpers_of(node: Node) -> set[str]:
    """Names of the helpers that a layer needs."""
    if isinstance(node.kind, kinds.WEIGHTED):
        return {module_of(node).helper}
    kind = node.kind
    if isinstance(kind, functions.Resize) and kind.mode == "nearest" and kind.align_corners:
        return {"nearest_on_corners"}
    return set()


def _activation(kind: kinds.Activation, node: Node, inputs: Sequence[Expression]) -> Expression:
    settings = list(map(repr, kind.settings))
    if kind.function == "softmax" and settings:
        settings = [f"axis={int(kind.settings[0])}"]
    return Call(_ACTIVATIONS[kind.function], [*inputs, *settings])


def _pool2d(kind: kinds.Pool2d, node: Node, inputs: Sequence[Expression]) -> Expression:
    arguments: list[Expression] = [*inputs, text(_number_or_pair(kind.kernel))]
    arguments.append(f"stride={text(_number_or_pair(kind.stride))}")
    padding = kind.padding if kind.padding == "SAME" else _number_or_pair(kind.padding)
    if padding:
        arguments.append(f"padding={text(padding)}")
    if kind.ceil_mode:
        arguments.append("ceil_mode=True")
    if kind.mode == "avg" and not kind.exclusive:
        arguments.append("exclusive=False")
    return Call(f"F.{kind.mode}_pool2d", arguments)


def _dropout(kind: kinds.Dropout, node: Node, inputs: Sequence[Expression]) -> Expression:
    mode = ['mode="downscale_in_infer"'] if kind.downscale else []
    return Call("F.dropout", [*inputs, repr(kind.rate), "training=self.training", *mode])


def _elementwise(kind: functions.Elementwise, node: Node, inputs: Sequence[Expression]) -> Expression:
    x, y = (source.dims for source in node.inputs)
    second = inputs[1]
    shape = kind.aligned(len(x) + 1, y)
    if len(shape) != len(y):
        second = Call("paddle.reshape", [second, text([0, *shape])])
    return Call("paddle.add" if kind.function == "add" else "paddle.multiply", [inputs[0], second])


def _slice(kind: functions.Slice, node: Node, inputs: Sequence[Expression]) -> Expression:
    return f"{inputs[0]}[{':, ' * kind.axis}{kind.start}:{kind.stop}]"


def _resize(kind: functions.Resize, node: Node, inputs: Sequence[Expression]) -> Expression:
    if kind.mode == "nearest" and kind.align_corners:
        return Call("nearest_on_corners", [*inputs, *map(str, kind.size)])
    settings = [f"size={text(list(kind.size))}", f'mode="{kind.mode}"', f"align_corners={kind.align_corners}"]
    if kind.mode == "bilinear":
        settings.append(f"align_mode={kind.align_mode}")
    return Call("F.interpolate", [*inputs, *settings])


_WRITE: dict[type, Callable[[Any, Node, Sequence[Expression]], Expression]] = {
    kinds.Activation: _activation,
    kinds.Pool2d: _pool2d,
    kinds.GlobalAvgPool: lambda kind, node, inputs: Call("F.adaptive_avg_pool2d", [*inputs, "1"]),
    kinds.GlobalMaxPool: lambda kind, node, inputs: Call("F.adaptive_max_pool2d", [*inputs, "1"]),
    kinds.Dropout: _dropout,
    functions.Add: lambda kind, node, inputs: f"{inputs[0]} + {inputs[1]}",
    functions.Elementwise: _elementwise,
    functions.Concat: lambda kind, node, inputs: Call(
        "paddle.concat", [Literal("[", inputs, "]"), f"axis={kind.axis}"]
    ),
    functions.Resize: _resize,
    functions.Slice: _slice,
    functions.Crop: lambda kind, node, inputs: f"{inputs[0]}[:, :, {kind.top}:, {kind.left}:]",
    functions.Flatten: lambda kind, node, inputs: Call("paddle.flatten", [*inputs, "1"]),
    functions.Reshape: lambda kind, node, inputs: Call("paddle.reshape", [*inputs, text([0, *kind.shape])]),
    functions.Transpose: lambda kind, node, inputs: Call("paddle.transpose", [*inputs, text(list(kind.order))]),
    functions.Mean: lambda kind, node, inputs: Call(
        "paddle.mean", [*inputs, text(list(kind.axes)), *(["keepdim=True"] if kind.keep else [])]
    ),
    functions.Scale: lambda kind, node, inputs: Call("paddle.scale", [*inputs, repr(kind.scale), repr(kind.bias)]),
}


def arguments_of(module: Module, values: dict[str, str]) -> list[Expression]:
    """Arguments of a helper class behind the name; ``values`` are its sizes as they are written."""
    found: list[Expression] = []
    for key, value in values.items():
        if key in POSITIONAL:
            found.append(value)
        elif value != DEFAULTS.get(key):
            found.append(Labelled(f"{key}=", value))
    return [*found, *(Labelled(f"{key}=", value) for key, value in module.options.items())]


def text(value: Any) -> str:
    """A number, a list of numbers or ``SAME`` as it is written."""
    return '"SAME"' if value == "SAME" else str(value)


def _number_or_pair(pair: Any) -> Any:
    """Equal numbers as one, others as a list."""
    return pair[0] if len(set(pair)) == 1 else list(pair)
