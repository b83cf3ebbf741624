"""Ways from a token list to others, as iterators that every algorithm shares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from .picked import Tokens

AT_ONCE = 64
"""Proposals drawn at a time, which is much cheaper than one by one."""
CHANGES_PER_RADIUS = 200


def random_lists(range_table: Sequence[int], rng: np.random.Generator, count: int) -> list[list[int]]:
    """``count`` token lists, drawn uniformly."""
    lists: list[list[int]] = drawn(range_table, rng, count).tolist()
    return lists


def drawn(range_table: Sequence[int], rng: np.random.Generator, count: int) -> Tokens:
    """The same as an array [count, tokens]."""
    shares = rng.random((count, len(range_table)))
    lists: Tokens = (shares * np.asarray(range_table)).astype(np.int64)
    return lists


def single_changes(base: Sequence[int], range_table: Sequence[int], rng: np.random.Generator) -> Iterator[list[int]]:
    """``AT_ONCE`` times a position drawn uniformly, then a value drawn uniformly; it may be the one that is there."""
    positions = rng.integers(len(base), size=AT_ONCE).tolist()
    for position, share in zip(positions, rng.random(AT_ONCE).tolist(), strict=True):
        yield [*base[:position], int(share * range_table[position]), *base[position + 1 :]]


def changes(
    base: Sequence[int], range_table: Sequence[int], radius: int, count: int, rng: np.random.Generator
) -> list[list[int]]:
    """``count`` times random values at ``radius`` random positions, drawn for all at once."""
    changed: list[list[int]] = drawn_changes(base, range_table, radius, count, rng).tolist()
    return changed


def drawn_changes(
    base: Sequence[int] | Tokens, range_table: Sequence[int], radius: int, count: int, rng: np.random.Generator
) -> Tokens:
    """The same as an array [count, tokens]."""
    positions = rng.random((count, len(base))).argsort(axis=1)[:, :radius]
    values = (rng.random(positions.shape) * np.asarray(range_table)[positions]).astype(np.int64)
    proposals = np.tile(np.asarray(base, np.int64), (count, 1))
    np.put_along_axis(proposals, positions, values, axis=1)
    return proposals


def neighbours(base: Sequence[int], range_table: Sequence[int], rng: np.random.Generator) -> Iterator[list[int]]:
    """Every token list that differs in one token, once, in random order."""
    single = [(i, v) for i, options in enumerate(range_table) for v in range(options) if v != base[i]]
    for index in rng.permutation(len(single)):
        position, value = single[index]
        yield [*base[:position], value, *base[position + 1 :]]


def outward(base: Sequence[int], range_table: Sequence[int], rng: np.random.Generator) -> Iterator[list[int]]:
    """Token lists ever farther from ``base``: one token changed, then more and more, in the end every one there is."""
    if not base:
        return
    yield from single_changes(base, range_table, rng)
    yield from neighbours(base, range_table, rng)
    for radius in range(2, len(base) + 1):
        yield from changes(base, range_table, radius, CHANGES_PER_RADIUS, rng)
    yield from everything(range_table, rng)


def everything(range_table: Sequence[int], rng: np.random.Generator) -> Iterator[list[int]]:
    """Every token list once, in an order that needs no memory: i -> (start + i * step) mod size."""
    size = math.prod(range_table)
    start = int(rng.integers(min(size, 2**62)))
    step = int(rng.integers(min(size, 2**62))) | 1
    while math.gcd(step, size) != 1:
        step += 2
    for i in range(size):
        yield _unrank((start + i * step) % size, range_table)


def _unrank(rank: int, range_table: Sequence[int]) -> list[int]:
    tokens = []
    for options in reversed(range_table):
        rank, token = divmod(rank, options)
        tokens.append(token)
    return tokens[::-1]
