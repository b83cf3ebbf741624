"""What token lists pick, and sums over it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

NEAR = 1 / 16
"""Share of the tokens that two near lists may differ in."""


class Picked:
    """What token lists pick, as zeros and ones [n, options of all tokens], to be multiplied with tables.

    Of a list that is near one of a few others, only what it changes of that one is looked at.

    Args:
        tokens: Token lists [n, tokens].
        range_table: Number of options of each token.
        around: Token lists [k, tokens] that others may be near to.
    """

    def __init__(self, tokens: Tokens, range_table: Sequence[int], around: Tokens | None = None) -> None:
        ends = np.cumsum(range_table)
        self._width = int(ends[-1])
        self._starts = ends - np.asarray(range_table)
        self._columns = tokens + self._starts
        self._near = np.zeros(0, np.int64)
        most = int(NEAR * tokens.shape[1])
        if most and around is not None and len(around):
            self._find_near(around + self._starts, most)

    @property
    def tokens(self) -> int:
        """How many options each list picks."""
        return int(self._columns.shape[1])

    @cached_property
    def ones(self) -> Array:
        """All of them."""
        return self._one_hot(self._columns)

    def __matmul__(self, table: Array) -> Array:
        """The sum, for each list, of the rows of a table [options of all tokens, m] that it picks."""
        if not len(self._near):
            return self.ones @ table
        found = np.empty((len(self._columns), table.shape[1]))
        found[self._far], bases = np.split(self._starting @ table, [len(self._far)])
        found[self._near] = bases[self._base]
        for lists, added, removed in self._changes:
            found[lists] += table[added] - table[removed]
        return found

    def _find_near(self, bases: Tokens, most: int) -> None:
        """See which lists differ in ``most`` tokens from one of the ``bases``, and where: the first, the second, ..."""
        apart = (self._columns[:, None] != bases[None]).sum(axis=2)
        is_near = apart.min(axis=1) <= most
        self._far, self._near = np.flatnonzero(~is_near), np.flatnonzero(is_near)
        self._base = apart[self._near].argmin(axis=1)
        self._starting = self._one_hot(np.concatenate([self._columns[self._far], bases]))
        lists, tokens = np.nonzero(self._columns[self._near] != bases[self._base])
        rank = np.arange(len(lists)) - np.searchsorted(lists, lists)
        self._changes = []
        for number in range(int(rank.max(initial=-1)) + 1):
            these, where = lists[rank == number], tokens[rank == number]
            found = self._near[these]
            self._changes.append((found, self._columns[found, where], bases[self._base[these], where]))

    def _one_hot(self, columns: Tokens) -> Array:
        found = np.zeros((len(columns), self._width))
        found[np.arange(len(columns))[:, None], columns] = 1.0
        return found
