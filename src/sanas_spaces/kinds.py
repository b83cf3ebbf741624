"""The kinds of layer a network is made of: their settings, output shapes and parameters.

Each kind is a named tuple of settings. Shapes leave out the batch: ``(C, H, W)`` for feature maps, ``(C,)`` for
vectors; -1 is a size that is not known yet. A kind knows nothing of Paddle; other rooms read it to build, count
or draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

from .errors import GraphError

Shape = tuple[int, ...]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Padding = Literal["SAME"] | Pair | Sides  # four numbers are top, bottom, left, right
BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5
Initializer = Literal["msra_normal", "uniform_fan_in", "xavier_uniform", "zeros", "ones"]

ACTIVATIONS = ("relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "swish", "leaky_relu", "tanh", "softmax")


class Parameter(NamedTuple):
    """One tensor of a layer: its role in the layer, its shape and how it starts."""

    role: str
    shape: Shape
    init: Initializer
    trainable: bool = True
    fan_in: int = 1


class Kind(Protocol):
    """What graph, cost and builders read of a layer kind."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output, or a GraphError that says what was expected."""

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        """The layer's tensors, in the order in which PaddleSlim creates them."""

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        """The primitive operations it stands for, so that fused and unfused networks compare equal."""


class PlainKind:
    """Defaults for kinds without parameters that keep the shape of their input."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        return ()

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return ((type(self).__name__, *self),)  # type: ignore[misc]


class _Input(NamedTuple):
    name: str = "image"


class Input(PlainKind, _Input):
    """A tensor given from outside."""

    __slots__ = ()


class _Conv2d(NamedTuple):
    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = "SAME"
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False
    norm: bool = False
    act: str | None = None
    init: Initializer = "msra_normal"


class Conv2d(PlainKind, _Conv2d):
    """2-D convolution, optionally followed by batch normalisation and an activation: [C, H, W] -> [C', H', W']."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = inputs[0]
        if len(shape) != 3:
            raise GraphError(f"conv2d needs a feature map [N, C, H, W], not a shape of {shown(shape)}")
        channels, height, width = shape
        out_channels, groups = self.out_channels, self.groups
        sh, sw = self.stride
        if groups != 1 and (channels % groups or out_channels % groups):
            raise GraphError(
                f"conv2d with groups = {groups}: {channels} input and {out_channels} output channels must be multiples"
            )
        if self.padding == "SAME":
            return out_channels, -(-height // sh) if height > 0 else -1, -(-width // sw) if width > 0 else -1
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        ph, pw = _both_sides(self.padding)
        return (
            out_channels,
            _window(height, kh, sh, ph, dh, "conv2d"),
            _window(width, kw, sw, pw, dw, "conv2d"),
        )

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        channels = inputs[0][0]
        weight_shape = (self.out_channels, channels // self.groups, *self.kernel)
        fan_in = channels * self.kernel[0] * self.kernel[1]
        found = [Parameter("weights", weight_shape, self.init, True, fan_in)]
        if self.bias:
            found.append(Parameter("bias", (self.out_channels,), "zeros"))
        if self.norm:
            found += _norm_parameters(self.out_channels)
        return tuple(found)

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        parts: list[tuple[Any, ...]] = [("Conv2d", *self[:7])]
        if self.norm:
            parts += BatchNorm().parts()
        if self.act:
            parts += Activation(self.act).parts()
        return tuple(parts)


class _BatchNorm(NamedTuple):
    act: str | None = None
    momentum: float = BN_MOMENTUM
    epsilon: float = BN_EPSILON
    frozen: bool = False


class BatchNorm(PlainKind, _BatchNorm):
    """Batch normalisation over [N, H, W] of each channel (Ioffe and Szegedy, arXiv:1502.03167).

    ``frozen`` normalises with the moving statistics in training, too.
    """

    __slots__ = ()

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        return tuple(_norm_parameters(inputs[0][0]))

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        settings = self[1:]
        norm = ("BatchNorm",) if settings == BatchNorm()[1:] else ("BatchNorm", *settings)
        return (norm, *(Activation(self.act).parts() if self.act else ()))


class _Activation(NamedTuple):
    function: str
    settings: tuple[float, ...] = ()


class Activation(PlainKind, _Activation):
    """An activation function, one of :data:`ACTIVATIONS`.

    ``settings`` are the slope and offset of ``hard_sigmoid``, the slope of ``leaky_relu``, the axis of ``softmax``;
    without them Paddle's defaults hold.
    """

    __slots__ = ()

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return (("Activation", self.function, *self.settings),)


class _Pool2d(NamedTuple):
    mode: Literal["avg", "max"]
    kernel: Pair
    stride: Pair
    padding: Padding = (0, 0)
    ceil_mode: bool = False
    exclusive: bool = True


class Pool2d(PlainKind, _Pool2d):
    """Average or maximum over a window: [C, H, W] -> [C, H', W'].

    ``exclusive`` leaves padding out of averages; ``ceil_mode`` adds a last window that reaches over the border.
    """

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 3:
            raise GraphError(f"{self.mode}_pool2d needs a feature map [N, C, H, W], not {shown(inputs[0])}")
        channels, height, width = inputs[0]
        if self.padding == "SAME":
            return channels, *(-(-s // k) if s > 0 else -1 for s, k in zip((height, width), self.stride, strict=True))
        ph, pw = _both_sides(self.padding)
        return (
            channels,
            _window(height, self.kernel[0], self.stride[0], ph, 1, "pool2d", self.ceil_mode),
            _window(width, self.kernel[1], self.stride[1], pw, 1, "pool2d", self.ceil_mode),
        )

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        later = self[4:]
        return (("Pool2d", *self[:4], *(later if later != (False, True) else ())),)


class GlobalAvgPool(PlainKind, NamedTuple("_GlobalAvgPool", [])):
    """Mean of each channel: [C, H, W] -> [C, 1, 1]."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0][0], 1, 1


class GlobalMaxPool(PlainKind, NamedTuple("_GlobalMaxPool", [])):
    """Maximum of each channel: [C, H, W] -> [C, 1, 1]."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0][0], 1, 1


class _Linear(NamedTuple):
    out_features: int
    bias: bool = True
    init: Initializer = "uniform_fan_in"
    bias_init: Initializer | None = None
    axes: int = 1


class Linear(PlainKind, _Linear):
    """Fully connected layer: [C] -> [out_features]. Its bias starts as its weights do, unless it is said how.

    With more ``axes`` than one it takes [S, C], [S, T, C] and so on, and computes the last axis only.
    """

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != self.axes:
            what = "vectors [N, C]" if self.axes == 1 else f"{self.axes} axes besides the batch"
            raise GraphError(f"linear needs {what}, not {shown(inputs[0])}; flatten first")
        return *inputs[0][:-1], self.out_features

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        features = inputs[0][-1]
        weight = Parameter("weights", (features, self.out_features), self.init, True, features)
        if not self.bias:
            return (weight,)
        return weight, Parameter("bias", (self.out_features,), self.bias_init or self.init, True, features)

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return (("Linear", self.out_features, self.bias, *(() if self.axes == 1 else (self.axes,))),)


class _Dropout(NamedTuple):
    rate: float
    downscale: bool = False


class Dropout(PlainKind, _Dropout):
    """Zero elements with probability ``rate`` in training (Srivastava et al., JMLR 15, 2014).

    The rest is scaled up in training, and nothing happens in inference; with ``downscale``, the rest stays as it is
    and all is scaled down in inference.
    """

    __slots__ = ()

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return (("Dropout", self.rate, *(("downscale",) if self.downscale else ())),)


class _DropPath(NamedTuple):
    cell: int
    node: int
    branch: int
    drop_prob: float | None = None


class DropPath(PlainKind, _DropPath):
    """Scheduled drop path (Zoph et al., arXiv:1707.07012, section 3.3) with one mask value per image.

    Computes ``x / (1 - drop_prob) * mask[:, cell, node, branch]`` of the inputs x, drop_prob [1] (unless it is a
    setting) and mask [N, cells, nodes, 2].
    """

    __slots__ = ()


WEIGHTED = (Conv2d, BatchNorm, Linear)
"""Kinds that have parameters."""


def _norm_parameters(channels: int) -> list[Parameter]:
    shape = (channels,)
    return [
        Parameter("bn_scale", shape, "ones"),
        Parameter("bn_offset", shape, "zeros"),
        Parameter("bn_mean", shape, "zeros", trainable=False),
        Parameter("bn_variance", shape, "ones", trainable=False),
    ]


def _both_sides(padding: Pair | Sides) -> tuple[Pair, Pair]:
    """Zeros before and after the rows, and before and after the columns."""
    if len(padding) == 2:
        return (padding[0], padding[0]), (padding[1], padding[1])
    return padding[:2], padding[2:]


def _window(size: int, kernel: int, stride: int, sides: Pair, dilation: int, what: str, ceil: bool = False) -> int:
    if size < 0:
        return -1
    span = size + sides[0] + sides[1] - dilation * (kernel - 1) - 1
    if span < 0:
        padding = sides[0] if sides[0] == sides[1] else sides
        raise GraphError(f"{what} with kernel {kernel} and padding {padding} does not fit a size of {size}")
    return (-(-span // stride) if ceil else span // stride) + 1


def shown(shape: Shape) -> str:
    """A shape with the batch, for messages."""
    return f"[N, {', '.join(map(str, shape))}]"
