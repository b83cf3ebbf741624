"""Tables of evaluated networks as search spaces: search experiments in seconds instead of GPU days.

A table holds, for each token list of a small space, what other people measured: accuracy, FLOPs, latency. It takes
the place of the configs in :func:`sanas_spaces.search`, which then runs as it does on real networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .combine import CombinedSpace
from .errors import ConfigError, TokenError, did_you_mean
from .tokens import TokenTable

MOST_COLUMNS = 1000
FEATURES = ("flops", "macs", "params", "depth")


@dataclass(frozen=True)
class TableCost:
    """The numbers of one row."""

    values: Mapping[str, float]

    def metrics(self) -> dict[str, float]:
        """The figures a constraint can name."""
        return dict(self.values)


class TableArch:
    """One row of a table, in the place of an architecture; it cannot be built."""

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self.row = row
        self.tokens: list[int] = table.tokens[row].tolist()

    @property
    def network(self) -> TableArch:
        """Itself."""
        return self

    @property
    def choices(self) -> dict[str, Any]:
        """What the tokens pick, by label."""
        return {field.label: field.options[t] for field, t in zip(self._table.table.fields, self.tokens, strict=True)}

    def cost(self, input_shape: Any = None) -> TableCost:
        """All columns of the row."""
        return TableCost({name: float(column[self.row]) for name, column in self._table.columns.items()})

    def hash(self, input_shape: Any = None) -> str:
        """What tells networks apart: the key of the row."""
        return str(self._table.keys[self.row])


class Table:
    """A tabular search space.

    Args:
        tokens: One token list per row, [n, tokens]; no two are equal.
        range_table: Number of options of each token, [tokens].
        columns: What was measured, by name, [n] each.
        name: Name for people and records.
        keys: For each row, what its network is known by; rows of equal networks have equal keys. By default all differ.
        choices: Labels, options and order of the tokens; by default unordered numbers.

    Raises:
        ConfigError: The arrays do not fit together.
    """

    def __init__(
        self,
        tokens: Any,
        range_table: Sequence[int],
        columns: Mapping[str, Any],
        *,
        name: str = "table",
        keys: Sequence[Any] | None = None,
        choices: TokenTable | None = None,
    ) -> None:
        self.tokens: NDArray[np.int64] = np.asarray(tokens, dtype=np.int64)
        self.name = name
        self.table = TokenTable.from_range_table(range_table) if choices is None else choices
        self.columns = {label: np.asarray(values, dtype=float) for label, values in columns.items()}
        self.keys = np.arange(len(self.tokens)) if keys is None else np.asarray(keys)
        if self.tokens.ndim != 2 or self.tokens.shape[1] != len(self.table):
            raise ConfigError(f"tokens of shape {self.tokens.shape}: expected [n, {len(self.table)}]")
        if (self.tokens < 0).any() or (self.tokens >= np.array(self.table.range_table)).any():
            raise ConfigError(f"tokens of {name} outside the range table {self.table.range_table}")
        for label, column in (*self.columns.items(), ("keys", self.keys)):
            if column.shape != (len(self.tokens),):
                raise ConfigError(f"column {label!r} of shape {column.shape}: expected [{len(self.tokens)}]")
        self._rows = {tuple(one): row for row, one in enumerate(self.tokens.tolist())}
        if len(self._rows) != len(self.tokens):
            raise ConfigError(f"{len(self.tokens) - len(self._rows)} token lists of {name} are there twice")

    @classmethod
    def load(cls, path: str | Path) -> Table:
        """Read an ``.npz`` file with ``tokens`` [n, tokens], ``range_table`` and columns [n]; nothing is unpickled.

        Raises:
            ConfigError: The file is no such table.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files[:MOST_COLUMNS]}
            tokens, range_table = arrays.pop("tokens"), arrays.pop("range_table").tolist()
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{path}: expected an .npz file with tokens and range_table ({error})") from error
        keys = arrays.pop("keys", None)
        columns = {
            key: array for key, array in arrays.items() if array.shape == (len(tokens),) and array.dtype.kind in "fiu"
        }
        return cls(tokens, range_table, columns, name=path.stem, keys=keys)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def names(self) -> list[str]:
        """Its name, as the one space of a config."""
        return [self.name]

    @property
    def configs(self) -> list[tuple[str, dict[str, Any]]]:
        """What a record says of it."""
        return [(self.name, {"rows": len(self)})]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the columns, which a constraint can name."""
        return tuple(self.columns)

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that are known of a network without an evaluation, from which a search may learn."""
        return tuple(name for name in FEATURES if name in self.columns)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """There are no images."""
        return (0, 0, 0)

    @property
    def starts_random(self) -> bool:
        """The initial tokens are drawn at random."""
        return True

    def range_table(self) -> list[int]:
        """Number of options of each token."""
        return self.table.range_table

    def init_tokens(self, tokens: Sequence[int] | None = None, *, rng: np.random.Generator | None = None) -> list[int]:
        """Tokens of a random row, or ``tokens`` after a check."""
        if tokens is not None:
            return self.table.check(tokens)
        drawn: list[int] = self.tokens[int((rng or np.random.default_rng()).integers(len(self)))].tolist()
        return drawn

    def holds(self, tokens: Sequence[int]) -> bool:
        """Whether there is a row of these tokens."""
        return tuple(tokens) in self._rows

    def row(self, tokens: Sequence[int]) -> int:
        """Number of the row of ``tokens``.

        Raises:
            TokenError: There is none.
        """
        key = tuple(self.table.check(tokens))
        if key not in self._rows:
            raise TokenError(f"tokens {list(key)} are not in {self.name}")
        return self._rows[key]

    def token2arch(self, tokens: Sequence[int]) -> Any:
        """The row of ``tokens`` in the place of an architecture.

        Raises:
            TokenError: There is none.
        """
        return TableArch(self, self.row(tokens))

    def column(self, name: str) -> NDArray[np.float64]:
        """Values of one column [n].

        Raises:
            ConfigError: There is none of that name.
        """
        if name not in self.columns:
            raise ConfigError(f"column {name!r} of {self.name}: {did_you_mean(name, list(self.columns))}")
        return self.columns[name]

    def evaluator(self, *names: str) -> Callable[[Any], Any]:
        """A function of a candidate that returns its value in a column, or a dict of several columns."""
        columns = {name: self.column(name) for name in names}

        def evaluate(candidate: Any) -> Any:
            row = self._rows[tuple(candidate.tokens)]
            values = {name: float(column[row]) for name, column in columns.items()}
            return values if len(names) > 1 else values[names[0]]

        return evaluate


Space = CombinedSpace | Table
"""What a search can run on."""
