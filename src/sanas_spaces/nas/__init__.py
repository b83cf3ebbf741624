"""What scripts import from ``paddleslim.nas`` for searches over static programs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..combine import SearchSpaceFactory
from ..registry import SEARCHSPACE
from ..space import SearchSpaceBase
from . import search_space
from .logs import get_logger

if TYPE_CHECKING:
    from ..searching import SANAS
    from .early_stop import EarlyStopBase, MedianStop
    from .gp_nas import GPNAS
    from .rl_nas import RLNAS

__all__ = [
    "GPNAS",
    "RLNAS",
    "SANAS",
    "SEARCHSPACE",
    "EarlyStopBase",
    "MedianStop",
    "SearchSpaceBase",
    "SearchSpaceFactory",
    "get_logger",
    "search_space",
]

_LATER = {
    "GPNAS": ".gp_nas",
    "RLNAS": ".rl_nas",
    "SANAS": "..searching",
    "EarlyStopBase": ".early_stop",
    "MedianStop": ".early_stop",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    return getattr(search_space, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(search_space)})
