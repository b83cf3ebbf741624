"""What each part of the default of ``search()`` is good for: searches without it, or with another in its place.

    python benchmarks/search_ablation.py TABLE.npz [TABLE.npz ...] --value COLUMN [COLUMN ...] --output FOLDER

Prints what ``search_quality.py`` prints. The seeds begin at 1,000, so that they are none of those that the algorithms
are compared over. What was run is kept in FOLDER/runs and not run again.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search_quality import Run, Task, common_options, compared, run_ours  # isort: skip - sets threads for NumPy

import numpy as np

from sanas_spaces.searching import ModelSearch
from sanas_spaces.searching.algorithms.kernel import TokenKernel
from sanas_spaces.searching.algorithms.scales import power_scores, shrunk_losses

FIRST_SEED = 1000


class NoTrends(TokenKernel):
    """Distances only."""

    def trend_table(self) -> Any:
        return super().trend_table()[:, :0]


class CostTrends(TokenKernel):
    """Trends in log FLOPs, log parameters and depth."""

    def trend_table(self) -> Any:
        return self.effects.T / math.sqrt(max(1, len(self.effects)))


class AllTrends(CostTrends):
    """Those and the trends of options."""

    def trend_table(self) -> Any:
        return np.concatenate([TokenKernel.trend_table(self), super().trend_table()], axis=1) / math.sqrt(2)


def variant(**settings: Any) -> type[ModelSearch]:
    """The model with other settings."""
    return type("Variant", (ModelSearch,), settings)


VARIANTS: dict[str, type[ModelSearch]] = {
    "as it is": ModelSearch,
    "no models of few results": variant(stuck=math.inf),
    "scales and boldness take turns from the beginning": variant(stalled=0.0),
    "one scale, always greedy": variant(stalled=math.inf, stuck=math.inf),
    "one scale, the power transform, always greedy": variant(scales=(power_scores,), stalled=math.inf, stuck=math.inf),
    "one scale, deviations count in full": variant(
        scales=(shrunk_losses,), boldness=(1.0,), stalled=math.inf, stuck=math.inf
    ),
    "no trends": variant(kernel_type=NoTrends),
    "trends in the costs in place of those of options": variant(kernel_type=CostTrends),
    "trends in both": variant(kernel_type=AllTrends),
    "four networks at first": variant(warm_up=4),
    "ten networks at first": variant(warm_up=10),
}


def run(name: str, task: Task, seed: int) -> Run:
    """One run of a variant."""
    return run_ours(VARIANTS[name], task, FIRST_SEED + seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the variants and print a table for each table."""
    options = common_options(__doc__, Path("runs/search-ablation")).parse_args(arguments)
    compared(options, lambda task: list(VARIANTS), run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
