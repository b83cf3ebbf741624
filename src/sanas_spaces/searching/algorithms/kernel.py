"""How alike two token lists are: distances that a Gaussian process weighs against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .choices import Choices
from .moves import random_lists
from .picked import Array, Picked, Tokens

GROUPED_FROM = 24
"""Spaces with more tokens share one weight among similar tokens of the same part of the network."""
PARTS = 4
FEATURED = 300
"""Random token lists whose features are looked at, once per search."""
RIDGE = 0.1
MOST_COUNTED = 12
"""Options of a choice that are counted, at most."""


class TokenKernel:
    """Distances between token lists of a space.

    There are three kinds: whether two tokens differ (Hamming, for choices without order), how far apart they are in
    the list of options (for ordered choices such as channels, and for a hidden order of others), and how often each
    option is picked among tokens of one kind, wherever in the network.

    A fourth kind are differences of features, in the part of them that is a sum over tokens: such a sum costs nothing,
    and for FLOPs and parameters it tells most of the story.

    Beside the distances there are trends, for what reaches across the space: what an option adds wherever it is picked,
    and how that changes gently from the first token of its kind to the last.

    All of this is linear in what token lists pick, or a square of what is.

    Args:
        choices: The choices of the space.
        effects: What each option of each token adds to each feature, [features, options of all tokens].

    Attributes:
        kinds: Tokens with equally many options and the same order or none, where there are more than two of them.
        trends: Trends [options of all tokens, trends], of mean 0 over the options of each token.
    """

    def __init__(self, choices: Choices, effects: Array | None = None) -> None:
        self.choices = choices
        self.effects = np.zeros((0, sum(choices.range_table))) if effects is None else effects
        self.kinds = [
            members
            for members in _by_signature(choices, range(len(choices)))
            if len(members) > 2 and choices.range_table[members[0]] <= MOST_COUNTED
        ]
        self._starts = np.cumsum(choices.range_table) - np.asarray(choices.range_table)
        self._groups = _groups(choices)
        self._columns = [_columns(choices, members) for members in self._groups]
        coordinates = [*self._positions(), *self._counts(), *(one[:, None] for one in self.effects)]
        self._sizes = [one.shape[1] for one in coordinates]
        self._coordinates = np.concatenate([self._empty(0), *coordinates], axis=1)
        self.trends = self._centred(self.trend_table())

    def picked(self, tokens: Tokens, around: Tokens | None = None) -> Picked:
        """What token lists [n, tokens] pick; many may be near those in ``around`` [k, tokens]."""
        return Picked(tokens, self.choices.range_table, around)

    def distances(self, picked: Picked) -> Array:
        """All distances [kinds, n * n] between n token lists."""
        ones = picked.ones
        found = [
            len(members) - ones[:, columns] @ ones[:, columns].T
            for members, columns in zip(self._groups, self._columns, strict=True)
        ]
        places = ones @ self._coordinates
        for place in np.split(places, np.cumsum(self._sizes)[:-1], axis=1) if self._sizes else ():
            if place.shape[1] == 1:
                found.append((place - place.T) ** 2)
            else:
                squares = (place**2).sum(1)
                found.append(squares[:, None] + squares[None] - 2 * place @ place.T)
        return np.array(found).reshape(len(found), len(ones) ** 2)

    def weighed(self, weights: Array) -> tuple[Array, Array]:
        """What the sum of all distances, weighted by [kinds], is made of.

        Returns:
            Weights [options of all tokens] of the products of what two token lists pick, and coordinates [options of
            all tokens, dimensions]: the sum of the distances is that of the squared distances of both.
        """
        options = np.zeros(len(self._coordinates))
        for columns, weight in zip(self._columns, weights, strict=False):
            options[columns] = weight / 2
        return options, self._coordinates * np.sqrt(np.repeat(weights[len(self._columns) :], self._sizes))

    def trend_table(self) -> Array:
        """Trends [options of all tokens, trends]; for random token lists their squares sum to 1 on average."""
        found = [self._empty(0)]
        for members in self.kinds:
            profiles = _profiles(self.choices.range_table[members[0]], len(members))
            trends = self._empty(profiles.shape[1])
            trends[_columns(self.choices, members)] = profiles / np.sqrt(len(self.kinds))
            found.append(trends)
        return np.concatenate(found, axis=1)

    def _positions(self) -> Iterator[Array]:
        """For each group of tokens of more than two options, where in the list of options each is, from 0 to 1."""
        for members in self._groups:
            options = self.choices.range_table[members[0]]
            if options > 2:
                found = self._empty(len(members))
                for column, start in enumerate(self._starts[members]):
                    found[start : start + options, column] = np.arange(options) / (options - 1)
                yield found

    def _counts(self) -> Iterator[Array]:
        """For each option of the tokens of a kind, twice the share of them that picks it."""
        for members in self.kinds:
            for option in range(self.choices.range_table[members[0]]):
                found = self._empty(1)
                found[self._starts[members] + option] = 2.0 / len(members)
                yield found

    def _empty(self, columns: int) -> Array:
        return np.zeros((sum(self.choices.range_table), columns))

    def _centred(self, table: Array) -> Array:
        """A table [options of all tokens, m], so that the mean over the options of each token is 0."""
        options = np.asarray(self.choices.range_table)
        means = np.add.reduceat(table, self._starts, axis=0) / options[:, None]
        centred: Array = table - np.repeat(means, options, axis=0)
        return centred


def _columns(choices: Choices, members: Sequence[int]) -> NDArray[np.int64] | slice:
    """Which columns of the options of all tokens belong to these tokens: a slice, if it can be one."""
    starts = np.cumsum([0, *choices.range_table])
    columns = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in members])
    first, last = int(columns[0]), int(columns[-1])
    return slice(first, last + 1) if last - first + 1 == len(columns) else columns


def _profiles(options: int, count: int) -> Array:
    """Weights [options of the tokens, trends] of the trends of ``count`` tokens of one kind.

    Of each option there is a constant, a linear and a quadratic trend (Legendre polynomials) over the tokens.
    """
    place = np.linspace(-1, 1, count)
    gentle = np.stack([np.ones(count), np.sqrt(3) * place, np.sqrt(5) * (3 * place**2 - 1) / 2], axis=1)
    weights = np.kron(gentle, np.eye(options))
    # of a token drawn at random, what picks one option has the variance (1 - 1 / options) / options
    deviation = np.sqrt((1 - 1 / options) / options * (weights**2).sum())
    scaled: Array = weights / deviation
    return scaled


def feature_effects(choices: Choices, rng: np.random.Generator) -> Array | None:
    """What each option adds to each feature, in standard deviations, by least squares on random token lists."""
    if choices.features is None:
        return None
    drawn = random_lists(choices.range_table, rng, FEATURED)
    found = [(tokens, values) for tokens in drawn if (values := choices.features(tokens)) is not None]
    if len(found) < 2:
        return None
    ones = Picked(np.array([tokens for tokens, _ in found]), choices.range_table).ones
    wanted = np.array([values for _, values in found], dtype=float)
    centred = ones - ones.mean(axis=0)
    gram = centred.T @ centred + RIDGE * np.eye(ones.shape[1])
    effects = np.linalg.solve(gram, centred.T @ (wanted - wanted.mean(axis=0)))
    spread = (centred @ effects).std(axis=0)
    scaled: Array = (effects / np.where(spread > 0, spread, 1)).T
    return scaled


def _groups(choices: Choices) -> list[list[int]]:
    """Tokens that share a weight: each alone in small spaces."""
    count = len(choices)
    used = [i for i in range(count) if choices.range_table[i] > 1]
    if count <= GROUPED_FROM:
        return [[i] for i in used]
    groups = []
    for part in range(PARTS):
        within = [i for i in used if i * PARTS // count == part]
        groups += _by_signature(choices, within)
    return groups


def _by_signature(choices: Choices, tokens: Sequence[int]) -> list[list[int]]:
    """Tokens with equally many options and the same order or none, together."""
    found: dict[tuple[int, bool], list[int]] = {}
    for i in tokens:
        if choices.range_table[i] > 1:
            found.setdefault((choices.range_table[i], choices.ordered[i]), []).append(i)
    return list(found.values())
