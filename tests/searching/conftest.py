"""Small spaces to search in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from sanas_spaces import SEARCHSPACE, SearchSpaceBase, ops


class ThreeChoices(SearchSpaceBase):
    """24 token lists; the second token is dead, so 6 networks."""

    def init_tokens(self) -> list[int]:
        return [1, 0, 0]

    def range_table(self) -> list[int]:
        return [3, 4, 2]

    def token2arch(self, tokens: Any = None) -> Any:
        def net_arch(x: Any) -> Any:
            return ops.conv_bn(x, 4 + tokens[0], 3 if tokens[2] else 5, name="a")

        return net_arch


class RawMacro(SearchSpaceBase):
    """3 ** 6 token lists of a network that only Paddle can build."""

    def init_tokens(self) -> list[int]:
        return [0] * 6

    def range_table(self) -> list[int]:
        return [3] * 6

    def token2arch(self, tokens: Any = None) -> Any:
        def net_arch(x: Any) -> Any:
            raise TypeError("needs a tensor")

        return net_arch


@pytest.fixture(autouse=True)
def spaces() -> Iterator[None]:
    for cls in (ThreeChoices, RawMacro):
        SEARCHSPACE.register(cls)
    yield
    for cls in (ThreeChoices, RawMacro):
        SEARCHSPACE.unregister(cls.__name__)


def reward_of(tokens: list[int]) -> float:
    """A reward with several hills, the same each time."""
    return sum(math.sin(1.7 * token + 0.9 * position) for position, token in enumerate(tokens))
