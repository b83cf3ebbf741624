"""RLNAS with default arguments against random search: ``python benchmarks/rl_nas.py TABLE.npz``.

The table holds a whole search space: ``tokens`` [N, L], ``range_table`` [L] and a column [N] of accuracies. Both
searches look up the same number of architectures; the random one never looks up the same twice.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from sanas_spaces import SEARCHSPACE, SearchSpaceBase
from sanas_spaces.nas.rl_nas import RLNAS

COLUMNS = ("acc_mean", "valid", "accuracy")
LAST = 50


class Table:
    """Accuracies by token list."""

    def __init__(self, path: Path, column: str | None) -> None:
        with np.load(path, allow_pickle=False) as file:
            names = [name for name in ([column] if column else COLUMNS) if name in file.files]
            if not names:
                raise SystemExit(
                    f"{path} has no column {column or ' or '.join(COLUMNS)}; it has {', '.join(file.files)}"
                )
            self.column = names[0]
            self.range_table = [int(count) for count in file["range_table"]]
            self.accuracies = np.asarray(file[self.column], dtype=float)
            self._rows = {tuple(tokens): row for row, tokens in enumerate(file["tokens"].tolist())}

    def __getitem__(self, tokens: list[int]) -> float:
        return float(self.accuracies[self._rows[tuple(tokens)]])


def register(table: Table) -> str:
    """Register a space with the tokens of ``table``, whose architectures are never built, and return its name."""

    @SEARCHSPACE.register
    class TableSpace(SearchSpaceBase):
        def init_tokens(self) -> list[int]:
            return [0] * len(table.range_table)

        def range_table(self) -> list[int]:
            return table.range_table

        def token2arch(self, tokens: Any = None) -> Any:
            return lambda x: x

    return TableSpace.__name__


def random_search(table: Table, evaluations: int, seed: int) -> list[float]:
    """Best accuracy and mean of the last ones."""
    drawn = np.random.default_rng(seed).choice(table.accuracies, evaluations, replace=False)
    return [drawn.max(), drawn[-LAST:].mean()]


def rl_nas(table: Table, space: str, evaluations: int, batch: int, seed: int) -> list[float]:
    """Best accuracy, mean of the last ones, accuracy of the final architecture, lists evaluated more than once."""
    search = RLNAS("lstm", [space], seed=seed)
    found: list[float] = []
    lists = set()
    while len(found) < evaluations:
        search.next_archs(min(batch, evaluations - len(found)))
        rewards = [table[tokens] for tokens in search.tokens or []]
        lists |= {tuple(tokens) for tokens in search.tokens or []}
        search.reward(rewards)
        found += rewards
    search.final_archs(1)
    final = table[(search.tokens or [])[0]]
    return [max(found), float(np.mean(found[-LAST:])), final, len(found) - len(lists)]


def error_of_mean(values: Any) -> float:
    """Standard error of the mean of ``values``."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def main() -> None:
    """Run both searches with each seed and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="an .npz file")
    parser.add_argument("--column", help=f"accuracies; by default the first there is of {', '.join(COLUMNS)}")
    parser.add_argument("--evaluations", type=int, default=300, help="architectures that a search looks up")
    parser.add_argument("--seeds", type=int, default=20, help="number of searches of each kind, at least 2")
    parser.add_argument("--batch", type=int, default=1, help="candidates per update of the controller")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("--seeds has to be at least 2, for a standard error")
    table = Table(options.table, options.column)
    if not 1 <= options.evaluations <= len(table.accuracies):
        parser.error(f"--evaluations has to be between 1 and {len(table.accuracies)}, the size of the table")
    space = register(table)
    chance = np.array([random_search(table, options.evaluations, 10_000 + seed) for seed in range(options.seeds)])
    start = time.perf_counter()
    learned = np.array(
        [rl_nas(table, space, options.evaluations, options.batch, seed) for seed in range(options.seeds)]
    )
    taken = (time.perf_counter() - start) / (options.seeds * options.evaluations)
    gap = learned[:, 0] - chance[:, 0]
    print(
        f"{options.table.name}, {table.column}: {len(table.accuracies)} architectures, the best "
        f"{table.accuracies.max():.3f}; {options.evaluations} evaluations, {options.seeds} seeds"
    )
    print(f"{'':<32}{'random search':>17}{'RLNAS':>17}")
    for label, values in (
        ("mean best accuracy", (chance[:, 0], learned[:, 0])),
        (f"mean of the last {LAST}", (chance[:, 1], learned[:, 1])),
    ):
        print(f"{label:<32}" + "".join(f"{np.mean(v):>9.3f} ± {error_of_mean(v):.3f}" for v in values))
    print(f"{'final_archs(1)':<32}{'':>17}{np.mean(learned[:, 2]):>9.3f} ± {error_of_mean(learned[:, 2]):.3f}")
    print(f"{'evaluations of known lists':<32}{0:>17.1f}{np.mean(learned[:, 3]):>17.1f}")
    print(f"best, RLNAS less random search: {np.mean(gap):+.3f} ± {error_of_mean(gap):.3f} (standard error)")
    print(f"one next_archs() and reward() of RLNAS: {1e3 * taken * options.batch:.1f} ms")


if __name__ == "__main__":
    main()
