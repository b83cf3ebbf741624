"""Search: algorithms that propose tokens, the record of what was tried, and the drivers on top of them."""

from .algorithms import (
    ALGORITHMS,
    Algorithm,
    Annealing,
    Choices,
    LocalSearch,
    ModelSearch,
    PaddleSlimAnnealing,
    RandomSearch,
    RegularizedEvolution,
    algorithm_named,
)
from .constraints import Constraints
from .engine import Candidate, Engine
from .run import SearchResult, search
from .sampler import AnnealingSampler, ModelSampler, TokenSampler
from .sanas import SANAS

__all__ = [
    "ALGORITHMS",
    "SANAS",
    "Algorithm",
    "Annealing",
    "AnnealingSampler",
    "Candidate",
    "Choices",
    "Constraints",
    "Engine",
    "LocalSearch",
    "ModelSampler",
    "ModelSearch",
    "PaddleSlimAnnealing",
    "RandomSearch",
    "RegularizedEvolution",
    "SearchResult",
    "TokenSampler",
    "algorithm_named",
    "search",
]
