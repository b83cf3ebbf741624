"""Networks as blocks and as drawings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sanas_spaces import SEARCHSPACE, CombinedSpace, NetArch, ops
from sanas_spaces.blocks import _span, fold
from sanas_spaces.cost import graph_cost
from sanas_spaces.errors import ConfigError, CostError
from sanas_spaces.kinds import Input

SHAPE = (3, 32, 32)


def config(name: str) -> list[Any]:
    return [(name, {"block_mask": [1, 0]} if "Block" in name else {})]


def own(body: Any, name: str = "own") -> NetArch:
    return NetArch(body, described=True, name=name, input_shape=SHAPE)


@pytest.mark.parametrize("name", sorted(name for name in SEARCHSPACE if name.endswith(("Space", "Space2"))))
def test_blocks_hold_each_layer_once_and_all_of_the_cost(name: str) -> None:
    space = CombinedSpace(config(name))
    rng = np.random.default_rng(0)
    for _ in range(3):
        graph = space.token2arch(space.table.random(rng)).network.graph(SHAPE)
        stages = fold(graph)
        blocks = [block for stage in stages for block in stage.blocks]
        layers = [node.index for block in blocks for node in block.members]
        assert layers == [node.index for node in graph.live() if not isinstance(node.kind, Input)]
        assert all(len(block.members) == block.repeats * len(block.nodes) for block in blocks)
        assert sum(stage.flops for stage in stages) == graph_cost(graph).flops
        assert sum(block.params for block in blocks) == graph_cost(graph).params
        assert blocks[-1].output_shape == graph.outputs[0].dims


def test_the_stages_of_mobilenet_v2_are_found() -> None:
    stages = fold(CombinedSpace(["MobileNetV2Space"]).token2arch([4, 4, 5, 1, 0, 4, 4, 2, 0, 4, 4, 3, 0, 4, 5, 2, 0, 4, 7, 2, 0, 4, 9, 0, 0]).network.graph((3, 224, 224)))  # fmt: skip # noqa: E501
    assert [stage.size for stage in stages] == [(112, 112), (56, 56), (28, 28), (14, 14), (7, 7), (1, 1)]
    assert [(block.name, block.repeats, block.stride) for block in stages[3].blocks] == [
        ("mobilenetv2_conv3_1", 1, 2),
        ("mobilenetv2_conv3_2–4", 3, 1),
        ("mobilenetv2_conv4_1", 1, 1),
        ("mobilenetv2_conv4_2–3", 2, 1),
    ]
    assert stages[3].blocks[1].lines == ["1x1:384 → dw 3x3:384 → 1x1:64 + shortcut"]
    assert stages[0].blocks[0].lines == ["3x3:32 /2"]


def test_cells_without_a_tensor_that_all_goes_through_are_told_apart_by_name() -> None:
    graph = CombinedSpace(["DartsSpace"]).token2arch().network.graph(SHAPE)
    names = [block.name for stage in fold(graph) for block in stage.blocks]
    assert names[:4] == [
        "cifar10_darts_conv0",
        "cifar10_darts_layer1",
        "cifar10_darts_layer2",
        "cifar10_darts_layer3–6",
    ]


def test_branches_are_lines() -> None:
    graph = CombinedSpace(config("InceptionABlockSpace")).token2arch([0] * 18).network.graph(SHAPE)
    (block, _) = fold(graph)[0].blocks
    assert len(block.lines) == 4
    assert block.lines[0].count("→") == 2


def test_networks_of_nobody_in_particular_are_folded() -> None:
    def body(x: Any) -> Any:
        x = ops.conv_bn(x, 8, 3, stride=2, act="relu")
        for _ in range(3):
            x = x + ops.conv_bn(ops.conv_bn(x, 8, 3, act="relu"), 8, 3)
        return ops.classification_head(x, num_classes=10)

    stages = fold(own(body).graph())
    first, repeated = stages[0].blocks[:2]
    assert (first.stride, first.lines) == (2, ["3x3:8 /2"])
    assert (repeated.repeats, repeated.lines) == (3, ["2 × 3x3:8 + shortcut"])
    assert stages[-1].size is None
    assert stages[-1].blocks[-1].lines == ["fc:10"]


@pytest.mark.parametrize("name", ["DartsSpace", "MobileNetV1Space", "MobileNetV2Space", "ResNetSpace"])
def test_drawings_of_whole_networks_are_not_cut(name: str) -> None:
    """Names fit, shares have one decimal, and a pooling of the whole map is no stride of 7."""
    shape = (3, 32, 32) if name == "DartsSpace" else (3, 224, 224)
    picture = CombinedSpace([name]).token2arch().draw(shape)
    text = list(ElementTree.fromstring(picture.svg).itertext())
    assert not [words for words in text if "…" in words]
    assert {words for words in text if words.startswith("stride")} == {"stride 2"}
    shares = [words.split(" %")[0] for words in text if " %" in words]
    assert shares
    assert all(re.fullmatch(r"\d+\.\d|< 0\.1", share) for share in shares), shares


def test_rows_of_equal_blocks_are_named_by_their_numbers() -> None:
    assert _span("conv3_2", "conv3_4") == "conv3_2–4"
    assert _span("depth1_block0_bottleneck", "depth12_block0_bottleneck") == "depth1–12_block0_bottleneck"
    assert _span("a1_b1", "a2_b2") == "a1_b1 to a2_b2"
    assert _span("left", "right") == "left to right"
    assert _span("one", "one") == "one"


def test_drawings_show_shapes_shares_and_taps(tmp_path: Path) -> None:
    archs = CombinedSpace(["MobileNetV2Space"]).token2arch()
    picture = archs.network.draw((3, 224, 224), return_block=[2, 4])
    text = list(ElementTree.fromstring(picture.svg).itertext())
    assert "MobileNetV2Space" in text
    assert {"112 × 112", "tap 2", "tap 4", "→ 24 × 56 × 56", "stride 2", "× 3"} <= set(text)
    cost = archs.cost((3, 224, 224))
    assert f"{cost.flops:,} FLOPs, {cost.params:,} parameters" in text
    path = picture.save(tmp_path / "pictures" / "net.svg")
    assert path.read_text(encoding="utf-8") == picture._repr_svg_()
    with pytest.raises(ConfigError, match=r"expected an ending \.svg"):
        picture.save(tmp_path / "net.png")
    with pytest.raises(ConfigError, match="expected at least 280 pixels"):
        archs.draw(width=100)


def test_words_of_a_drawing_are_only_words() -> None:
    evil = '</title></text><script>x</script> "\x00&'

    def body(x: Any) -> Any:
        return ops.conv_bn(x, 8, 3, name=evil)

    root = ElementTree.fromstring(own(body, evil).draw().svg)
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    assert root.get("aria-label", "").startswith('</title></text><script>x</script> "\ufffd&')


def test_notebooks_show_networks_and_costs() -> None:
    archs = CombinedSpace(config("MobileNetV2BlockSpace")).token2arch([0] * 8)
    assert "<svg" in archs._repr_html_()
    assert f"{archs.cost().flops:,}" in archs.cost()._repr_html_()

    def raw(x: Any) -> Any:
        raise TypeError("<b>needs a tensor")

    html = NetArch(raw, name="<raw>")._repr_html_()
    assert "&lt;raw&gt;" in html
    assert "can be called but not described" in html
    with pytest.raises(CostError):
        NetArch(raw).draw()
