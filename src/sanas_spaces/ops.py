"""One function per layer kind, for the bodies of search spaces.

Each takes and returns either nodes of a :class:`~sanas_spaces.graph.Graph` (then it only describes the layer)
or Paddle tensors and variables (then it builds it), so one function body serves both. ``name`` is the name of
the layer; its parameters are ``{name}_weights``, ``{name}_bn_scale``, ``{name}_bn_offset``, ``{name}_bn_mean``,
``{name}_bn_variance``, as PaddleSlim calls them, unless ``names`` gives full names by role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .errors import GraphError
from .functions import Add, Concat, Crop, Flatten
from .graph import Node
from .kinds import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Conv2d,
    Dropout,
    DropPath,
    GlobalAvgPool,
    Initializer,
    Kind,
    Linear,
    Pool2d,
)

Size = int | tuple[int, int]


def conv2d(
    x: Any,
    out_channels: int,
    kernel_size: Size,
    *,
    stride: Size = 1,
    padding: Literal["SAME"] | Size = "SAME",
    dilation: Size = 1,
    groups: int = 1,
    bias: bool = False,
    norm: bool = False,
    act: str | None = None,
    init: Initializer = "msra_normal",
    name: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Any:
    """2-D convolution: [N, C, H, W] -> [N, out_channels, H', W'].

    Args:
        x: Feature map.
        out_channels: Number of filters.
        kernel_size: Height and width of the window.
        stride: Step of the window.
        padding: ``"SAME"`` gives H' = ceil(H / stride); a number pads that many zeros on each side.
        dilation: Distance between the window's taps.
        groups: Number of groups that channels are split into.
        bias: Whether to add a bias per output channel.
        norm: Whether batch normalisation follows.
        act: Activation that follows, one of ``kinds.ACTIVATIONS``.
        init: How the weights start: ``"msra_normal"`` (He et al., arXiv:1502.01852, section 2.2) or
            ``"uniform_fan_in"``, uniform within 1 / sqrt(fan-in).
        name: Name of the layer.
        names: Full parameter names by role.
    """
    if act is not None and act not in ACTIVATIONS:
        raise _unknown_activation(act)
    kind = Conv2d(
        _positive(out_channels, "out_channels", name),
        _pair(kernel_size),
        _pair(stride),
        padding if padding == "SAME" else _pair(padding),
        _pair(dilation),
        int(groups),
        bias,
        norm,
        act,
        init,
    )
    return apply(kind, (x,), name, names)


def conv_bn(
    x: Any,
    out_channels: int,
    kernel_size: Size,
    *,
    stride: Size = 1,
    groups: int = 1,
    act: str | None = None,
    name: str | None = None,
) -> Any:
    """Convolution with SAME padding and no bias, batch normalisation, activation: the layer of every block here."""
    if act is not None and act not in ACTIVATIONS:
        raise _unknown_activation(act)
    if type(out_channels) is not int or out_channels < 1:
        out_channels = _positive(out_channels, "out_channels", name)
    kernel = (kernel_size, kernel_size) if type(kernel_size) is int else _pair(kernel_size)
    step = (stride, stride) if type(stride) is int else _pair(stride)
    kind = Conv2d(out_channels, kernel, step, "SAME", (1, 1), int(groups), False, True, act)
    if type(x) is Node:
        return x.graph.add(kind, (x,), name)
    return apply(kind, (x,), name)


def batch_norm(
    x: Any, *, act: str | None = None, name: str | None = None, names: Mapping[str, str] | None = None
) -> Any:
    """Batch normalisation of each channel of [N, C, H, W], then an activation."""
    if act is not None and act not in ACTIVATIONS:
        raise _unknown_activation(act)
    return apply(BatchNorm(act), (x,), name, names)


def activation(x: Any, function: str, *, name: str | None = None) -> Any:
    """Apply one of ``kinds.ACTIVATIONS`` element by element (``softmax``: over the last axis)."""
    if function not in ACTIVATIONS:
        raise _unknown_activation(function)
    return apply(Activation(function), (x,), name)


def relu(x: Any, *, name: str | None = None) -> Any:
    """max(x, 0)."""
    return apply(Activation("relu"), (x,), name)


def pool2d(
    x: Any,
    mode: Literal["avg", "max"],
    kernel_size: Size,
    *,
    stride: Size = 1,
    padding: Literal["SAME"] | Size = "SAME",
    name: str | None = None,
) -> Any:
    """Average or maximum over a window; padding does not count in the average."""
    if mode not in ("avg", "max"):
        raise GraphError(f"pool2d mode = {mode!r}: expected 'avg' or 'max'")
    kind = Pool2d(mode, _pair(kernel_size), _pair(stride), padding if padding == "SAME" else _pair(padding))
    return apply(kind, (x,), name)


def global_avg_pool(x: Any, *, name: str | None = None) -> Any:
    """Mean of each channel: [N, C, H, W] -> [N, C, 1, 1]."""
    return apply(GlobalAvgPool(), (x,), name)


def add(x: Any, y: Any, *, name: str | None = None) -> Any:
    """Element-wise sum of two tensors of equal shape."""
    return apply(Add(), (x, y), name)


def concat(inputs: list[Any], *, name: str | None = None) -> Any:
    """Concatenation along channels."""
    if not inputs:
        raise GraphError("concat needs at least one input")
    return apply(Concat(), tuple(inputs), name)


def linear(
    x: Any,
    out_features: int,
    *,
    bias: bool = True,
    init: Initializer = "uniform_fan_in",
    name: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Any:
    """Fully connected layer: [N, C] -> [N, out_features]; weights and bias start uniform in 1 / sqrt(C)."""
    return apply(Linear(_positive(out_features, "out_features", name), bias, init), (x,), name, names)


def flatten(x: Any, *, name: str | None = None) -> Any:
    """[N, C, H, W] -> [N, C * H * W]."""
    return apply(Flatten(), (x,), name)


def crop(x: Any, top: int, left: int, *, name: str | None = None) -> Any:
    """Drop the first ``top`` rows and ``left`` columns."""
    return apply(Crop(top, left), (x,), name)


def dropout(x: Any, rate: float, *, name: str | None = None) -> Any:
    """Zero elements with probability ``rate`` in training, scaling the rest by 1 / (1 - rate)."""
    if not 0 <= rate < 1:
        raise GraphError(f"dropout rate = {rate!r}: expected 0 <= rate < 1")
    return apply(Dropout(rate), (x,), name)


def drop_path(x: Any, drop_prob: Any, mask: Any, *, cell: int, node: int, branch: int) -> Any:
    """Drop a branch of a cell per image: ``x / (1 - drop_prob) * mask[:, cell, node, branch]``."""
    if isinstance(drop_prob, int | float):
        return apply(DropPath(cell, node, branch, float(drop_prob)), (x, mask), None)
    return apply(DropPath(cell, node, branch), (x, drop_prob, mask), None)


def classification_head(x: Any, num_classes: int, *, name: str = "head") -> Any:
    """Global average pooling and a linear classifier: [N, C, H, W] -> [N, num_classes]."""
    return linear(flatten(global_avg_pool(x)), num_classes, name=f"{name}_fc")


def apply(
    kind: Kind,
    inputs: tuple[Any, ...],
    name: str | None = None,
    names: Mapping[str, str] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> Any:
    """Describe a layer of any kind on nodes, or build it on tensors.

    Args:
        kind: The layer.
        inputs: What it takes.
        name: Name of the layer.
        names: Full parameter names by role.
        attrs: ``ParamAttr`` by role.
    """
    if type(inputs[0]) is Node:
        return inputs[0].graph.add(kind, inputs, name, names, attrs)
    from .paddle_build import build_layer

    return build_layer(kind, inputs, name, names, attrs)


def _pair(size: Size) -> tuple[int, int]:
    return (int(size[0]), int(size[1])) if isinstance(size, tuple | list) else (int(size), int(size))


def _positive(value: int, what: str, name: str | None) -> int:
    if value < 1:
        raise GraphError(f"layer {name!r}: {what} = {value}, expected at least 1")
    return int(value)


def _unknown_activation(act: str) -> GraphError:
    return GraphError(f"unknown activation {act!r}; known are {', '.join(ACTIVATIONS)}")
