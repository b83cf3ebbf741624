"""Regularized evolution (Real et al., arXiv:1802.01548, section 3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from ...tokens import TokenTable
from .base import Admits, Algorithm, Ordered, everywhere
from .choices import Choices
from .moves import outward, random_lists


class RegularizedEvolution(Algorithm):
    """Tournaments among the youngest networks, whose winner is changed in one token.

    Args:
        choices: Number of options of each token, or the token table.
        init_tokens: First proposal.
        population: Number of networks that are alive; the oldest dies.
        sample: Number of networks in a tournament.
        seed: Seed of all random choices.
    """

    def __init__(
        self,
        choices: Choices | TokenTable | Sequence[int],
        init_tokens: Sequence[int],
        *,
        population: int = 30,
        sample: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(choices, init_tokens, seed=seed)
        self._sample = sample
        self._size = population
        self._results = Ordered()
        self._population: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=population)

    def observe(self, number: int, tokens: Sequence[int], reward: float | None) -> None:
        """Learn the reward of proposal ``number``; None means that it could not be evaluated."""
        for _, settled, value in self._results.add(number, tokens, reward):
            if value is not None:
                self._population.append((value, settled))

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``: random ones at first, then changes of a tournament's winner."""
        alive = list(self._population)
        alive += [(value, tokens) for _, tokens, value in self._results.overtaking() if value is not None]
        alive = alive[-self._size :]
        rng = self.random(number)
        if number == 0 or not alive:
            yield list(self.init_tokens)
        if len(alive) < self._size:
            yield from random_lists(self.range_table, rng, 100)
        if alive:
            drawn = rng.choice(len(alive), min(self._sample, len(alive)), replace=False)
            winner = max((alive[i] for i in drawn), key=lambda one: one[0])[1]
        else:
            winner = self.init_tokens
        yield from outward(winner, self.range_table, rng)
