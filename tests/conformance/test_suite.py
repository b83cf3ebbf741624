"""The conformance suite catches spaces that are wrong."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace, Cost, NetArch, TokenRow, choice, ops
from sanas_spaces.testing import MODES, SpaceConformance, mode, mode_environment


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
TRAINS = partial(SpaceConformance.test_trains_and_infers, which="random 1", limit=1e9, tmp_path=Path())
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


def test_other_packages_can_use_it_without_our_options(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        "from sanas_spaces.testing import SpaceConformance\n"
        "class TestTheirs(SpaceConformance):\n"
        "    configs = [('MobileNetV1BlockSpace', {'block_mask': [1]})]\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert re.search(r"^14 passed", done.stdout, re.MULTILINE), done.stdout


def test_modes_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen in MODES:
        for variable, value in mode_environment(chosen).items():
            monkeypatch.setenv(variable, value)
        assert mode() == chosen
    monkeypatch.setenv("FLAGS_enable_pir_api", "0")
    with pytest.raises(ValueError, match="'dygraph' needs FLAGS_enable_pir_api = 1"):
        mode()
    monkeypatch.setenv("SANAS_TEST_MODE", "eager")
    with pytest.raises(ValueError, match="SANAS_TEST_MODE = 'eager': expected one of pir, legacy, dygraph"):
        mode()
