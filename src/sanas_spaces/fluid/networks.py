"""Layers with parameters, pooling and dropout."""

from __future__ import annotations

from math import prod
from typing import Any

from ..errors import GraphError
from ..functions import Add, Flatten, Reshape, Scale
from ..kinds import BatchNorm, Conv2d, Dropout, GlobalAvgPool, GlobalMaxPool, Linear, Padding, Pool2d
from ..ops import apply
from .activations import activate
from .names import Naming

Pairs = int | tuple[int, int] | list[int]


def conv2d(
    input: Any,
    num_filters: int,
    filter_size: Pairs,
    stride: Pairs = 1,
    padding: Any = 0,
    dilation: Pairs = 1,
    groups: int | None = None,
    param_attr: Any = None,
    bias_attr: Any = None,
    use_cudnn: bool = True,
    act: str | None = None,
    name: str | None = None,
    data_format: str = "NCHW",
) -> Any:
    """2-D convolution, bias (unless ``bias_attr`` is False) and activation: [N, C, H, W] -> [N, num_filters, H', W'].

    ``padding`` is a number, a pair, the four numbers of top, bottom, left and right, ``"SAME"`` or ``"VALID"``. Weights
    start with a normal distribution of variance 2 / fan-in, biases with 0.

    Raises:
        GraphError: Padding that is none of these, or another data format.
    """
    _only_nchw("conv2d", data_format)
    kind = Conv2d(
        int(num_filters),
        _pair(filter_size),
        _pair(stride),
        _padding("conv2d", padding),
        _pair(dilation),
        int(groups or 1),
        bias=bias_attr is not False,
    )
    naming = Naming("conv2d", name, input)
    naming.take("weights", "w", param_attr)
    if kind.bias:
        naming.take("bias", "b", bias_attr)
    return activate(naming.apply(kind), act)


def batch_norm(
    input: Any,
    act: str | None = None,
    is_test: bool = False,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    param_attr: Any = None,
    bias_attr: Any = None,
    data_layout: str = "NCHW",
    in_place: bool = False,
    name: str | None = None,
    moving_mean_name: str | None = None,
    moving_variance_name: str | None = None,
    do_model_average_for_mean_and_var: bool = True,
    use_global_stats: bool = False,
) -> Any:
    """Batch normalisation of each channel, then an activation.

    ``is_test`` and ``use_global_stats`` normalise with the moving statistics, whatever the mode.
    """
    _only_nchw("batch_norm", data_layout)
    kind = BatchNorm(None, float(momentum), float(epsilon), bool(is_test or use_global_stats))
    naming = Naming("batch_norm", name, input)
    naming.take("bn_scale", "w", param_attr)
    naming.take("bn_offset", "b", bias_attr)
    naming.take("bn_mean", "w", moving_mean_name)
    naming.take("bn_variance", "w", moving_variance_name)
    return activate(naming.apply(kind), act)


def fc(
    input: Any,
    size: int,
    num_flatten_dims: int = 1,
    param_attr: Any = None,
    bias_attr: Any = None,
    act: str | None = None,
    name: str | None = None,
) -> Any:
    """Fully connected layer on all values of an image, and an activation: [N, ...] -> [N, size].

    Weights start uniformly within sqrt(6 / (fan-in + fan-out)) (Glorot and Bengio, AISTATS 2010), biases with 0.

    Args:
        input: What is computed; several inputs have weights each, and their results are added.
        size: Number of outputs.
        num_flatten_dims: Number of axes that stay, the batch counted; -1 keeps all but the last one.
        param_attr: Attributes of the weights, or a list of them, one per input.
        bias_attr: Attributes of the bias; False leaves it out.
        act: Activation that follows.
        name: Name of the layer.

    Raises:
        GraphError: No input, another number of attributes than of inputs, or more axes to keep than there are.
    """
    inputs = list(input) if isinstance(input, list | tuple) else [input]
    attrs = list(param_attr) if isinstance(param_attr, list | tuple) else [param_attr] * len(inputs)
    if not inputs or len(attrs) != len(inputs):
        raise GraphError(f"fc of {len(inputs)} inputs with {len(attrs)} param_attr: expected one for each")
    naming = Naming("fc", name, inputs[0])
    rows = [_as_rows(x, num_flatten_dims) for x in inputs]
    found: list[Any] = []
    for x, attr in zip(rows, attrs, strict=True):
        bias = bias_attr is not False and len(found) == len(rows) - 1  # one bias, with the last input
        naming.start(x)
        naming.take("weights", "w", attr)
        if bias:
            naming.take("bias", "b", bias_attr)
        kind = Linear(int(size), bias, "xavier_uniform", "zeros", max(1, len(x.shape) - 1))
        found.append(naming.apply(kind))
    y = found[0]
    for other in found[1:]:
        y = apply(Add(), (y, other))
    return activate(y, act)


def pool2d(
    input: Any,
    pool_size: Any = -1,
    pool_type: str = "max",
    pool_stride: Pairs = 1,
    pool_padding: Any = 0,
    global_pooling: bool = False,
    use_cudnn: bool = True,
    ceil_mode: bool = False,
    name: str | None = None,
    exclusive: bool = True,
    data_format: str = "NCHW",
) -> Any:
    """Maximum or average over a window, or with ``global_pooling`` over the whole map, which leaves [N, C, 1, 1].

    Raises:
        GraphError: Another type than ``"max"`` or ``"avg"``, no window, or no such padding.
    """
    _only_nchw("pool2d", data_format)
    if pool_type not in ("max", "avg"):
        raise GraphError(f"pool2d with pool_type = {pool_type!r}: expected 'max' or 'avg'")
    if global_pooling:
        return apply(GlobalAvgPool() if pool_type == "avg" else GlobalMaxPool(), (input,), name)
    if pool_size == -1:
        raise GraphError("pool2d needs a pool_size unless global_pooling is set")
    padding = _padding("pool2d", pool_padding)
    mode: Any = pool_type
    kind = Pool2d(mode, _pair(pool_size), _pair(pool_stride), padding, bool(ceil_mode), bool(exclusive))
    return apply(kind, (input,), name)


def dropout(
    x: Any,
    dropout_prob: float,
    is_test: bool = False,
    seed: int | None = None,
    name: str | None = None,
    dropout_implementation: str = "downgrade_in_infer",
) -> Any:
    """Zero values with a probability in training.

    As ``"downgrade_in_infer"``, fluid's default, the others stay as they are and inference scales all by
    ``1 - dropout_prob``; as ``"upscale_in_train"`` training scales the others up. ``is_test`` means inference,
    whatever the mode.
    """
    if dropout_implementation not in ("downgrade_in_infer", "upscale_in_train"):
        raise GraphError(
            f"dropout_implementation = {dropout_implementation!r}: expected 'downgrade_in_infer' or 'upscale_in_train'"
        )
    downscale = dropout_implementation == "downgrade_in_infer"
    if is_test:
        return apply(Scale(1.0 - dropout_prob if downscale else 1.0), (x,), name)
    return apply(Dropout(float(dropout_prob), downscale), (x,), name)


def _as_rows(x: Any, kept: int) -> Any:
    """The input of a fully connected layer, the axes behind the first ``kept`` ones flattened to one."""
    rank = len(x.shape)
    if kept == -1:
        kept = rank - 1
    if not 1 <= kept < rank:
        raise GraphError(f"fc of {list(x.shape)} with num_flatten_dims = {kept}: expected 1 to {rank - 1}")
    if kept == rank - 1:
        return x
    if kept == 1:
        return apply(Flatten(), (x,))
    return apply(Reshape((*x.shape[1:kept], prod(x.shape[kept:]))), (x,))


def _only_nchw(function: str, data_format: str) -> None:
    if data_format != "NCHW":
        raise GraphError(f"{function} with the data format {data_format!r}: expected 'NCHW'")


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[-1])) if isinstance(value, list | tuple) else (int(value), int(value))


def _padding(function: str, value: Any) -> Padding:
    """Padding of height and width from what fluid took for it."""
    if isinstance(value, str):
        if value.upper() not in ("SAME", "VALID"):
            raise GraphError(f"{function} with padding = {value!r}: expected 'SAME', 'VALID' or numbers")
        return "SAME" if value.upper() == "SAME" else (0, 0)
    sides = list(value) if isinstance(value, list | tuple) else [value]
    if len(sides) == 4 and isinstance(sides[0], list | tuple):
        sides = [side for pair in sides[2:] for side in pair]
    if len(sides) == 4:
        top, bottom, left, right = map(int, sides)
        return (top, left) if (top, left) == (bottom, right) else (top, bottom, left, right)
    if len(sides) > 2:
        raise GraphError(f"{function} with padding = {value!r}: expected 1, 2 or 4 numbers")
    return _pair(sides)
