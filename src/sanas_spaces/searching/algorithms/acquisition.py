"""Where to evaluate next: token lists of large expected improvement, found without enumerating the space."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..pareto import non_dominated
from .base import Admits
from .choices import Choices
from .moves import drawn, drawn_changes
from .picked import Array, Tokens

Acquire = Callable[[Tokens, Tokens], Array]
"""What token lists [n, tokens] are worth, [n]; many are near those that come second [k, tokens]."""

RANDOM_POOL = 200
PARENTS = 5
"""Best networks whose changes are looked at."""
NEIGHBOURS = 100
DOUBLE_CHANGES = 60
CLIMBS = 3
CLIMB_STEPS = 10
CLIMB_NEIGHBOURS = 120
LOOKED_AT = 10
"""Neighbours of a climb that may turn out inadmissible before it ends."""
DIRECTIONS = 32
DRAWS = 8
REFERENCE_QUANTILE = 0.1
"""Of each goal, what the hypervolume is measured from, unless the front is lower: little is won among the worst."""
BEYOND_FRONT = 0.1
"""Share of its range from the worst of the front to what the hypervolume is measured from at least."""
CLIMB_GAIN = 1e-9


def key(tokens: Tokens) -> bytes:
    """A token list as what sets can hold, faster than a tuple."""
    return tokens.tobytes()


def log_expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Logarithm of the expected improvement on ``best``, exact far below it, too (Ament et al., arXiv:2310.20708)."""
    from scipy.special import erfcx, ndtr  # not above: commands that propose nothing would wait for it, too

    away = (mean - best) / deviation
    near = np.maximum(away, -5.0)
    plain = np.log(np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi) + near * ndtr(near))
    far = np.minimum(away, -5.0)
    # phi(u) + u Phi(u) = phi(u) (1 + u sqrt(pi / 2) erfcx(-u / sqrt(2)))
    ratio = np.maximum(1 + far * math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2)), 1e-300)
    tail = -(far**2) / 2 - 0.5 * math.log(2 * math.pi) + np.log(ratio)
    found: Array = np.where(away > -5.0, plain, tail) + np.log(deviation)
    return found


def preference(rewards: Array) -> NDArray[np.int64]:
    """Indices of rewards [n, goals], the best first: by the reward, or by the ranks for all goals together."""
    if rewards.shape[1] == 1:
        order: NDArray[np.int64] = np.argsort(-rewards[:, 0], kind="stable")
        return order
    ranks = np.argsort(np.argsort(-rewards, axis=0, kind="stable"), axis=0, kind="stable")
    front = non_dominated(rewards)
    order = np.lexsort((ranks.sum(axis=1), ~front)).astype(np.int64)
    return np.asarray(order)


class Improvement:
    """Logarithm of the expected improvement on what is known.

    For several goals it is the improvement of the hypervolume: that is a mean of scalar improvements over random
    directions (Zhang and Golovin, arXiv:2006.04655, lemma 5), and their expectation a mean over normal draws.

    Args:
        known: Values [n, goals] that were found.
        boldness: Factor of the standard deviations that the models give.
        rng: Source of the directions and draws.
    """

    def __init__(self, known: Array, boldness: float, rng: np.random.Generator) -> None:
        self._boldness = boldness
        self._goals = known.shape[1]
        self._best = float(known[:, 0].max())
        if self._goals > 1:
            front = known[non_dominated(known)]
            beyond = front.min(axis=0) - BEYOND_FRONT * np.ptp(front, axis=0)
            self._reference = np.minimum(np.quantile(known, REFERENCE_QUANTILE, axis=0), beyond)
            drawn = np.abs(rng.normal(size=(DIRECTIONS, self._goals))) + 1e-3
            self._directions = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
            self._draws = rng.normal(size=(DRAWS, 1, self._goals))
            self._reached = self._volumes(known).max(axis=0)

    def __call__(self, mean: Array, deviation: Array) -> Array:
        """Log expected improvement [n] where the models give ``mean`` and ``deviation`` [n, goals]."""
        if self._goals == 1:
            return log_expected_improvement(mean[:, 0], self._boldness * deviation[:, 0], self._best)
        draws = mean + self._boldness * deviation * self._draws
        gains = np.maximum(self._volumes(draws) - self._reached, 0).mean(axis=(0, 2))
        # where nothing is gained in any draw, nearer to the front is better
        near = (self._volumes(mean) - self._reached).max(axis=1)
        found: Array = np.log(gains + 1e-12) + 1e-3 * near
        return found

    def _volumes(self, values: Array) -> Array:
        """What values [..., goals] reach in each direction, [..., directions]."""
        shares = np.maximum(values - self._reference, 0)[..., None, :] / self._directions
        reached: Array = shares.min(axis=-1) ** self._goals
        return reached


class Hunt:
    """One hunt for the token list that is most worth its evaluation.

    Args:
        choices: The choices of the space.
        acquire: What token lists are worth.
        seen: Bytes of the token lists that were handed out.
        admits: Whether a token list can be taken.
        rng: Source of randomness.
    """

    def __init__(
        self,
        choices: Choices,
        acquire: Acquire,
        seen: set[bytes],
        admits: Admits,
        rng: np.random.Generator,
    ) -> None:
        self._table = choices.range_table
        self._acquire = acquire
        self._seen = seen
        self._admits = admits
        self._rng = rng
        singles = [(i, v) for i, count in enumerate(self._table) for v in range(count)]
        self._positions = np.array([i for i, _ in singles])
        self._values = np.array([v for _, v in singles])

    def ranking(self, parents: Tokens) -> list[list[int]]:
        """Token lists, the most promising first.

        Args:
            parents: Token lists [n, tokens] with a reward, the best first.
        """
        pool = [drawn(self._table, self._rng, RANDOM_POOL)]
        for parent in parents[:PARENTS]:
            pool.append(self._neighbours(parent, NEIGHBOURS))
            if len(self._table) > 1:
                pool.append(drawn_changes(parent, self._table, 2, DOUBLE_CHANGES, self._rng))
        tokens = np.concatenate(pool)
        tokens = tokens[list({key(one): index for index, one in enumerate(tokens)}.values())]
        values = self._score(tokens, parents[:PARENTS])
        order = np.argsort(-values, kind="stable")
        climbed: list[tuple[float, list[int]]] = []
        for index in order:
            if values[index] == -math.inf or len(climbed) == CLIMBS:
                break
            if self._admits(tokens[index].tolist()):
                climbed.append(self._climb(tokens[index], float(values[index])))
        climbed.sort(key=lambda one: -one[0])
        fresh: list[list[int]] = tokens[order[: int(np.isfinite(values).sum())]].tolist()
        return [found for _, found in climbed] + fresh

    def _climb(self, start: Tokens, value: float) -> tuple[float, list[int]]:
        """Change one token at a time while that is better, from an admissible token list to another."""
        tokens = start
        for _ in range(CLIMB_STEPS):
            nearby = self._neighbours(tokens, CLIMB_NEIGHBOURS)
            values = self._score(nearby, tokens[None])
            for index in np.argsort(-values, kind="stable")[:LOOKED_AT]:
                if values[index] <= value + CLIMB_GAIN:
                    return value, tokens.tolist()
                if self._admits(nearby[index].tolist()):
                    tokens, value = nearby[index], float(values[index])
                    break
            else:
                break
        return value, tokens.tolist()

    def _neighbours(self, tokens: Tokens, most: int) -> Tokens:
        """Token lists that differ in one token, a random part if there are more than ``most``."""
        other = np.flatnonzero(tokens[self._positions] != self._values)
        if len(other) > most:
            other = self._rng.choice(other, most, replace=False)
        found = np.tile(tokens, (len(other), 1))
        found[np.arange(len(other)), self._positions[other]] = self._values[other]
        return found

    def _score(self, tokens: Tokens, around: Tokens) -> Array:
        """What token lists are worth [n], minus infinity where one was handed out."""
        fresh = np.array([key(one) not in self._seen for one in tokens], dtype=bool)
        values = np.full(len(tokens), -math.inf)
        if fresh.any():
            values[fresh] = self._acquire(tokens[fresh], around)
        return values
