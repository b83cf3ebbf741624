"""Simulated annealing over token lists (Kirkpatrick et al., Science 220, 1983), with PaddleSlim's rule.

The algorithm knows only how many options each token has and which rewards came back. It proposes by yielding
token lists, most wanted first; whoever asks takes the first one that is new and allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

DEFAULT_REDUCE_RATE = 0.85
SINGLE_CHANGES = 64
CHANGES_PER_RADIUS = 200


@dataclass(frozen=True)
class AnnealingState:
    """Where the search stands after some rewards.

    Attributes:
        base: Tokens that proposals are changed from.
        base_reward: Their reward.
        steps: Number of rewards.
    """

    base: tuple[int, ...]
    base_reward: float
    steps: int


class Annealing:
    """PaddleSlim's annealing rule as a function of (seed, proposal number, rewards so far).

    After the n-th reward the temperature is ``init_temperature * reduce_rate ** n``; the rewarded tokens become the
    base if their reward is not below the base's, else with probability ``exp((reward - base) / temperature)``. The
    first reward always becomes the base. Proposals change one token of the base.

    Rewards count in the order of their proposal numbers, whenever they arrive, and randomness depends on the seed
    and the number alone; so a search that is replayed from its record goes on as if it had never stopped.

    Args:
        range_table: Number of options of each token.
        init_tokens: First proposal, and the base until a reward arrives.
        init_temperature: Temperature before the first reward, in units of the reward.
        reduce_rate: Factor of the temperature per reward.
        seed: Seed of all random choices.
        start: State that the search starts from, instead of ``init_tokens`` and no reward.
        start_number: Number of the first proposal that is learnt from.
    """

    def __init__(
        self,
        range_table: Sequence[int],
        init_tokens: Sequence[int],
        *,
        init_temperature: float = 1.0,
        reduce_rate: float = DEFAULT_REDUCE_RATE,
        seed: int = 0,
        start: AnnealingState | None = None,
        start_number: int = 0,
    ) -> None:
        self.range_table = list(range_table)
        self.init_temperature = init_temperature
        self.reduce_rate = reduce_rate
        self.seed = seed
        self._results: dict[int, tuple[tuple[int, ...], float | None]] = {}
        self._settled = start or AnnealingState(tuple(init_tokens), -math.inf, 0)
        self._next = start_number

    def observe(self, number: int, tokens: Sequence[int], reward: float | None) -> None:
        """Learn the reward of proposal ``number``; None means that it could not be evaluated."""
        if number < self._next:
            return  # the state that the search started from has learnt it
        self._results[number] = (tuple(tokens), reward)
        while self._next in self._results:
            self._settled = self._fold(self._settled, self._next, *self._results.pop(self._next))
            self._next += 1

    @property
    def base(self) -> list[int]:
        """Tokens that proposals are changed from."""
        return list(self._state().base)

    @property
    def temperature(self) -> float:
        """Temperature after the rewards so far."""
        return self._temperature(self._state().steps)

    def propose(self, number: int) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``, most wanted first, until every one there is was yielded.

        First the base itself while nothing is rewarded, then random changes of one token, all changes of one token,
        random changes of more and more tokens, and in the end the whole space in a scrambled order.
        """
        rng = np.random.default_rng((self.seed, number))
        state = self._state()
        base = list(state.base)
        if state.base_reward == -math.inf:
            yield base
        if not base:
            return
        yield from self._single_changes(base, rng)
        yield from self._neighbours(base, rng)
        for radius in range(2, len(base) + 1):
            yield from self._changes(base, radius, rng)
        yield from self._everything(rng)

    def _state(self) -> AnnealingState:
        """The settled state, and on top of it rewards that overtook an open proposal."""
        state = self._settled
        for number in sorted(self._results):
            state = self._fold(state, number, *self._results[number])
        return state

    def _fold(
        self, state: AnnealingState, number: int, tokens: tuple[int, ...], reward: float | None
    ) -> AnnealingState:
        if reward is None:
            return state
        state = replace(state, steps=state.steps + 1)
        if reward < state.base_reward:
            temperature = self._temperature(state.steps)
            chance = math.exp((reward - state.base_reward) / temperature) if temperature > 0 else 0.0
            if np.random.default_rng((self.seed, number, 1)).random() > chance:
                return state
        return replace(state, base=tokens, base_reward=reward)

    def _temperature(self, steps: int) -> float:
        return self.init_temperature * self.reduce_rate**steps

    def _single_changes(self, base: list[int], rng: np.random.Generator) -> Iterator[list[int]]:
        """PaddleSlim's proposals: a position drawn uniformly, then a value drawn uniformly."""
        positions = rng.integers(len(base), size=SINGLE_CHANGES).tolist()
        for position, share in zip(positions, rng.random(SINGLE_CHANGES).tolist(), strict=True):
            yield [*base[:position], int(share * self.range_table[position]), *base[position + 1 :]]

    def _changes(self, base: list[int], radius: int, rng: np.random.Generator) -> Iterator[list[int]]:
        """Random values at ``radius`` random positions, drawn for all proposals at once."""
        positions = rng.random((CHANGES_PER_RADIUS, len(base))).argsort(axis=1)[:, :radius]
        values = (rng.random(positions.shape) * np.asarray(self.range_table)[positions]).astype(int)
        proposals = np.tile(base, (CHANGES_PER_RADIUS, 1))
        np.put_along_axis(proposals, positions, values, axis=1)
        yield from proposals.tolist()

    def _neighbours(self, base: list[int], rng: np.random.Generator) -> Iterator[list[int]]:
        changes = [(i, v) for i, options in enumerate(self.range_table) for v in range(options) if v != base[i]]
        for index in rng.permutation(len(changes)):
            position, value = changes[index]
            yield [*base[:position], value, *base[position + 1 :]]

    def _everything(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """Every token list once, in an order that needs no memory: i -> (start + i * step) mod size."""
        size = math.prod(self.range_table)
        start = int(rng.integers(min(size, 2**62)))
        step = int(rng.integers(min(size, 2**62))) | 1
        while math.gcd(step, size) != 1:
            step += 2
        for i in range(size):
            yield self._unrank((start + i * step) % size)

    def _unrank(self, rank: int) -> list[int]:
        tokens = []
        for options in reversed(self.range_table):
            rank, token = divmod(rank, options)
            tokens.append(token)
        return tokens[::-1]
