"""The conformance suite catches spaces that are wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace, Cost, NetArch, TokenRow, choice, ops
from sanas_spaces.testing import SpaceConformance


class Fine(BlockSpace):
    class Row(TokenRow):
        channels = choice(4, 6, 8)
        kernel = choice(1, 3)

    prefix = "fine"

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        x = ops.conv_bn(x, row.channels, row.kernel, stride=stride, act="relu", name=name)
        return x, x


class WrongCost(NetArch):
    def cost(self, *args: Any, **kwargs: Any) -> Cost:
        cost = super().cost(*args, **kwargs)
        return dataclasses.replace(cost, flops=cost.flops + 1)


class WrongNames(NetArch):
    def __call__(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        self.scope = "" if self.scope else "other/"
        return super().__call__(input, *args, **kwargs)


class SameHash(NetArch):
    def hash(self, *args: Any) -> str:
        return "0" * 32


class NewHash(NetArch):
    calls = count()

    def hash(self, *args: Any) -> str:
        return str(next(self.calls))


class NeverInference(NetArch):
    def __call__(self, input: Any, *args: Any, is_test: Any = None, **kwargs: Any) -> Any:
        return super().__call__(input, *args, is_test=False, **kwargs)


class Remembers(Fine):
    """Its networks depend on the one that was described last."""

    widest = 0

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        self.widest = max(self.widest, row.channels)
        x = ops.conv_bn(x, self.widest, row.kernel, stride=stride, act="relu", name=name)
        return x, x


class NoParameters(Fine):
    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        return ops.relu(x), x


def broken_by(arch_class: type[NetArch]) -> type[BlockSpace]:
    def token2arch(self: BlockSpace, tokens: Any = None) -> NetArch:
        rows = self.decode_rows(tokens)
        return arch_class(partial(self.network, rows), described=True, tokens=tokens, input_shape=(3, 16, 16))

    return type(arch_class.__name__, (Fine,), {"token2arch": token2arch})


COUNTS = partial(SpaceConformance.test_cost_is_that_of_the_built_network, which="random 1", limit=1e9)
TRAINS = partial(SpaceConformance.test_trains_and_infers, which="random 1", limit=1e9)
COMPARES = SpaceConformance.test_equal_hash_means_equal_network
SHARES = SpaceConformance.test_architectures_share_no_state
TESTS = (COUNTS, TRAINS, COMPARES, SHARES)


@pytest.fixture
def run() -> Iterator[Any]:
    registered = []

    def run(cls: type[BlockSpace], test: Any) -> None:
        registered.append(SEARCHSPACE.register(cls).__name__)
        suite = SpaceConformance()
        suite.configs = [(cls.__name__, {"block_mask": [1, 0]})]  # type: ignore[misc]
        test(suite, space=CombinedSpace(suite.configs))

    yield run
    for name in registered:
        SEARCHSPACE.unregister(name)


@pytest.mark.parametrize("test", TESTS)
def test_a_space_that_is_fine_passes(run: Any, test: Any) -> None:
    run(Fine, test)


@pytest.mark.parametrize(
    ("cls", "test"),
    [
        (broken_by(WrongCost), COUNTS),
        (broken_by(WrongNames), COUNTS),
        (broken_by(SameHash), COMPARES),
        (broken_by(NewHash), COMPARES),
        (broken_by(NeverInference), TRAINS),
        (Remembers, SHARES),
        (NoParameters, COUNTS),
    ],
)
def test_a_space_that_is_wrong_does_not(run: Any, cls: type[BlockSpace], test: Any) -> None:
    with pytest.raises(AssertionError):
        run(cls, test)
