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
from .budgets import PRUNERS, Halving, as_pruner
from .candidate import Candidate
from .constraints import Constraints
from .engine import Engine
from .reading import RecordedSpace, read_result
from .result import SearchResult
from .run import search
from .sampler import AnnealingSampler, ModelSampler, TokenSampler
from .sanas import SANAS

__all__ = [
    "ALGORITHMS",
    "PRUNERS",
    "SANAS",
    "Algorithm",
    "Annealing",
    "AnnealingSampler",
    "Candidate",
    "Choices",
    "Constraints",
    "Engine",
    "Halving",
    "LocalSearch",
    "ModelSampler",
    "ModelSearch",
    "PaddleSlimAnnealing",
    "RandomSearch",
    "RecordedSpace",
    "RegularizedEvolution",
    "SearchResult",
    "TokenSampler",
    "algorithm_named",
    "as_pruner",
    "read_result",
    "search",
]
