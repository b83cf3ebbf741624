"""``fluid.regularizer``: weight decay."""

from __future__ import annotations

from typing import Any

from .programs import unknown


def L1Decay(regularization_coeff: float = 0.0) -> Any:  # noqa: N802 - a class in fluid
    """Sum of absolute values."""
    import paddle

    return paddle.regularizer.L1Decay(regularization_coeff)


def L2Decay(regularization_coeff: float = 0.0) -> Any:  # noqa: N802
    """Half the sum of squares."""
    import paddle

    return paddle.regularizer.L2Decay(regularization_coeff)


L1DecayRegularizer = L1Decay
L2DecayRegularizer = L2Decay


def __getattr__(name: str) -> Any:
    raise unknown(__name__, name)
