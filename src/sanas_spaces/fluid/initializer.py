"""``fluid.initializer``: how parameters start.

A ``seed`` is taken and not used: what a parameter starts with follows ``paddle.seed`` only.
"""

from __future__ import annotations

from typing import Any

from .programs import unknown


def _initializers() -> Any:
    import paddle

    return paddle.nn.initializer


def Constant(value: float = 0.0, force_cpu: bool = False) -> Any:  # noqa: N802 - a class in fluid
    """One value everywhere."""
    return _initializers().Constant(value)


def Normal(loc: float = 0.0, scale: float = 1.0, seed: int = 0) -> Any:  # noqa: N802
    """Normal distribution of mean ``loc`` and standard deviation ``scale``."""
    return _initializers().Normal(loc, scale)


def TruncatedNormal(loc: float = 0.0, scale: float = 1.0, seed: int = 0) -> Any:  # noqa: N802
    """Normal distribution cut at two standard deviations."""
    return _initializers().TruncatedNormal(loc, scale)


def Uniform(low: float = -1.0, high: float = 1.0, seed: int = 0) -> Any:  # noqa: N802
    """Uniform distribution."""
    return _initializers().Uniform(low, high)


def Xavier(uniform: bool = True, fan_in: float | None = None, fan_out: float | None = None, seed: int = 0) -> Any:  # noqa: N802
    """Glorot and Bengio, AISTATS 2010."""
    chosen = _initializers().XavierUniform if uniform else _initializers().XavierNormal
    return chosen(fan_in, fan_out)


def MSRA(uniform: bool = True, fan_in: float | None = None, seed: int = 0) -> Any:  # noqa: N802
    """He et al., arXiv:1502.01852, section 2.2; uniform unless it is said otherwise."""
    chosen = _initializers().KaimingUniform if uniform else _initializers().KaimingNormal
    return chosen(fan_in)


ConstantInitializer = Constant
NormalInitializer = Normal
TruncatedNormalInitializer = TruncatedNormal
UniformInitializer = Uniform
XavierInitializer = Xavier
MSRAInitializer = MSRA


def __getattr__(name: str) -> Any:
    raise unknown(__name__, name)
