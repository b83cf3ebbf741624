"""The functions of ``fluid.layers`` that bodies of search spaces use, with the meaning they had in Paddle 1.8.

Each takes nodes of a description, variables of a program (PIR or legacy IR) or dygraph tensors, like
:mod:`sanas_spaces.ops`, so a space written with them is built in all modes, counted and drawn. Arguments that only
chose a kernel (``use_cudnn``) are taken and not used. Parameters without a name of their own are called
``{name}.w_0``, ``{name}.b_0``, and ``{name}.w_1`` where there is one of that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .activations import hard_sigmoid, hard_swish, leaky_relu, relu, relu6, sigmoid, softmax, swish, tanh
from .networks import batch_norm, conv2d, dropout, fc, pool2d
from .programs import data as _data
from .programs import unknown
from .tensors import (
    accuracy,
    concat,
    cross_entropy,
    elementwise_add,
    elementwise_mul,
    flatten,
    image_resize,
    mean,
    reduce_mean,
    reshape,
    resize_bilinear,
    resize_nearest,
    scale,
    softmax_with_cross_entropy,
    split,
    squeeze,
    transpose,
)

__all__ = [
    "accuracy",
    "batch_norm",
    "concat",
    "conv2d",
    "cross_entropy",
    "data",
    "dropout",
    "elementwise_add",
    "elementwise_mul",
    "fc",
    "flatten",
    "hard_sigmoid",
    "hard_swish",
    "image_resize",
    "leaky_relu",
    "mean",
    "pool2d",
    "reduce_mean",
    "relu",
    "relu6",
    "reshape",
    "resize_bilinear",
    "resize_nearest",
    "scale",
    "sigmoid",
    "softmax",
    "softmax_with_cross_entropy",
    "split",
    "squeeze",
    "swish",
    "tanh",
    "transpose",
]


def data(
    name: str,
    shape: Sequence[Any],
    append_batch_size: bool = True,
    dtype: str = "float32",
    lod_level: int = 0,
    type: Any = None,
    stop_gradient: bool = True,
) -> Any:
    """An input of a program; a batch stands before its shape unless that has one."""
    unknown_sizes = any(size is None or size < 0 for size in shape)
    variable = _data(name, [None, *shape] if append_batch_size and not unknown_sizes else shape, dtype)
    variable.stop_gradient = stop_gradient
    return variable


def __getattr__(name: str) -> Any:
    raise unknown(__name__, name)
