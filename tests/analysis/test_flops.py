"""FLOPs of programs and layers, against PaddleSlim's figures and by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import paddle
import pytest
from paddle import nn

from sanas_spaces import CombinedSpace
from sanas_spaces.analysis import dygraph_flops, flops, flops_table
from sanas_spaces.errors import BuildError, CostError

from ..again import run_again
from ..nas.record import RECORDED, network

SLIM = json.loads(RECORDED.read_text())["flops"]


@pytest.fixture
def program() -> Iterator[Any]:
    paddle.enable_static()
    main = paddle.static.Program()
    with paddle.static.program_guard(main, paddle.static.Program()), paddle.utils.unique_name.guard():
        yield main
    paddle.disable_static()


def test_figures_of_a_program_are_paddleslims(program: Any) -> None:
    network()
    assert flops(program) == SLIM["convolutions"][0]
    assert flops(program, detail=True) == tuple(SLIM["convolutions"])
    assert flops(program, only_conv=False) == SLIM["all"]


def test_backward_and_optimizer_are_not_counted(program: Any) -> None:
    loss = paddle.mean(network())
    paddle.optimizer.Adam(0.1).minimize(loss)
    assert flops(program) == SLIM["convolutions"][0]


def test_legacy_programs_count_alike() -> None:
    """The tests of this file again, in a process with the legacy IR, whose programs Paddle 3.3's matmul refuses."""
    run_again("legacy", __file__, "-k", "not products")


class Small(nn.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2D(3, 4, 3, padding=1, bias_attr=False)
        self.up = nn.Conv2DTranspose(4, 2, 2, stride=2, bias_attr=False)
        self.head = nn.Linear(2, 5)

    def forward(self, x: Any, scale: Any = None) -> Any:
        x = nn.functional.relu(self.up(self.conv(x)))
        x = x.mean([2, 3])
        if scale is not None:
            x = x * scale
        return self.head(x)


HAND = {"conv": 8 * 8 * 4 * 3 * 9, "up": 8 * 8 * 4 * 2 * 4, "head": 2 * 5}


def test_layer_by_hand() -> None:
    layer = Small()
    layer.train()
    assert flops(layer, [1, 3, 8, 8]) == sum(HAND.values())
    assert flops(layer, (7, 3, 8, 8)) == sum(HAND.values())
    assert flops(layer, [[1, 3, 8, 8], [1, 2]], dtypes=["float32", "float32"]) == sum(HAND.values())
    assert flops(layer, [paddle.ones([2, 3, 8, 8])]) == sum(HAND.values())
    assert dygraph_flops(layer, [1, 3, 8, 8]) == sum(HAND.values()) + 2 * 16 * 16
    assert [(row.kind, row.output_shape, row.flops) for row in flops_table(layer, [1, 3, 8, 8])] == [
        ("conv2d", (1, 4, 8, 8), HAND["conv"]),
        ("conv2d_transpose", (1, 2, 16, 16), HAND["up"]),
        ("matmul", (1, 5), HAND["head"]),
    ]
    assert layer.training
    assert layer(paddle.ones([1, 3, 8, 8])).shape == [1, 5]


def test_products_of_more_dimensions() -> None:
    class Attention(nn.Layer):
        def forward(self, x: Any) -> Any:
            return paddle.matmul(x, x, transpose_y=True)

    assert flops(Attention(), [2, 3, 5, 7]) == 3 * 5 * 7 * 5
    assert flops(nn.Linear(7, 4), [2, 5, 7]) == 5 * 7 * 4


def test_layer_in_static_mode() -> None:
    layer = Small()
    paddle.enable_static()
    try:
        assert flops(layer, [1, 3, 8, 8]) == sum(HAND.values())
        assert not paddle.in_dynamic_mode()
    finally:
        paddle.disable_static()


def test_layer_of_an_architecture_costs_what_its_description_says() -> None:
    archs = CombinedSpace(["MobileNetV2Space"]).token2arch()
    assert flops(archs[0].layer((3, 32, 32)), [1, 3, 32, 32]) == archs.cost((3, 32, 32)).flops


def test_errors_name_what_is_wrong(program: Any) -> None:
    image = paddle.static.data("image", [None, 3, None, 16], "float32")
    nn.Conv2D(3, 4, 3)(image)
    with pytest.raises(CostError, match=r"conv2d 'conv2d_0.w_0': .*\[-1, 3, -1, 16\]"):
        flops(program)
    paddle.disable_static()
    with pytest.raises(BuildError, match=r"Small is missing: give inputs"):
        flops(Small())
    with pytest.raises(BuildError, match=r"expected a paddle\.static\.Program or a paddle\.nn\.Layer"):
        flops("net")
    with pytest.raises(BuildError, match=r"Small cannot be traced with inputs \[1, 3\]"):
        flops(Small(), [1, 3])
    with pytest.raises(BuildError, match="dtypes = "):
        flops(Small(), [[1, 3, 8, 8]], dtypes=["float32", "int64"])
