"""Kinds of layer without parameters that combine, cut or rearrange tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from .errors import GraphError
from .kinds import PlainKind, Shape, shown

Axes = tuple[int, ...]


class Add(PlainKind, NamedTuple("_Add", [])):
    """Element-wise sum of tensors of equal shape."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first = inputs[0]
        for other in inputs[1:]:
            if other != first:
                raise GraphError(f"add needs equal shapes, not {shown(first)} and {shown(other)}")
        return first


class _Elementwise(NamedTuple):
    function: Literal["add", "multiply"]
    axis: int = -1


class Elementwise(PlainKind, _Elementwise):
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
                f"{shown(y)} for {shown(x)}"
            )
        return x

    def aligned(self, rank: int, y: Shape) -> Shape:
        """Shape of the second tensor, without the batch, with ones up to the rank of the first."""
        return (*y, *(1,) * (rank - len(y) - 1)) if self.axis == 0 else y

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return (("Elementwise", *self),)


class _Concat(NamedTuple):
    axis: int = 1


class Concat(PlainKind, _Concat):
    """Concatenation along an axis, channels by default: [C1, H, W], [C2, H, W] -> [C1 + C2, H, W]."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        at = self.axis - 1
        if not 0 <= at < len(inputs[0]):
            raise GraphError(f"concat along axis {self.axis} of {shown(inputs[0])}")
        rests = {shape[:at] + shape[at + 1 :] for shape in inputs}
        if len(rests) > 1:
            raise GraphError(
                f"concat needs equal heights and widths, not {[', '.join(map(str, shape)) for shape in inputs]}"
            )
        first = inputs[0]
        return *first[:at], sum(shape[at] for shape in inputs), *first[at + 1 :]

    def parts(self) -> tuple[tuple[Any, ...], ...]:
        return (("Concat", *(() if self.axis == 1 else self)),)


class _Slice(NamedTuple):
    axis: int
    start: int
    stop: int


class Slice(PlainKind, _Slice):
    """The part from ``start`` to before ``stop`` of an axis, the batch counted."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x, at = inputs[0], self.axis - 1
        if not 0 <= at < len(x) or not 0 <= self.start < self.stop <= x[at]:
            raise GraphError(f"cannot take {self.start} to {self.stop} of axis {self.axis} of {shown(x)}")
        return *x[:at], self.stop - self.start, *x[at + 1 :]


class _Crop(NamedTuple):
    top: int
    left: int


class Crop(PlainKind, _Crop):
    """Drop the first rows and columns: [C, H, W] -> [C, H - top, W - left]."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, height, width = inputs[0]
        if 0 <= height <= self.top or 0 <= width <= self.left:
            raise GraphError(f"cannot crop {self.top} rows and {self.left} columns of {shown(inputs[0])}")
        return channels, height - self.top if height > 0 else -1, width - self.left if width > 0 else -1


class Flatten(PlainKind, NamedTuple("_Flatten", [])):
    """[C, H, W] -> [C * H * W]."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if min(inputs[0]) < 0:
            raise GraphError(f"flatten needs a known shape, not {shown(inputs[0])}")
        return (math.prod(inputs[0]),)


class _Reshape(NamedTuple):
    shape: Shape


class Reshape(PlainKind, _Reshape):
    """Another shape [N, *shape] for the same values."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if min(inputs[0]) > 0 and math.prod(self.shape) != math.prod(inputs[0]):
            raise GraphError(f"{shown(inputs[0])} has not as many values as {shown(self.shape)}")
        return self.shape


class _Transpose(NamedTuple):
    order: Axes


class Transpose(PlainKind, _Transpose):
    """Axes in another order; the batch, axis 0, stays the first."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x = inputs[0]
        if sorted(self.order) != list(range(len(x) + 1)) or self.order[0] != 0:
            raise GraphError(f"transpose of {shown(x)} to the order {list(self.order)}: the batch has to stay first")
        return tuple(x[axis - 1] for axis in self.order[1:])


class _Mean(NamedTuple):
    axes: Axes
    keep: bool = False


class Mean(PlainKind, _Mean):
    """Mean over axes other than the batch, which vanish or stay with size 1."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        x = inputs[0]
        if not self.axes or not all(1 <= axis <= len(x) for axis in self.axes):
            raise GraphError(f"mean over the axes {list(self.axes)} of {shown(x)}: expected some of 1 to {len(x)}")
        if self.keep:
            return tuple(1 if axis in self.axes else size for axis, size in enumerate(x, 1))
        return tuple(size for axis, size in enumerate(x, 1) if axis not in self.axes)


class _Resize(NamedTuple):
    size: tuple[int, int]
    mode: Literal["bilinear", "nearest"]
    align_corners: bool = True
    align_mode: int = 1


class Resize(PlainKind, _Resize):
    """Interpolation of [C, H, W] to another height and width, by ``align_corners`` with corner on corner."""

    __slots__ = ()

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 3:
            raise GraphError(f"resize needs a feature map [N, C, H, W], not {shown(inputs[0])}")
        return inputs[0][0], *self.size


class _Scale(NamedTuple):
    scale: float
    bias: float = 0.0


class Scale(PlainKind, _Scale):
    """``scale * x + bias``."""

    __slots__ = ()
