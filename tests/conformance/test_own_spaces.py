"""The conformance suite for what is no built-in space alone: users' spaces, chains and old networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import paddle
import pytest

from sanas_spaces import SEARCHSPACE, SearchSpaceBase, ops
from sanas_spaces.fluid import layers
from sanas_spaces.testing import BuildConformance, SpaceConformance

WIDTHS = (4, 8, 12)


class OpsForConformance(SearchSpaceBase):
    """Three methods and a function of ops."""

    def init_tokens(self) -> list[int]:
        return [1, 1]

    def range_table(self) -> list[int]:
        return [3, 3]

    def token2arch(self, tokens: Any = None) -> Callable[[Any], Any]:
        first, second = (WIDTHS[token] for token in tokens or self.init_tokens())

        def net_arch(x: Any) -> Any:
            x = ops.conv_bn(x, first, 3, stride=2, act="relu", name="own_1")
            return ops.add(x, ops.conv_bn(ops.conv_bn(x, second, 1, name="own_2"), first, 3, name="own_3"))

        return net_arch


class RawForConformance(OpsForConformance):
    """Three methods and a function that calls Paddle itself, with and without names."""

    def token2arch(self, tokens: Any = None) -> Callable[[Any], Any]:
        first, second = (WIDTHS[token] for token in tokens or self.init_tokens())

        def net_arch(x: Any, is_test: bool = False) -> Any:
            named = paddle.ParamAttr(name="raw_weights")
            x = paddle.nn.Conv2D(3, first, 3, stride=2, padding=1, weight_attr=named)(x)
            return paddle.nn.Conv2D(first, second, 3, padding=1)(paddle.nn.BatchNorm(first, is_test=is_test)(x))

        return net_arch


class FluidForConformance(OpsForConformance):
    """Three methods and a function of fluid, with and without names."""

    def token2arch(self, tokens: Any = None) -> Callable[[Any], Any]:
        first, second = (WIDTHS[token] for token in tokens or self.init_tokens())

        def net_arch(x: Any) -> Any:
            x = layers.conv2d(x, first, 3, stride=2, padding=1, param_attr="own_weights", bias_attr=False)
            x = layers.batch_norm(x, act="hard_swish")
            gate = layers.pool2d(x, pool_type="avg", global_pooling=True)
            gate = layers.fc(layers.fc(gate, second, act="relu"), first, act="hard_sigmoid")
            return layers.elementwise_mul(x, gate, axis=0)

        return net_arch


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    classes = (OpsForConformance, RawForConformance, FluidForConformance)
    for cls in classes:
        SEARCHSPACE.register(cls)
    yield
    for cls in classes:
        SEARCHSPACE.unregister(cls.__name__)


class TestFunctionOfOps(SpaceConformance):
    configs: ClassVar[list[Any]] = ["OpsForConformance"]


class TestFunctionOfFluid(SpaceConformance):
    configs: ClassVar[list[Any]] = ["FluidForConformance"]


class TestFunctionOfPaddle(BuildConformance):
    configs: ClassVar[list[Any]] = ["RawForConformance"]


class TestChain(SpaceConformance):
    configs: ClassVar[list[Any]] = [
        ("MobileNetV2BlockSpace", {"block_mask": [1]}),
        ("ResNetBlockSpace2", {"block_mask": [0, 1]}),
    ]


class TestOldNetworks(SpaceConformance):
    configs: ClassVar[list[Any]] = [("ResNetBlockSpace", {"block_mask": [0, 1], "compat": "paddleslim-2.6"})]

    def test_twice_in_a_config_has_its_own_parameters(self) -> None:
        with pytest.raises(AssertionError):  # PaddleSlim 2.6 shares them
            super().test_twice_in_a_config_has_its_own_parameters()
