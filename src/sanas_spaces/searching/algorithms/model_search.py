"""Bayesian optimisation over tokens: Gaussian processes say which network is worth its evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ...tokens import TokenTable
from .acquisition import Acquire, Hunt, Improvement, key, preference
from .base import Admits, Algorithm, everywhere
from .choices import Choices
from .gaussian_process import Posterior, Weights, fit
from .kernel import TokenKernel, feature_effects
from .moves import drawn, outward
from .picked import Array, Tokens
from .scales import Scale, normal_scores, power_scores, shrunk_losses

WARM_UP_DRAWN = 30
REFIT_GROWTH = 1.05
"""Hyperparameters are learnt again when there are so many times more results."""
MOST_POINTS = 300
"""Results that a model sees: the best half and the newest half."""
FIT_POINTS = 200
"""Results that hyperparameters are learnt from."""
FAILED_QUANTILE = 0.25
"""A failed network counts as worse than three quarters of the others, so that its like is not tried at once."""
GLIMPSE = 0.1
"""Share of the results that a model of few results sees."""
LEAST_SEEN = 8
ALONE_EVERY = 5
"""One proposal of so many is for one of several goals alone."""


class ModelSearch(Algorithm):
    """Expected improvement under Gaussian processes over tokens (Jones et al., Journal of Global Optimization, 1998).

    Rewards are put on a scale on which neither their unit nor networks that do not learn matter. The search is greedy
    as long as it finds better networks. When it does not, models on different scales take turns, and so do greedy and
    curious proposals, so that none can keep the search in its blind spot. When that does not help for long, every
    second model is learnt from a few random results: it does not believe what the many around one local optimum say,
    and leads the search elsewhere.

    The candidate with the largest expected improvement is looked for among changes of the best networks and random
    ones, and from there uphill; the space is never enumerated. With several goals there is a model for each, and what
    is looked for is the expected improvement of the hypervolume; every fifth proposal is for one goal alone, so that
    the search gets to both ends of the front.

    Args:
        choices: Number of options of each token, or the token table, which tells which choices are ordered.
        init_tokens: First proposal.
        seed: Seed of all random choices.

    Attributes:
        kernel_type: The kernel, or one derived from it.
        warm_up: Candidates before the first model: the initial tokens, then networks far from those before them.
        scales: Scales of the models. The first is linear above the median, as the hypervolume is.
        boldness: Factors of the standard deviations that models give: greedy, and curious.
        stalled: Results without an improvement, in numbers of tokens, after which scales and boldness take turns.
        stuck: The same number, from which every second model is one of few results.
    """

    takes_several = True
    kernel_type: type[TokenKernel] = TokenKernel
    warm_up = 6
    scales: tuple[Scale, ...] = (shrunk_losses, power_scores, normal_scores)
    boldness: tuple[float, ...] = (0.5, 2.0)
    stalled = 1.0
    stuck = 4.0

    def __init__(
        self, choices: Choices | TokenTable | Sequence[int], init_tokens: Sequence[int], *, seed: int = 0
    ) -> None:
        super().__init__(choices, init_tokens, seed=seed)
        self._issued: dict[int, Tokens] = {}
        self._seen: set[bytes] = set()
        self._rewards: dict[int, tuple[float, ...] | None] = {}
        self._weights: dict[tuple[Scale, int, int], Weights] = {}

    def issue(self, number: int, tokens: Sequence[int]) -> None:
        """Learn that proposal ``number`` was handed out."""
        self._issued[number] = np.array(tokens, np.int64)
        self._seen.add(key(self._issued[number]))

    def observe(self, number: int, tokens: Sequence[int], reward: Any) -> None:
        """Learn the reward of proposal ``number``, or one for each goal; None: it could not be evaluated."""
        self.issue(number, tokens)
        self._rewards[number] = None if reward is None else tuple(np.atleast_1d(reward).tolist())

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``, those of the largest expected improvement first."""
        rng = self.random(number)
        if number == 0:
            yield list(self.init_tokens)
        if len(self._issued) < self.warm_up or len(self._scored) < 2:
            yield from self._far(rng)
        if len(self._scored) >= 2:
            with _one_thread().limit(limits=1):
                wanted = self._hunt(number, rng, admits)
            yield from wanted
        yield from outward(self._best(), self.range_table, rng)

    @cached_property
    def _kernel(self) -> TokenKernel:
        return self.kernel_type(self.choices, feature_effects(self.choices, self.random(0, 2)))

    def rank(self, number: int, lists: Sequence[Sequence[int]]) -> list[list[int]]:
        """Token lists that were not handed out, those most worth their evaluation as proposal ``number`` first."""
        several = [np.array(tokens, np.int64) for tokens in dict.fromkeys(map(tuple, lists))]
        fresh = np.array([tokens for tokens in several if key(tokens) not in self._seen])
        if len(self._scored) >= 2 and len(fresh):
            with _one_thread().limit(limits=1):
                worth = self._acquisition(number, self.random(number, 3))(fresh, fresh[:1])
            fresh = fresh[np.argsort(-worth, kind="stable")]
        ranked: list[list[int]] = fresh.tolist()
        return ranked

    def _hunt(self, number: int, rng: np.random.Generator, admits: Admits) -> list[list[int]]:
        """Token lists by the expected improvement, looked for in the whole space."""
        glimpses = number % 2 == 0 and self._waited >= self.stuck
        acquire = self._glimpse(self.random(number, 4)) if glimpses else self._acquisition(number, rng)
        hunt = Hunt(self.choices, acquire, self._seen, admits, rng)
        tokens, rewards = self._results(MOST_POINTS)
        return hunt.ranking(tokens[preference(rewards)])

    def _acquisition(self, number: int, rng: np.random.Generator) -> Acquire:
        """What token lists are worth under the models whose turn it is."""
        tokens, rewards = self._results(MOST_POINTS)
        several = rewards.shape[1] > 1
        goals = list(range(rewards.shape[1]))
        if several and number % ALONE_EVERY == ALONE_EVERY - 1:
            goals = [number // ALONE_EVERY % len(goals)]
        takes_turns = self._waited >= self.stalled
        scale = self.scales[number % len(self.scales) if takes_turns else 0]
        boldness = self.boldness[number % len(self.boldness) if takes_turns or several else 0]
        targets = np.stack([scale(rewards[:, goal]) for goal in goals], axis=1)
        learnt = [self._learnt(scale, goal) for goal in goals]
        known, waiting = self._kernel.picked(tokens), self._waiting
        beliefs = [Posterior(one, self._kernel, known, found) for one, found in zip(learnt, targets.T, strict=True)]
        improvement = Improvement(targets, boldness, rng)
        if len(waiting):  # what is being evaluated counts as what the models expect of it
            out = self._kernel.picked(waiting)
            known = self._kernel.picked(np.concatenate([tokens, waiting]))
            expected = [np.append(found, one.mean(out)) for one, found in zip(beliefs, targets.T, strict=True)]
            beliefs = [Posterior(one, self._kernel, known, found) for one, found in zip(learnt, expected, strict=True)]
        return self._worth(beliefs, improvement)

    def _glimpse(self, rng: np.random.Generator) -> Acquire:
        """What token lists are worth to who knows but a few random results of the only goal."""
        tokens, rewards = self._results(MOST_POINTS)
        seen = rng.permutation(len(tokens))[: max(LEAST_SEEN, int(GLIMPSE * len(tokens)))]
        known, targets = self._kernel.picked(tokens[seen]), self.scales[0](rewards[seen, 0])
        learnt = fit(self._kernel.distances(known), known @ self._kernel.trends, targets)
        belief = Posterior(learnt, self._kernel, known, targets)
        return self._worth([belief], Improvement(targets[:, None], self.boldness[0], rng))

    def _worth(self, beliefs: Sequence[Posterior], improvement: Improvement) -> Acquire:
        """What token lists are worth to who believes this of each goal."""

        def acquire(lists: Tokens, around: Tokens) -> Array:
            picked = self._kernel.picked(lists, around)
            means, deviations = zip(*(belief.predict(picked) for belief in beliefs), strict=True)
            return improvement(np.stack(means, axis=1), np.stack(deviations, axis=1))

        return acquire

    def _learnt(self, scale: Scale, goal: int) -> Weights:
        """Hyperparameters from the results there were when they were due last."""
        count, following = 2, 3
        while following <= len(self._rewards):
            count, following = following, max(following + 1, int(following * REFIT_GROWTH))
        if (scale, goal, count) not in self._weights:
            tokens, rewards = self._results(FIT_POINTS, first=count)
            known = self._kernel.picked(tokens)
            self._weights[scale, goal, count] = fit(
                self._kernel.distances(known), known @ self._kernel.trends, scale(rewards[:, goal])
            )
        return self._weights[scale, goal, count]

    def _results(self, most: int, first: int | None = None) -> tuple[Tokens, Array]:
        """Tokens [n, tokens] and rewards [n, goals] of the ``first`` results; of too many, the best and the newest."""
        numbers = sorted(self._rewards)[:first]
        scored = [self._rewards[number] for number in numbers]
        failed = np.quantile([reward for reward in scored if reward is not None] or [(0.0,)], FAILED_QUANTILE, axis=0)
        rewards = np.array([failed if reward is None else reward for reward in scored])
        kept = np.arange(len(numbers))
        if len(numbers) > most:
            kept = np.union1d(preference(rewards)[: most // 2], kept[-(most // 2) :])
        return np.array([self._issued[numbers[i]] for i in kept]), rewards[kept]

    def _best(self) -> tuple[int, ...]:
        scored = self._scored
        if not scored:
            return self.init_tokens
        rewards = np.array([self._rewards[number] for number in scored], dtype=float)
        return tuple(self._issued[scored[preference(rewards)[0]]].tolist())

    @property
    def _scored(self) -> list[int]:
        """Numbers of proposals that have a reward, in order."""
        return [number for number in sorted(self._rewards) if self._rewards[number] is not None]

    @property
    def _waiting(self) -> Tokens:
        """Token lists [n, tokens] that were handed out and have no result."""
        return np.array([self._issued[number] for number in sorted(self._issued) if number not in self._rewards])

    @property
    def _waited(self) -> float:
        """Rewards of the only goal since the best, in numbers of tokens; of several goals 0."""
        rewards = np.array([self._rewards[number] for number in self._scored], dtype=float)
        if rewards.shape[1] > 1:
            return 0.0
        return (len(rewards) - 1 - int(rewards[:, 0].argmax())) / len(self.range_table)

    def _far(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """Random token lists, those farthest from all that were handed out first."""
        random = drawn(self.range_table, rng, WARM_UP_DRAWN)
        known = np.array([*self._issued.values()] or [np.array(self.init_tokens)])
        distance = (random[:, None] != known[None]).sum(axis=2).min(axis=1)
        yield from random[np.argsort(-distance, kind="stable")].tolist()


@cache
def _one_thread() -> ThreadpoolController:
    """What holds linear algebra to one thread: these matrices are small, and several threads wait for each other."""
    return ThreadpoolController()
