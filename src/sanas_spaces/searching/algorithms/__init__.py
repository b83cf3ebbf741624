"""Search algorithms: each learns results and proposes token lists, and knows nothing of networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ConfigError, did_you_mean
from .annealing import Annealing
from .base import Algorithm
from .choices import Choices
from .evolution import RegularizedEvolution
from .local_search import LocalSearch
from .model_search import ModelSearch
from .paddleslim_annealing import PaddleSlimAnnealing
from .random_search import RandomSearch

ALGORITHMS: dict[str, type[Algorithm]] = {
    "model": ModelSearch,
    "annealing": Annealing,
    "paddleslim": PaddleSlimAnnealing,
    "evolution": RegularizedEvolution,
    "local": LocalSearch,
    "random": RandomSearch,
}
"""By the name that ``algorithm=`` takes."""

AlgorithmFactory = Callable[..., Algorithm]


def algorithm_named(name: Any) -> type[Algorithm]:
    """The class of a named algorithm.

    Raises:
        ConfigError: There is none of that name.
    """
    try:
        return ALGORITHMS[name]
    except (KeyError, TypeError):
        hint = "; " + did_you_mean(name, list(ALGORITHMS)) if isinstance(name, str) else ""
        raise ConfigError(f"algorithm = {name!r}: expected one of {', '.join(ALGORITHMS)}{hint}") from None


__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "AlgorithmFactory",
    "Annealing",
    "Choices",
    "LocalSearch",
    "ModelSearch",
    "PaddleSlimAnnealing",
    "RandomSearch",
    "RegularizedEvolution",
    "algorithm_named",
]
