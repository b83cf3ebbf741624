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
    return F.interpolate(
        inputs[0],
        size=list(kind.size),
        mode=kind.mode,
        align_corners=kind.align_corners,
        align_mode=kind.align_mode if kind.mode == "bilinear" else 0,
    )


def _resize_nearest(kind: functions.ResizeNearest, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    y = inputs[0]  # paddle.nn.functional.interpolate refuses align_corners for the nearest value
    for axis, new in zip((2, 3), kind.size, strict=True):
        old = y.shape[axis]
        if old < 0:
            raise BuildError(f"resize of {list(y.shape)} to {list(kind.size)}: expected a known height and width")
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
    functions.Elementwise: _elementwise,
    functions.Resize: _resize,
    functions.ResizeNearest: _resize_nearest,
    functions.Slice: lambda kind, inputs, tensors, training: paddle.slice(
        inputs[0], [kind.axis], [kind.start], [kind.stop]
    ),
    functions.Reshape: lambda kind, inputs, tensors, training: paddle.reshape(inputs[0], [0, *kind.shape]),
    functions.Transpose: lambda kind, inputs, tensors, training: paddle.transpose(inputs[0], list(kind.order)),
    functions.Mean: lambda kind, inputs, tensors, training: paddle.mean(inputs[0], list(kind.axes), kind.keep),
    functions.GlobalMaxPool: lambda kind, inputs, tensors, training: F.adaptive_max_pool2d(inputs[0], 1),
    functions.Scale: lambda kind, inputs, tensors, training: paddle.scale(inputs[0], kind.scale, kind.bias),
}
