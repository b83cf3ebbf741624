"""Feature maps from inside a network, for detection and segmentation heads."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .errors import ConfigError


class Taps:
    """Feature maps collected by stage number, for heads that need more than the last one.

    Args:
        return_block: Numbers of the stages to collect: an int, several, or None.
        end_points: Numbers of the stages after which the network ends.
        overwrite: Keep the last map that passes while a stage is the latest one, as PaddleSlim 2.6 does, instead
            of the one at its end; and hand them out only at an end point.
    """

    def __init__(self, return_block: Any = None, end_points: Any = None, *, overwrite: bool = False) -> None:
        self.found: dict[int, Any] = {}
        self._points = as_points(return_block)
        self._ends = as_points(end_points)
        self._overwrite = overwrite

    @property
    def wanted(self) -> bool:
        """Whether taps are part of the result although the network ran to its end."""
        return bool(self._points) and not self._overwrite

    def record(self, stage: int, feature: Any) -> None:
        """Keep ``feature`` if ``stage`` was asked for."""
        if stage in self._points and (self._overwrite or stage not in self.found):
            self.found[stage] = feature

    def ends_at(self, stage: int) -> bool:
        """Whether the network ends after ``stage``."""
        return stage in self._ends

    def result(self, feature: Any) -> Any:
        """What a whole network returns: the feature, and the taps if they were asked for."""
        return (feature, self.found) if self.wanted else feature


def as_points(points: Any) -> frozenset[int]:
    """Stage numbers given as an int, as a collection of ints or as None."""
    if points is None:
        return frozenset()
    given = points if isinstance(points, list | tuple | set | frozenset | np.ndarray) else [points]
    try:
        return frozenset(operator.index(point) for point in given)
    except TypeError:
        raise ConfigError(f"stages = {points!r}: expected an integer or a list of integers") from None
