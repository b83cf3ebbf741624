"""Bounds on what a network may cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..cost import METRICS, Cost
from ..errors import ConstraintError, did_you_mean


class Constraints:
    """Upper bounds, or (low, high) bounds, on metrics of :class:`~sanas_spaces.cost.Cost`; bounds are included.

    Args:
        bounds: ``{"flops": 50e6, "params": (1e5, 1e6)}``.
        metrics: Names that a bound can have.

    Raises:
        ConstraintError: An unknown metric, or bounds that no number can meet.
    """

    def __init__(self, bounds: Mapping[str, Any] | None = None, metrics: Sequence[str] = METRICS) -> None:
        self.bounds = {name: _bound(name, value, metrics) for name, value in (bounds or {}).items()}

    def __bool__(self) -> bool:
        return bool(self.bounds)

    def violation(self, cost: Cost) -> float:
        """How far ``cost`` is outside: the sum of relative excesses, 0 if it is inside."""
        total = 0.0
        values = cost.metrics()
        for name, (low, high) in self.bounds.items():
            value = values[name]
            if value > high:
                total += (value - high) / max(high, 1.0)
            elif value < low:
                total += (low - value) / max(low, 1.0)
        return total

    def describe(self) -> str:
        """The bounds in words."""
        return ", ".join(
            f"{name} <= {high:,.0f}" if low == -math.inf else f"{low:,.0f} <= {name} <= {high:,.0f}"
            for name, (low, high) in self.bounds.items()
        )

    def as_json(self) -> dict[str, list[float | None]]:
        """Bounds for a record: ``{"flops": [None, 5e7]}``."""
        return {
            name: [None if math.isinf(bound) else bound for bound in bounds] for name, bounds in self.bounds.items()
        }


def _bound(name: str, value: Any, metrics: Sequence[str]) -> tuple[float, float]:
    if name not in metrics:
        raise ConstraintError(f"constraint on unknown metric {name!r}; {did_you_mean(name, metrics)}")
    pair = tuple(value) if isinstance(value, tuple | list) else (None, value)
    if len(pair) != 2:
        raise ConstraintError(f"constraint {name!r} = {value!r}: expected an upper bound or (low, high)")
    low = -math.inf if pair[0] is None else _number(name, value, pair[0])
    high = math.inf if pair[1] is None else _number(name, value, pair[1])
    if low > high or high < 0:
        raise ConstraintError(f"constraint {name!r} = {value!r}: no network can be within these bounds")
    return low, high


def _number(name: str, value: Any, bound: Any) -> float:
    try:
        number = math.nan if isinstance(bound, bool | str) else float(bound)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise ConstraintError(f"constraint {name!r} = {value!r}: expected a number, or (low, high)")
    return number
