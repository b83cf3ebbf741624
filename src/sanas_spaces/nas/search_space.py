"""What scripts import from ``paddleslim.nas.search_space``."""

from __future__ import annotations

from typing import Any

from ..combine import SearchSpaceFactory
from ..registry import SEARCHSPACE
from ..space import SearchSpaceBase

__all__ = ["SEARCHSPACE", "SearchSpaceBase", "SearchSpaceFactory"]


def __getattr__(name: str) -> Any:
    """Every registered search space, by the name of its class."""
    if not name.startswith("_") and name in SEARCHSPACE:
        return SEARCHSPACE.get(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *SEARCHSPACE})
