"""First values of parameters, from a source of randomness that is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import NamedParameter

Array = np.ndarray[Any, Any]


def initial_weights(parameters: Sequence[NamedParameter], seed: int, dtype: Any = np.float32) -> dict[str, Array]:
    """First values of parameters and statistics by name."""
    rng = np.random.default_rng((seed, 0))
    return {parameter.name: initial_value(parameter, rng).astype(dtype) for parameter in parameters}


def initial_value(parameter: NamedParameter, rng: np.random.Generator) -> Array:
    """First value of a parameter, by its initializer."""
    shape = parameter.shape
    if parameter.init == "msra_normal":
        return rng.normal(0.0, (2.0 / parameter.fan_in) ** 0.5, shape)
    if parameter.init == "uniform_fan_in":
        return rng.uniform(-1.0, 1.0, shape) / parameter.fan_in**0.5
    if parameter.init == "xavier_uniform":
        return rng.uniform(-1.0, 1.0, shape) * (6.0 / (sum(shape[:2]) * math.prod(shape[2:]))) ** 0.5
    return np.full(shape, 1.0 if parameter.init == "ones" else 0.0)
