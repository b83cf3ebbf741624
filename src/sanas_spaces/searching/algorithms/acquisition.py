"""Where to evaluate next: token lists of large expected improvement, found without enumerating the space."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr

from .base import Admits
from .choices import Choices
from .gaussian_process import Posterior
from .kernel import Array, Encoded, TokenKernel
from .moves import changes, random_lists

Tokens = NDArray[np.int64]

RANDOM_POOL = 200
PARENTS = 5
"""Best networks whose changes are looked at."""
NEIGHBOURS = 100
DOUBLE_CHANGES = 60
CLIMBS = 3
CLIMB_STEPS = 10
CLIMB_NEIGHBOURS = 150
LOOKED_AT = 10
"""Neighbours of a climb that may turn out inadmissible before it ends."""
CLIMB_GAIN = 1e-9


def log_expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Logarithm of the expected improvement on ``best``, exact far below it, too (Ament et al., arXiv:2310.20708)."""
    away = (mean - best) / deviation
    near = np.maximum(away, -5.0)
    plain = np.log(np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi) + near * ndtr(near))
    far = np.minimum(away, -5.0)
    # phi(u) + u Phi(u) = phi(u) (1 + u sqrt(pi / 2) erfcx(-u / sqrt(2)))
    ratio = np.maximum(1 + far * math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2)), 1e-300)
    tail = -(far**2) / 2 - 0.5 * math.log(2 * math.pi) + np.log(ratio)
    found: Array = np.where(away > -5.0, plain, tail) + np.log(deviation)
    return found


class Hunt:
    """One hunt for the token list with the largest expected improvement.

    Args:
        choices: The choices of the space.
        kernel: Distances between token lists.
        known: Token lists that the posterior was given.
        posterior: What is believed of the others.
        best: Value to improve on.
        seen: Token lists that were handed out.
        admits: Whether a token list can be taken.
        rng: Source of randomness.
        boldness: Factor of the standard deviations that the model gives.
    """

    def __init__(
        self,
        choices: Choices,
        kernel: TokenKernel,
        known: Encoded,
        posterior: Posterior,
        best: float,
        seen: set[tuple[int, ...]],
        admits: Admits,
        rng: np.random.Generator,
        boldness: float = 1.0,
    ) -> None:
        self._table = choices.range_table
        self._kernel = kernel
        self._known = known
        self._posterior = posterior
        self._best = best
        self._seen = seen
        self._admits = admits
        self._rng = rng
        self._boldness = boldness
        singles = [(i, v) for i, count in enumerate(self._table) for v in range(count)]
        self._positions = np.array([i for i, _ in singles])
        self._values = np.array([v for _, v in singles])

    def ranking(self, parents: Tokens) -> list[list[int]]:
        """Token lists, the most promising first.

        Args:
            parents: Token lists [n, tokens] with a reward, the best first.
        """
        pool = [np.array(random_lists(self._table, self._rng, RANDOM_POOL))]
        for parent in parents[:PARENTS]:
            pool.append(self._neighbours(parent, NEIGHBOURS))
            if len(self._table) > 1:
                pool.append(np.array(changes(parent.tolist(), self._table, 2, DOUBLE_CHANGES, self._rng)))
        tokens = np.unique(np.concatenate(pool), axis=0)
        values = self._score(tokens)
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
            values = self._score(nearby)
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

    def _score(self, tokens: Tokens) -> Array:
        """Log expected improvement [n], minus infinity where a token list was handed out."""
        fresh = np.array([tuple(one) not in self._seen for one in tokens.tolist()], dtype=bool)
        values = np.full(len(tokens), -math.inf)
        if fresh.any():
            there = self._kernel.encode(tokens[fresh])
            mean, deviation = self._posterior.predict(self._kernel.distances(there, self._known), int(fresh.sum()))
            values[fresh] = log_expected_improvement(mean, self._boldness * deviation, self._best)
        return values
