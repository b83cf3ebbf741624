"""Neural architecture search for PaddlePaddle: PaddleSlim's search spaces and SANAS, working again.

Importing this package imports neither Paddle (building a network does) nor Optuna (a search does).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import ops, spaces
from .arch import ArchList, NetArch
from .combine import CombinedSpace, SearchSpaceFactory
from .cost import Cost
from .errors import SanasError
from .registry import SEARCHSPACE
from .space import BlockSpace, NetworkSpace, SearchSpaceBase
from .tokens import TokenRow, choice

if TYPE_CHECKING:
    from .export import load_arch, save_arch
    from .searching import SANAS, AnnealingSampler, Candidate, ModelSampler, SearchResult, TokenSampler, search

__version__ = "0.1.0"

__all__ = [
    "SANAS",
    "SEARCHSPACE",
    "AnnealingSampler",
    "ArchList",
    "BlockSpace",
    "Candidate",
    "CombinedSpace",
    "Cost",
    "ModelSampler",
    "NetArch",
    "NetworkSpace",
    "SanasError",
    "SearchResult",
    "SearchSpaceBase",
    "SearchSpaceFactory",
    "TokenRow",
    "TokenSampler",
    "__version__",
    "choice",
    "load_arch",
    "ops",
    "save_arch",
    "search",
    "spaces",
]

_SEARCHING = (
    "SANAS",
    "AnnealingSampler",
    "Candidate",
    "ModelSampler",
    "SearchResult",
    "TokenSampler",
    "search",
)
_EXPORT = ("load_arch", "save_arch")


def __getattr__(name: str) -> Any:
    if name in _SEARCHING:
        return getattr(import_module(".searching", __name__), name)
    if name in _EXPORT:
        return getattr(import_module(".export", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
