"""What a search algorithm knows of a space: how many options each token has, and which of them are ordered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import ConfigError
from ...tokens import TokenTable

Features = Callable[[Sequence[int]], Sequence[float] | None]


@dataclass(frozen=True)
class Choices:
    """The choices behind a token list.

    Attributes:
        range_table: Number of options of each token.
        ordered: For each token, whether a larger one means more of the same thing.
        features: Numbers that a token list has without an evaluation, such as the logarithm of its FLOPs, or None
            for one that is no network; a model may learn from them.
    """

    range_table: tuple[int, ...]
    ordered: tuple[bool, ...]
    features: Features | None = None

    def __post_init__(self) -> None:
        if len(self.ordered) != len(self.range_table):
            raise ConfigError(f"ordered has {len(self.ordered)} entries: expected {len(self.range_table)}")

    @classmethod
    def of(cls, choices: Choices | TokenTable | Sequence[int]) -> Choices:
        """The choices of a token table, or of a range table, whose tokens count as unordered."""
        if isinstance(choices, Choices):
            return choices
        if isinstance(choices, TokenTable):
            return cls(tuple(choices.range_table), tuple(field.ordered for field in choices.fields))
        return cls(tuple(choices), (False,) * len(choices))

    def __len__(self) -> int:
        return len(self.range_table)

    @property
    def size(self) -> int:
        """Number of token lists."""
        return math.prod(self.range_table)
