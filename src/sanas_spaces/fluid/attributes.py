"""How a parameter is called, starts and is trained: ``fluid.ParamAttr``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError


@dataclass(frozen=True)
class ParamAttr:
    """Attributes of a parameter; ``paddle.ParamAttr`` may be given wherever this one is expected.

    Attributes:
        name: Its full name; two layers that give one name to parameters of one shape share them.
        initializer: One of :mod:`sanas_spaces.fluid.initializer` or ``paddle.nn.initializer``.
        learning_rate: Factor of the learning rate.
        regularizer: One of ``paddle.regularizer``.
        trainable: Whether it is trained.
        do_model_average: Not used.
        need_clip: Not used.
    """

    name: str | None = None
    initializer: Any = None
    learning_rate: float = 1.0
    regularizer: Any = None
    trainable: bool = True
    do_model_average: bool = False
    need_clip: bool = True


def as_attr(value: Any) -> Any:
    """Attributes from what fluid took for them: None, True, a name, an initializer or attributes."""
    if value is None or value is True:
        return ParamAttr()
    if isinstance(value, str):
        return ParamAttr(name=value)
    if hasattr(value, "initializer") and hasattr(value, "trainable"):
        return value
    if callable(value):  # initializers of Paddle are called on parameters
        return ParamAttr(initializer=value)
    raise ConfigError(f"{value!r}: expected a ParamAttr, a name, an initializer or None")
