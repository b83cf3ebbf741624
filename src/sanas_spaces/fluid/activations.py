"""Activation functions, with fluid's defaults."""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from ..kinds import Activation
from ..ops import apply


def relu(x: Any, name: str | None = None) -> Any:
    """max(x, 0)."""
    return apply(Activation("relu"), (x,), name)


def relu6(x: Any, threshold: float = 6.0, name: str | None = None) -> Any:
    """min(max(x, 0), 6)."""
    _only("relu6", threshold=(threshold, 6.0))
    return apply(Activation("relu6"), (x,), name)


def sigmoid(x: Any, name: str | None = None) -> Any:
    """1 / (1 + exp(-x))."""
    return apply(Activation("sigmoid"), (x,), name)


def tanh(x: Any, name: str | None = None) -> Any:
    """Hyperbolic tangent."""
    return apply(Activation("tanh"), (x,), name)


def hard_sigmoid(x: Any, slope: float = 0.2, offset: float = 0.5, name: str | None = None) -> Any:
    """min(max(slope * x + offset, 0), 1); the slope of ``paddle.nn.functional.hardsigmoid`` is 1 / 6."""
    return apply(Activation("hard_sigmoid", (float(slope), float(offset))), (x,), name)


def swish(x: Any, beta: float = 1.0, name: str | None = None) -> Any:
    """The product x * sigmoid(x)."""
    _only("swish", beta=(beta, 1.0))
    return apply(Activation("swish"), (x,), name)


def hard_swish(x: Any, threshold: float = 6.0, scale: float = 6.0, offset: float = 3.0, name: str | None = None) -> Any:
    """The product x * min(max(x + 3, 0), 6) / 6."""
    _only("hard_swish", threshold=(threshold, 6.0), scale=(scale, 6.0), offset=(offset, 3.0))
    return apply(Activation("hard_swish"), (x,), name)


def leaky_relu(x: Any, alpha: float = 0.02, name: str | None = None) -> Any:
    """max(x, alpha * x); the slope of ``paddle.nn.functional.leaky_relu`` is 0.01."""
    return apply(Activation("leaky_relu", (float(alpha),)), (x,), name)


def softmax(input: Any, use_cudnn: bool = False, name: str | None = None, axis: int = -1) -> Any:
    """Softmax over an axis."""
    return apply(Activation("softmax", () if axis == -1 else (axis,)), (input,), name)


_FUNCTIONS: dict[str, Any] = {
    "relu": relu,
    "relu6": relu6,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "hard_sigmoid": hard_sigmoid,
    "swish": swish,
    "hard_swish": hard_swish,
    "leaky_relu": leaky_relu,
    "softmax": softmax,
}


def activate(x: Any, act: str | None) -> Any:
    """Apply what stands in an argument ``act``."""
    if act is None:
        return x
    if act not in _FUNCTIONS:
        raise GraphError(f"act = {act!r}: expected one of {', '.join(_FUNCTIONS)}")
    return _FUNCTIONS[act](x)


def _only(function: str, **settings: tuple[float, float]) -> None:
    for name, (given, expected) in settings.items():
        if given != expected:
            raise GraphError(f"{function} with {name} = {given!r}: expected {expected}")
