"""Functions that combine, cut, rearrange or reduce tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any

from ..errors import GraphError
from ..functions import Add, Concat, Elementwise, Flatten, Mean, Reshape, Resize, Scale, Slice, Transpose
from ..graph import Node
from ..kinds import GlobalAvgPool
from ..ops import apply
from .activations import activate


def elementwise_add(x: Any, y: Any, axis: int = -1, act: str | None = None, name: str | None = None) -> Any:
    """The sum of x and y; ``axis`` is the axis of x at which the sizes of y begin, for a y with fewer of them."""
    if isinstance(x, Node) and x.dims == y.dims:
        return activate(apply(Add(), (x, y), name), act)
    return _elementwise("add", x, y, axis, act, name)


def elementwise_mul(x: Any, y: Any, axis: int = -1, act: str | None = None, name: str | None = None) -> Any:
    """The product of x and y; ``axis`` is the axis of x at which the sizes of y begin, for a y with fewer of them."""
    return _elementwise("multiply", x, y, axis, act, name)


def _elementwise(function: Any, x: Any, y: Any, axis: int, act: str | None, name: str | None) -> Any:
    if isinstance(x, Node):
        return activate(_described(function, x, y, axis, name), act)
    import paddle

    behind = len(x.shape) - axis - len(y.shape)
    if axis >= 0 and behind > 0:
        y = paddle.reshape(y, [*([0] * len(y.shape)), *([1] * behind)])
    return activate(paddle.add(x, y) if function == "add" else x * y, act)


def _described(function: Any, x: Node, y: Node, axis: int, name: str | None) -> Any:
    fewer = len(y.dims) < len(x.dims)
    if axis not in (-1, 0) and (fewer or y.dims != x.dims):
        raise GraphError(
            f"elementwise {function} of {x!r} and {y!r} with axis = {axis}: expected 0, where the batch is"
        )
    stretches_x = len(x.dims) == len(y.dims) and all(a in (b, 1) for a, b in zip(x.dims, y.dims, strict=True))
    if stretches_x and x.dims != y.dims:
        x, y = y, x
    return apply(Elementwise(function, axis if fewer else -1), (x, y), name)


def concat(input: Sequence[Any], axis: int = 0, name: str | None = None) -> Any:
    """Concatenation along an axis, which is the batch unless it is given."""
    if isinstance(input[0], Node):
        return apply(Concat(_positive(axis, input[0])), tuple(input), name)
    import paddle

    return paddle.concat(list(input), axis=axis)


def split(input: Any, num_or_sections: Any, dim: int = -1, name: str | None = None) -> list[Any]:
    """Parts of equal or given sizes along an axis."""
    if not isinstance(input, Node):
        import paddle

        return list(paddle.split(input, num_or_sections, axis=dim))
    axis = _positive(dim, input)
    size = input.shape[axis]
    if isinstance(num_or_sections, int):
        if size % num_or_sections:
            raise GraphError(f"split of {input!r} into {num_or_sections} equal parts along axis {axis}")
        sections = [size // num_or_sections] * num_or_sections
    else:
        known = sum(part for part in num_or_sections if part > 0)
        sections = [part if part > 0 else size - known for part in num_or_sections]
    if sum(sections) != size:
        raise GraphError(f"split of {input!r} along axis {axis} into {list(num_or_sections)}: expected a sum of {size}")
    edges = [0, *accumulate(sections)]
    return [apply(Slice(axis, start, stop), (input,)) for start, stop in pairwise(edges)]


def reshape(
    x: Any,
    shape: Sequence[int],
    actual_shape: Any = None,
    act: str | None = None,
    inplace: bool = False,
    name: str | None = None,
) -> Any:
    """The same values in another shape; 0 keeps a size, one -1 is worked out. A description keeps the batch first."""
    if not isinstance(x, Node):
        import paddle

        return activate(paddle.reshape(x, list(shape)), act)
    if not shape or shape[0] not in (0, -1):
        raise GraphError(f"reshape of {x!r} to {list(shape)}: the first size has to be 0 or -1, the batch")
    wanted = [x.shape[i] if size == 0 else size for i, size in enumerate(shape)][1:]
    if -1 in wanted and shape[0] == 0:
        rest = prod(size for size in wanted if size != -1)
        wanted = [prod(x.dims) // rest if size == -1 else size for size in wanted]
    return activate(apply(Reshape(tuple(wanted)), (x,), name), act)


def flatten(x: Any, axis: int = 1, name: str | None = None) -> Any:
    """[N, ...] -> [N, all values of an image]."""
    if axis != 1:
        raise GraphError(f"flatten with axis = {axis}: expected 1")
    return apply(Flatten(), (x,), name)


def squeeze(input: Any, axes: Sequence[int] = (), name: str | None = None) -> Any:
    """Drop axes of size 1: all of them if none is named."""
    if not isinstance(input, Node):
        import paddle

        return paddle.squeeze(input, list(axes))
    gone = {_positive(axis, input) for axis in axes}
    if any(input.shape[axis] != 1 for axis in gone):
        raise GraphError(f"squeeze of the axes {list(axes)} of {input!r}: expected sizes of 1")
    if not axes:
        gone = {axis for axis, size in enumerate(input.dims, 1) if size == 1}
    return apply(Reshape(tuple(size for axis, size in enumerate(input.dims, 1) if axis not in gone)), (input,), name)


def transpose(x: Any, perm: Sequence[int], name: str | None = None) -> Any:
    """Axes in another order."""
    if isinstance(x, Node):
        return apply(Transpose(tuple(perm)), (x,), name)
    import paddle

    return paddle.transpose(x, list(perm))


def scale(
    x: Any,
    scale: float = 1.0,
    bias: float = 0.0,
    bias_after_scale: bool = True,
    act: str | None = None,
    name: str | None = None,
) -> Any:
    """``scale * x + bias``, or ``scale * (x + bias)``."""
    return activate(apply(Scale(float(scale), float(bias if bias_after_scale else scale * bias)), (x,), name), act)


def reduce_mean(input: Any, dim: Any = None, keep_dim: bool = False, name: str | None = None) -> Any:
    """Mean over some axes, or over all, which leaves the shape [1]."""
    if not isinstance(input, Node):
        import paddle

        y = paddle.mean(input, axis=dim, keepdim=keep_dim)
        return y if len(y.shape) else paddle.reshape(y, [1])
    if dim is None:
        raise GraphError("reduce_mean over the batch cannot be described; build it on the result of the network")
    axes = tuple(sorted(_positive(axis, input) for axis in (dim if isinstance(dim, list | tuple) else [dim])))
    if keep_dim and axes == (2, 3):
        return apply(GlobalAvgPool(), (input,), name)
    return apply(Mean(axes, keep_dim), (input,), name)


def image_resize(
    input: Any,
    out_shape: Any = None,
    scale: float | None = None,
    name: str | None = None,
    resample: str = "BILINEAR",
    actual_shape: Any = None,
    align_corners: bool = True,
    align_mode: int = 1,
    data_format: str = "NCHW",
) -> Any:
    """Interpolation to ``out_shape`` [H, W], or to ``scale`` times the size.

    By default the corners of both maps lie on each other, unlike in ``paddle.nn.functional.interpolate``.
    """
    mode: Any = resample.lower()
    if mode not in ("bilinear", "nearest") or data_format != "NCHW":
        raise GraphError(f"image_resize by {resample!r} of {data_format}: expected 'BILINEAR' or 'NEAREST' of NCHW")
    if out_shape is None:
        if not scale or min(input.shape[2:]) < 0:
            raise GraphError("image_resize needs out_shape, or a scale and an input of known size")
        out_shape = [int(size * scale) for size in input.shape[2:]]
    return apply(Resize((int(out_shape[0]), int(out_shape[1])), mode, bool(align_corners), align_mode), (input,), name)


def resize_bilinear(input: Any, out_shape: Any = None, scale: float | None = None, **settings: Any) -> Any:
    """:func:`image_resize` by linear interpolation."""
    return image_resize(input, out_shape, scale, resample="BILINEAR", **settings)


def resize_nearest(input: Any, out_shape: Any = None, scale: float | None = None, **settings: Any) -> Any:
    """:func:`image_resize` by the nearest value."""
    return image_resize(input, out_shape, scale, resample="NEAREST", **settings)


def mean(x: Any, name: str | None = None) -> Any:
    """Mean of all values, of shape [1]; for tensors only."""
    import paddle

    return paddle.reshape(paddle.mean(_tensor("mean", x)), [1])


def cross_entropy(input: Any, label: Any, soft_label: bool = False, ignore_index: int = -100) -> Any:
    """Cross entropy [N, 1] of probabilities [N, classes]; for tensors only."""
    import paddle

    return paddle.nn.functional.cross_entropy(
        _tensor("cross_entropy", input),
        label,
        soft_label=soft_label,
        ignore_index=ignore_index,
        reduction="none",
        use_softmax=False,
    )


def softmax_with_cross_entropy(logits: Any, label: Any, soft_label: bool = False, **settings: Any) -> Any:
    """Cross entropy [N, 1] of the softmax of logits [N, classes]; for tensors only."""
    import paddle

    tensor = _tensor("softmax_with_cross_entropy", logits)
    return paddle.nn.functional.softmax_with_cross_entropy(tensor, label, soft_label=soft_label, **settings)


def accuracy(input: Any, label: Any, k: int = 1) -> Any:
    """Share [1] of the images whose label is among the ``k`` most probable; for tensors only."""
    import paddle

    return paddle.reshape(paddle.static.accuracy(_tensor("accuracy", input), label, k), [1])


def _tensor(function: str, x: Any) -> Any:
    if isinstance(x, Node):
        raise GraphError(f"{function} is over the batch and cannot be described; build it on the result of the network")
    return x


def _positive(axis: int, x: Node) -> int:
    """An axis counted from the first one."""
    return axis if axis >= 0 else axis + len(x.shape)
