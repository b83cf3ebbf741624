"""Search: algorithms that propose tokens, the record of what was tried, and the drivers on top of them."""

from .annealing import Annealing
from .constraints import Constraints
from .engine import Candidate, Engine
from .run import SearchResult, search
from .sampler import AnnealingSampler
from .sanas import SANAS

__all__ = ["SANAS", "Annealing", "AnnealingSampler", "Candidate", "Constraints", "Engine", "SearchResult", "search"]
