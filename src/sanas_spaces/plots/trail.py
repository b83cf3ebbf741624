"""A search as plots see it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..cost import METRICS
from ..errors import ConfigError, did_you_mean
from ..searching import SearchResult
from ..tokens import TokenTable

Row = Mapping[str, Any]
COSTS = ("flops", "params", "peak_activation_bytes", "depth")
"""Figures of the cost that are shown; the others say much the same."""
PLAIN = ("number", "state", "reward", "best", "hash", "tokens", "reason", "scores", "estimate", "owner", *METRICS)
BYTES = ("peak_activation_bytes", "activation_bytes")
REWARD = "reward"
_WORDS = {
    "flops": "FLOPs",
    "params": "parameters",
    "peak_activation_bytes": "memory for activations",
    "activation_bytes": "memory for training",
    "latency_ms": "latency (ms)",
}


@dataclass(frozen=True)
class Trail:
    """The candidates of a search, the choices behind their tokens and what was to be improved.

    Attributes:
        rows: One row per candidate, as ``SearchResult.history`` has them.
        table: The choices.
        goals: ``"max"`` or ``"min"`` by name; one unnamed reward is called ``"reward"``.
        reward: What the unnamed reward is, for axes: ``"validation accuracy"``.
    """

    rows: list[dict[str, Any]]
    table: TokenTable
    goals: dict[str, str]
    reward: str = REWARD

    @classmethod
    def of(cls, result: SearchResult | Trail, reward: str | None = None) -> Trail:
        """The trail of a search."""
        if isinstance(result, Trail):
            return result
        named = result.objectives.goals
        return cls(result.history, result.space.table, dict(named or {REWARD: "max"}), reward or REWARD)

    @property
    def several(self) -> bool:
        """Whether there is more than one goal."""
        return len(self.goals) > 1

    @property
    def main(self) -> str:
        """The goal that costs are set against: the first one to be large, or else the first one."""
        return next((name for name, direction in self.goals.items() if direction == "max"), next(iter(self.goals)))

    @property
    def evaluated(self) -> list[dict[str, Any]]:
        """The rows of the candidates with a result."""
        return [row for row in self.rows if row["state"] == "complete" and self.value(row, self.main) is not None]

    @cached_property
    def costs(self) -> list[str]:
        """Names of what the candidates cost, measured figures and further goals included."""
        found = [name for name in COSTS if any(isinstance(row.get(name), int | float) for row in self.rows)]
        for row in self.rows:
            for name, value in row.items():
                if name not in PLAIN and name != self.main and name not in found and _is_number(value):
                    found.append(name)
        return found

    def value(self, row: Row, name: str) -> float | None:
        """A goal or a cost of a candidate, None if it has none."""
        found = row.get(REWARD) if name == next(iter(self.goals)) and not self.several else row.get(name)
        return float(found) if isinstance(found, int | float) and _is_number(found) else None

    def sign(self, name: str) -> float:
        """1 if a goal or a cost is to be large, -1 if it is to be small."""
        return 1.0 if self.goals.get(name) == "max" else -1.0

    def label(self, name: str) -> str:
        """What axes call a goal or a cost."""
        if name == REWARD:
            return self.reward
        return _WORDS.get(name, name.replace("_", " "))

    def known(self, name: str) -> str:
        """The name of a goal or a cost, after a check.

        Raises:
            ConfigError: There is none of that name.
        """
        names = [*self.goals, *self.costs]
        if name not in names and not any(_is_number(row.get(name)) for row in self.rows):
            raise ConfigError(f"{name!r} is no goal and no cost of this search: {did_you_mean(name, names)}")
        return name


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
