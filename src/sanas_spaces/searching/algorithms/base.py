"""What every search algorithm offers: it learns results and proposes token lists, and knows nothing of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ...tokens import TokenTable
from .choices import Choices

DEFAULT_REDUCE_RATE = 0.85
"""Factor of a temperature per reward."""

Admits = Callable[[Sequence[int]], bool]
"""Whether a token list is a new network that meets the constraints."""


def everywhere(tokens: Sequence[int]) -> bool:
    """Admit every token list."""
    return True


class Algorithm(ABC):
    """A search algorithm as a function of (seed, proposal number, what was handed out, what came back).

    It has no random state of its own: randomness depends on the seed and the number alone, and results count in the
    order of their numbers, whenever they arrive. So a search that is replayed from its record goes on as if it had
    never stopped. It proposes by yielding token lists, most wanted first; whoever asks takes the first that is new
    and allowed.

    Args:
        choices: Number of options of each token, or the token table, which also tells which options are ordered.
        init_tokens: First proposal.
        seed: Seed of all random choices.
    """

    takes_several: ClassVar[bool] = False
    """Whether rewards can be tuples, one for each of several objectives, all to be large."""

    def __init__(self, choices: Choices | TokenTable | Sequence[int], init_tokens: Sequence[int], *, seed: int = 0):
        self.choices = Choices.of(choices)
        self.init_tokens = tuple(init_tokens)
        self.seed = seed

    @property
    def range_table(self) -> tuple[int, ...]:
        """Number of options of each token."""
        return self.choices.range_table

    def random(self, number: int, stream: int = 0) -> np.random.Generator:
        """The source of randomness of proposal ``number``; streams are independent of each other."""
        return np.random.default_rng((self.seed, number, stream) if stream else (self.seed, number))

    def issue(self, number: int, tokens: Sequence[int]) -> None:  # noqa: B027 - most need not know
        """Learn that proposal ``number`` was handed out, or was before this algorithm began."""

    @abstractmethod
    def observe(self, number: int, tokens: Sequence[int], reward: Any) -> None:
        """Learn the reward of proposal ``number``; None means that it could not be evaluated."""

    @abstractmethod
    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield token lists for proposal ``number``, most wanted first, until every one there is was yielded.

        Args:
            number: Number of the proposal.
            admits: Whether a token list can be taken; for algorithms that weigh many before they yield one.
        """


class Ordered:
    """Results by the number of their proposal, handed on in that order without gaps.

    Args:
        first: Number of the first result.
    """

    def __init__(self, first: int = 0) -> None:
        self.next = first
        self.early: dict[int, tuple[tuple[int, ...], float | None]] = {}

    def add(
        self, number: int, tokens: Sequence[int], reward: float | None
    ) -> Iterator[tuple[int, tuple[int, ...], float | None]]:
        """Take a result, and yield those whose turn has come."""
        if number < self.next:
            return
        self.early[number] = (tuple(tokens), reward)
        while self.next in self.early:
            self.next += 1
            yield self.next - 1, *self.early.pop(self.next - 1)

    def overtaking(self) -> Iterator[tuple[int, tuple[int, ...], float | None]]:
        """Yield results that overtook an open proposal, in order; they stay."""
        for number in sorted(self.early):
            yield number, *self.early[number]
