"""Simulated annealing with PaddleSlim's rule (Kirkpatrick et al., Science 220, 1983)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...tokens import TokenTable
from .base import DEFAULT_REDUCE_RATE, Admits, Algorithm, Ordered, everywhere
from .choices import Choices
from .moves import outward


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


class PaddleSlimAnnealing(Algorithm):
    """PaddleSlim's annealing rule.

    After the n-th reward the temperature is ``init_temperature * reduce_rate ** n``; the rewarded tokens become the
    base if their reward is not below the base's, else with probability ``exp((reward - base) / temperature)``. The
    first reward always becomes the base. Proposals change one token of the base.

    Args:
        choices: Number of options of each token, or the token table.
        init_tokens: First proposal, and the base until a reward arrives.
        init_temperature: Temperature before the first reward, in units of the reward.
        reduce_rate: Factor of the temperature per reward.
        seed: Seed of all random choices.
        start: State that the search starts from, instead of ``init_tokens`` and no reward.
        start_number: Number of the first proposal that is learnt from.
    """

    def __init__(
        self,
        choices: Choices | TokenTable | Sequence[int],
        init_tokens: Sequence[int],
        *,
        init_temperature: float = 1.0,
        reduce_rate: float = DEFAULT_REDUCE_RATE,
        seed: int = 0,
        start: AnnealingState | None = None,
        start_number: int = 0,
    ) -> None:
        super().__init__(choices, init_tokens, seed=seed)
        self.init_temperature = init_temperature
        self.reduce_rate = reduce_rate
        self._results = Ordered(start_number)
        self._settled = start or AnnealingState(self.init_tokens, -math.inf, 0)

    def observe(self, number: int, tokens: Sequence[int], reward: float | None) -> None:
        """Learn the reward of proposal ``number``; None means that it could not be evaluated."""
        for result in self._results.add(number, tokens, reward):
            self._settled = self._fold(self._settled, *result)

    @property
    def base(self) -> list[int]:
        """Tokens that proposals are changed from."""
        return list(self._state().base)

    @property
    def temperature(self) -> float:
        """Temperature after the rewards so far."""
        return self._temperature(self._state().steps)

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``, most wanted first, until every one there is was yielded.

        First the base itself while nothing is rewarded, then random changes of one token, all changes of one token,
        random changes of more and more tokens, and in the end the whole space in a scrambled order.
        """
        state = self._state()
        if state.base_reward == -math.inf:
            yield list(state.base)
        yield from outward(state.base, self.range_table, self.random(number))

    def _state(self) -> AnnealingState:
        """The settled state, and on top of it rewards that overtook an open proposal."""
        state = self._settled
        for result in self._results.overtaking():
            state = self._fold(state, *result)
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
            if self.random(number, 1).random() > chance:
                return state
        return replace(state, base=tokens, base_reward=reward)

    def _temperature(self, steps: int) -> float:
        return self.init_temperature * self.reduce_rate**steps
