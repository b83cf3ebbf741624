"""Simulated annealing that measures its temperature in the spread of the rewards and starts again when it is stuck."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from ...tokens import TokenTable
from .base import DEFAULT_REDUCE_RATE, Admits, Algorithm, Ordered, everywhere
from .choices import Choices
from .model_search import ModelSearch
from .moves import changes, outward, random_lists, single_changes

INIT_TEMPERATURE = 0.1
REHEATED = 0.06
"""Temperature after a restart, in the same unit; much less than that is a hill climb."""
WARM_UP = 6
"""Candidates, the initial tokens and random ones, that tell the spread of the rewards and where to begin."""
PATIENCE = 2
"""Rewards without an improvement, in numbers of tokens, after which the search starts again."""
STUCK = 0.5
"""The same, after which every second candidate is looked for in the whole space."""
ELITE = 5
"""Restarts go to one of so many best networks."""
DOUBLE_CHANGES = 32
"""Changes of two tokens of the base that the model looks at beside those of one."""
SPREAD_OF = 128
"""At most so many of the better half of the rewards give the spread."""


@dataclass
class _State:
    base: tuple[int, ...]
    base_reward: float = -math.inf
    temperature: float = 0.0
    waited: int = 0
    rewards: list[float] = field(default_factory=list)
    elite: list[tuple[float, int, tuple[int, ...]]] = field(default_factory=list)


class Annealing(Algorithm):
    """Simulated annealing whose temperature is a share of the spread of the rewards, with restarts.

    The spread is the standard deviation of the better half of the rewards, so that neither the unit of the reward
    nor a few networks that do not learn matter. The search begins with ``init_tokens`` and a few random networks and
    goes on from the best of them; each further reward is accepted as the base with probability
    ``exp((reward - base) / (temperature * spread))``. Of the changes of the base that come into question a model of all
    rewards (:class:`ModelSearch`) tells which is most worth its evaluation. After half as many rewards as there are
    tokens without a better base, every second candidate is the model's choice from the whole space; after twice as many
    the search starts again from one of the best networks, a little reheated.

    Args:
        choices: Number of options of each token, or the token table.
        init_tokens: First proposal.
        init_temperature: First temperature, in units of the spread.
        reduce_rate: Factor of the temperature per reward.
        seed: Seed of all random choices.
    """

    def __init__(
        self,
        choices: Choices | TokenTable | Sequence[int],
        init_tokens: Sequence[int],
        *,
        init_temperature: float = INIT_TEMPERATURE,
        reduce_rate: float = DEFAULT_REDUCE_RATE,
        seed: int = 0,
    ) -> None:
        super().__init__(choices, init_tokens, seed=seed)
        self.init_temperature = init_temperature
        self.reduce_rate = reduce_rate
        self._results = Ordered()
        self._model = ModelSearch(self.choices, self.init_tokens, seed=seed)
        self._settled = _State(self.init_tokens, temperature=init_temperature)

    def issue(self, number: int, tokens: Sequence[int]) -> None:
        """Learn that proposal ``number`` was handed out."""
        self._model.issue(number, tokens)

    def observe(self, number: int, tokens: Sequence[int], reward: float | None) -> None:
        """Learn the reward of proposal ``number``; None means that it could not be evaluated."""
        self._model.observe(number, tokens, reward)
        for result in self._results.add(number, tokens, reward):
            self._fold(self._settled, *result)

    @property
    def base(self) -> list[int]:
        """Tokens that proposals are changed from."""
        return list(self._state().base)

    @property
    def temperature(self) -> float:
        """Temperature in units of the spread."""
        return self._state().temperature

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``: the initial tokens, random ones, then changes of the base."""
        state = self._state()
        rng = self.random(number)
        if number == 0 or not state.rewards:
            yield list(self.init_tokens)
        if len(state.rewards) < WARM_UP:
            yield from random_lists(self.range_table, rng, WARM_UP)
        elif len(state.base) > 1:
            nearby = [*single_changes(state.base, self.range_table, rng)]
            nearby += changes(state.base, self.range_table, 2, DOUBLE_CHANGES, rng)
            if state.waited >= STUCK * len(state.base) and state.waited % 2:
                yield from self._model.propose(number, admits)
            yield from self._model.rank(number, nearby)
        yield from outward(state.base, self.range_table, rng)

    def _state(self) -> _State:
        """The settled state, and on top of it rewards that overtook an open proposal."""
        overtaking = list(self._results.overtaking())
        if not overtaking:
            return self._settled
        state = deepcopy(self._settled)
        for result in overtaking:
            self._fold(state, *result)
        return state

    def _fold(self, state: _State, number: int, tokens: tuple[int, ...], reward: float | None) -> None:
        if reward is None:
            return
        bisect.insort(state.rewards, reward)
        state.elite = sorted([*state.elite, (-reward, number, tokens)])[:ELITE]
        if len(state.rewards) <= WARM_UP:
            state.base_reward, _, state.base = -state.elite[0][0], number, state.elite[0][2]
            return
        state.temperature *= self.reduce_rate
        rng = self.random(number, 1)
        improves = reward > state.base_reward
        if reward >= state.base_reward or rng.random() <= self._chance(state, reward):
            state.base, state.base_reward = tokens, reward
        state.waited = 0 if improves else state.waited + 1
        if state.waited >= PATIENCE * len(self.range_table):
            again = state.elite[int(rng.integers(len(state.elite)))]
            state.base, state.base_reward = again[2], -again[0]
            state.temperature = min(self.init_temperature, REHEATED)
            state.waited = 0

    def _chance(self, state: _State, reward: float) -> float:
        count = len(state.rewards)
        spread = float(np.std(state.rewards[-max(4, min(count // 2, SPREAD_OF)) :]))
        scale = state.temperature * spread
        return math.exp((reward - state.base_reward) / scale) if scale > 0 else 0.0
