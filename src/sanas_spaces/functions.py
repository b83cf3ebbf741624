"""Kinds of layer without parameters that combine, cut or rearrange tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from .errors import GraphError
from .kinds import Shape, _Kind

Axes = tuple[int, ...]


class _Elementwise(NamedTuple):
    function: Literal["add", "multiply"]
    axis: int = -1


class Elementwise(_Kind, _Elementwise):
    """Sum or product of two tensors; the second is stretched over the first.

    ``axis`` is the axis of the first tensor, the batch counted, at which the sizes of the second begin; -1 lets the
    last ones of both meet. So [C] scales the channels of [C, H, W] with axis 0, and [C, 1, 1] does so with -1.
    """

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x, y = inputs
        aligned = self.aligned(len(x) + 1, y)
        if len(aligned) != len(x) or any(b not in (a, 1) for a, b in zip(x, aligned, strict=True)):
            raise GraphError(
                f"{self.function} needs a second tensor that fits the first from axis {self.axis} on, not "
                f"{_show(y)} for {_show(x)}"
            )
        return x

    def aligned(self, rank: int, y: Shape) -> Shape:
        """Shape of the second tensor, without the batch, with ones up to the rank of the first."""
        return (*y, *(1,) * (rank - len(y) - 1)) if self.axis == 0 else y

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return (("Elementwise", *self),)


class _Slice(NamedTuple):
    axis: int
    start: int
    stop: int


class Slice(_Kind, _Slice):
    """The part from ``start`` to before ``stop`` of an axis, the batch counted."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x, at = inputs[0], self.axis - 1
        if not 0 <= at < len(x) or not 0 <= self.start < self.stop <= x[at]:
            raise GraphError(f"cannot take {self.start} to {self.stop} of axis {self.axis} of {_show(x)}")
        return *x[:at], self.stop - self.start, *x[at + 1 :]


class _Reshape(NamedTuple):
    shape: Shape


class Reshape(_Kind, _Reshape):
    """Another shape [N, *shape] for the same values."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if min(inputs[0]) > 0 and math.prod(self.shape) != math.prod(inputs[0]):
            raise GraphError(f"{_show(inputs[0])} has not as many values as {_show(self.shape)}")
        return self.shape


class _Transpose(NamedTuple):
    order: Axes


class Transpose(_Kind, _Transpose):
    """Axes in another order; the batch, axis 0, stays the first."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x = inputs[0]
        if sorted(self.order) != list(range(len(x) + 1)) or self.order[0] != 0:
            raise GraphError(f"transpose of {_show(x)} to the order {list(self.order)}: the batch has to stay first")
        return tuple(x[axis - 1] for axis in self.order[1:])


class _Mean(NamedTuple):
    axes: Axes
    keep: bool = False


class Mean(_Kind, _Mean):
    """Mean over axes other than the batch, which vanish or stay with size 1."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x = inputs[0]
        if not self.axes or not all(1 <= axis <= len(x) for axis in self.axes):
            raise GraphError(f"mean over the axes {list(self.axes)} of {_show(x)}: expected some of 1 to {len(x)}")
        if self.keep:
            return tuple(1 if axis in self.axes else size for axis, size in enumerate(x, 1))
        return tuple(size for axis, size in enumerate(x, 1) if axis not in self.axes)


class GlobalMaxPool(_Kind, NamedTuple("_GlobalMaxPool", [])):
    """Maximum of each channel: [C, H, W] -> [C, 1, 1]."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0][0], 1, 1


class _Resize(NamedTuple):
    size: tuple[int, int]
    mode: Literal["bilinear", "nearest"]
    align_corners: bool = True
    align_mode: int = 1


class Resize(_Kind, _Resize):
    """Interpolation of [C, H, W] to another height and width."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 3:
            raise GraphError(f"resize needs a feature map [N, C, H, W], not {_show(inputs[0])}")
        return inputs[0][0], *self.size


class _ResizeNearest(NamedTuple):
    size: tuple[int, int]


class ResizeNearest(_Kind, _ResizeNearest):
    """Nearest values of [C, H, W] where the corners of both maps lie on each other; :class:`Resize` where not."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 3:
            raise GraphError(f"resize needs a feature map [N, C, H, W], not {_show(inputs[0])}")
        return inputs[0][0], *self.size


class _Scale(NamedTuple):
    scale: float
    bias: float = 0.0


class Scale(_Kind, _Scale):
    """``scale * x + bias``."""

    __slots__ = ()


def _show(shape: Shape) -> str:
    return f"[N, {', '.join(map(str, shape))}]"
