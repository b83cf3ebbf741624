"""Local search: the first better neighbour becomes the base (White et al., arXiv:2005.02960)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...tokens import TokenTable
from .base import Admits, Algorithm, Ordered, everywhere
from .choices import Choices
from .moves import everything, neighbours, random_lists


@dataclass(frozen=True)
class _State:
    base: tuple[int, ...]
    reward: float = -math.inf


class LocalSearch(Algorithm):
    """Hill climbing over single tokens that takes the first improvement, from random networks when none is left.

    Args:
        choices: Number of options of each token, or the token table.
        init_tokens: First proposal and first base.
        seed: Seed of all random choices.
    """

    def __init__(
        self, choices: Choices | TokenTable | Sequence[int], init_tokens: Sequence[int], *, seed: int = 0
    ) -> None:
        super().__init__(choices, init_tokens, seed=seed)
        self._results = Ordered()
        self._settled = _State(self.init_tokens)

    def observe(self, number: int, tokens: Sequence[int], reward: float | None) -> None:
        """Learn the reward of proposal ``number``; None means that it could not be evaluated."""
        for result in self._results.add(number, tokens, reward):
            self._settled = _fold(self._settled, *result)

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``: neighbours of the base, then starts elsewhere."""
        state = self._settled
        for result in self._results.overtaking():
            state = _fold(state, *result)
        rng = self.random(number)
        if state.reward == -math.inf:
            yield list(state.base)
        yield from neighbours(state.base, self.range_table, rng)
        yield from random_lists(self.range_table, rng, 1000)
        yield from everything(self.range_table, rng)


def _fold(state: _State, number: int, tokens: tuple[int, ...], reward: float | None) -> _State:
    if reward is None:
        return state
    changed = sum(a != b for a, b in zip(tokens, state.base, strict=True))
    if reward > state.reward or changed > 1:  # farther away is a new start
        return replace(state, base=tokens, reward=reward)
    return state
