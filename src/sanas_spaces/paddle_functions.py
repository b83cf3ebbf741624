"""How Paddle computes the kinds of :mod:`sanas_spaces.functions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from . import functions
from .errors import BuildError

Tensors = tuple[Any, ...]


def _elementwise(kind: functions.Elementwise, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    x, y = inputs
    shape = kind.aligned(len(x.shape), tuple(y.shape[1:]))
    if len(shape) != len(y.shape) - 1:
        y = paddle.reshape(y, [0, *shape])
    return paddle.add(x, y) if kind.function == "add" else x * y  # paddle.multiply refuses variables of the legacy IR


def _resize(kind: functions.Resize, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    if kind.mode == "nearest" and kind.align_corners:
        return _nearest_on_corners(inputs[0], kind.size)
    return F.interpolate(
        inputs[0],
        size=list(kind.size),
        mode=kind.mode,
        align_corners=kind.align_corners,
        align_mode=kind.align_mode if kind.mode == "bilinear" else 0,
    )


def _nearest_on_corners(y: Any, size: tuple[int, int]) -> Any:
    """What ``paddle.nn.functional.interpolate`` refuses: the nearest values with aligned corners."""
    for axis, new in zip((2, 3), size, strict=True):
        old = y.shape[axis]
        if old < 0:
            raise BuildError(f"resize of {list(y.shape)} to {list(size)}: expected a known height and width")
        step = np.float32((old - 1) / (new - 1) if new > 1 else 0)
        places = ((step * np.arange(new, dtype=np.float32)).astype(np.float64) + 0.5).astype(np.int64)
        y = paddle.index_select(y, paddle.assign(places), axis)
    return y


def unary(name: str) -> Callable[[Any], Any]:
    """An activation of Paddle 3.3 that takes variables of the legacy IR, too, which its own function refuses."""

    def activation(x: Any) -> Any:
        if paddle.in_dynamic_mode() or paddle.framework.use_pir_api():
            return getattr(F, name)(x)
        helper = paddle.base.layer_helper.LayerHelper(name)
        out = helper.create_variable_for_type_inference(dtype=x.dtype)
        helper.append_op(type=name, inputs={"X": [x]}, outputs={"Out": [out]})
        return out

    return activation


FUNCTIONS: dict[type, Callable[[Any, Tensors, Mapping[str, Any], bool], Any]] = {
    functions.Add: lambda kind, inputs, tensors, training: paddle.add(*inputs),
    functions.Concat: lambda kind, inputs, tensors, training: paddle.concat(list(inputs), axis=kind.axis),
    functions.Flatten: lambda kind, inputs, tensors, training: paddle.flatten(inputs[0], 1),
    functions.Crop: lambda kind, inputs, tensors, training: inputs[0][:, :, kind.top :, kind.left :],
    functions.Elementwise: _elementwise,
    functions.Resize: _resize,
    functions.Slice: lambda kind, inputs, tensors, training: paddle.slice(
        inputs[0], [kind.axis], [kind.start], [kind.stop]
    ),
    functions.Reshape: lambda kind, inputs, tensors, training: paddle.reshape(inputs[0], [0, *kind.shape]),
    functions.Transpose: lambda kind, inputs, tensors, training: paddle.transpose(inputs[0], list(kind.order)),
    functions.Mean: lambda kind, inputs, tensors, training: paddle.mean(inputs[0], list(kind.axes), kind.keep),
    functions.Scale: lambda kind, inputs, tensors, training: paddle.scale(inputs[0], kind.scale, kind.bias),
}
