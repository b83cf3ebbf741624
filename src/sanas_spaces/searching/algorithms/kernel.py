"""How alike two token lists are: distances that a Gaussian process weighs against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .choices import Choices
from .moves import random_lists

Array = NDArray[np.float64]

GROUPED_FROM = 24
"""Spaces with more tokens share one weight among similar tokens of the same part of the network."""
PARTS = 4
FEATURED = 300
"""Random token lists whose features are looked at, once per search."""
RIDGE = 0.1
MOST_COUNTED = 12
"""Options of a choice that are counted, at most."""


class Encoded(NamedTuple):
    """Token lists as the kernel reads them.

    Attributes:
        ones: For each group of tokens, their options as zeros and ones, [n, options of the group].
        sizes: Number of tokens in each group.
        places: Real coordinates, [n, coordinates].
        members: Which coordinates each squared distance sums over.
        trends: Coordinates that the process is linear in, [n, trends], of mean 0; their squares sum to 1 on average.
    """

    ones: list[Array]
    sizes: list[int]
    places: Array
    members: list[list[int]]
    trends: Array


class TokenKernel:
    """Distances between token lists of a space.

    There are three kinds: whether two tokens differ (Hamming, for choices without order), how far apart they are in
    the list of options (for ordered choices such as channels, and for a hidden order of others), and how often each
    option is picked among tokens of one kind, wherever in the network.

    A fourth kind are differences of features, in the part of them that is a sum over tokens: such a sum costs nothing,
    and for FLOPs and parameters it tells most of the story.

    Beside the distances there are trends, for what reaches across the space: what an option adds wherever it is picked,
    and how that changes gently from the first token of its kind to the last.

    Args:
        choices: The choices of the space.
        effects: What each option of each token adds to each feature, [features, options of all tokens].
    """

    def __init__(self, choices: Choices, effects: Array | None = None) -> None:
        self._choices = choices
        self._effects = np.zeros((0, sum(choices.range_table))) if effects is None else effects
        self._groups = _groups(choices)
        self._kinds = [
            members
            for members in _by_signature(choices, range(len(choices)))
            if len(members) > 2 and choices.range_table[members[0]] <= MOST_COUNTED
        ]
        self._profiles = [_profiles(choices.range_table[members[0]], len(members)) for members in self._kinds]
        self._group_columns = [_columns(choices, members) for members in self._groups]
        self._kind_columns = [_columns(choices, members) for members in self._kinds]

    def encode(self, tokens: NDArray[np.int64]) -> Encoded:
        """Read token lists [n, tokens]."""
        table = self._choices.range_table
        picked = one_hot(tokens, table)
        ones = [picked[:, where] for where in self._group_columns]
        columns: list[Array] = []
        sums: list[list[int]] = []
        for members in self._groups:
            if table[members[0]] > 2:
                sums.append(list(range(len(columns), len(columns) + len(members))))
                columns += [tokens[:, i] / (table[i] - 1) for i in members]
        for members in self._kinds:
            for option in range(table[members[0]]):
                sums.append([len(columns)])
                columns.append((tokens[:, members] == option).mean(axis=1) * 2.0)
        if len(self._effects):
            for sizes in self._effects @ picked.T:
                sums.append([len(columns)])
                columns.append(sizes)
        places = np.stack(columns, axis=1) if columns else np.zeros((len(tokens), 0))
        return Encoded(ones, [len(members) for members in self._groups], places, sums, self.trends(picked))

    def trends(self, picked: Array) -> Array:
        """Trends [n, trends] of the options that token lists pick, as zeros and ones."""
        table = self._choices.range_table
        found = [np.zeros((len(picked), 0))]
        for members, columns, profiles in zip(self._kinds, self._kind_columns, self._profiles, strict=True):
            centred = picked[:, columns] - 1 / table[members[0]]
            found.append(centred @ profiles / np.sqrt(len(self._kinds)))
        return np.concatenate(found, axis=1)

    def scaled(self, one: Encoded, weights: Array) -> Array:
        """Coordinates [n, dimensions] whose squared distances are the sum of all distances, weighted by [kinds]."""
        kinds = len(one.ones)
        found = [ones * np.sqrt(weight / 2) for ones, weight in zip(one.ones, weights[:kinds], strict=True)]
        for members, weight in zip(one.members, weights[kinds:], strict=True):
            found.append(one.places[:, members] * np.sqrt(weight))
        return np.concatenate([np.zeros((len(one.places), 0)), *found], axis=1)

    def distances(self, first: Encoded, second: Encoded) -> Array:
        """All distances [kinds, n * m] between n and m token lists."""
        found: list[Any] = [size - a @ b.T for size, a, b in zip(first.sizes, first.ones, second.ones, strict=True)]
        for members in first.members:
            a, b = first.places[:, members], second.places[:, members]
            if len(members) == 1:
                found.append((a - b.T) ** 2)
            else:
                found.append((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T)
        if not found:
            return np.zeros((0, len(first.places) * len(second.places)))
        return np.stack([distance.ravel() for distance in found])


def one_hot(tokens: NDArray[np.int64], range_table: Sequence[int]) -> Array:
    """Tokens as zeros and ones, [n, options of all tokens]."""
    ends = np.cumsum(range_table)
    found = np.zeros((len(tokens), int(ends[-1])))
    found[np.arange(len(tokens))[:, None], tokens + (ends - np.asarray(range_table))] = 1.0
    return found


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
    ones = one_hot(np.array([tokens for tokens, _ in found]), choices.range_table)
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
