"""Layers with parameters, pooling and dropout."""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from ..functions import GlobalMaxPool, Scale
from ..graph import Node
from ..kinds import BatchNorm, Conv2d, Dropout, Flatten, GlobalAvgPool, Kind, Linear, Padding, Pool2d
from ..ops import apply
from .activations import activate
from .attributes import as_attr

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
        GraphError: Padding that differs from side to side, or another data format.
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
    y = _layer("conv2d", kind, input, name, {"weights": (param_attr, "w_0"), "bias": (bias_attr, "b_0")})
    return activate(y, act)


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
    attrs = {
        "bn_scale": (param_attr, "w_0"),
        "bn_offset": (bias_attr, "b_0"),
        "bn_mean": (moving_mean_name, "w_1"),
        "bn_variance": (moving_variance_name, "w_2"),
    }
    return activate(_layer("batch_norm", kind, input, name, attrs), act)


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

    Raises:
        GraphError: Several inputs, or other flattened dimensions than all but the batch.
    """
    if isinstance(input, list | tuple):
        if len(input) != 1:
            raise GraphError(f"fc of {len(input)} inputs: expected one")
        (input,) = input
    rank = len(input.shape)
    if num_flatten_dims != 1 and not (rank == 2 and num_flatten_dims == -1):
        raise GraphError(f"fc with num_flatten_dims = {num_flatten_dims}: expected 1")
    x = input if rank == 2 else apply(Flatten(), (input,))
    kind = Linear(int(size), bias_attr is not False, "xavier_uniform", "zeros")
    y = _layer("fc", kind, x, name, {"weights": (param_attr, "w_0"), "bias": (bias_attr, "b_0")})
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
        GraphError: Another type than ``"max"`` or ``"avg"``, no window, or padding that differs from side to side.
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


def _layer(prefix: str, kind: Kind, x: Any, name: str | None, attrs: dict[str, tuple[Any, str]]) -> Any:
    """A layer whose parameters are called as in their attributes, or as fluid calls them."""
    label = name or _unique_name(prefix, x)
    names, given = {}, {}
    for role, (attr, ending) in attrs.items():
        if attr is not False:
            given[role] = as_attr(attr)
            names[role] = given[role].name or f"{label}.{ending}"
    return apply(kind, (x,), label, names, given)


def _unique_name(prefix: str, x: Any) -> str:
    if isinstance(x, Node):
        return x.graph.unique_name(prefix)
    import paddle

    return str(paddle.utils.unique_name.generate(prefix))


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
        if sides[0] != sides[1] or sides[2] != sides[3]:
            raise GraphError(f"{function} with padding = {value!r}: expected as much on both sides")
        sides = sides[::2]
    return _pair(sides)
