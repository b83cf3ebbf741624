"""Random search, which every other algorithm has to beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .base import Admits, Algorithm, everywhere
from .moves import everything, random_lists


class RandomSearch(Algorithm):
    """Token lists drawn uniformly, after the initial one."""

    takes_several = True

    def observe(self, number: int, tokens: Sequence[int], reward: Any) -> None:
        """Nothing is learnt."""

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield the initial tokens, then random ones, in the end every one there is."""
        rng = self.random(number)
        if number == 0:
            yield list(self.init_tokens)
        yield from random_lists(self.range_table, rng, 1000)
        yield from everything(self.range_table, rng)
