"""Architecture files and Python source of every registered space, and of users' spaces: the outputs of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import SEARCHSPACE, CombinedSpace, NetArch
from sanas_spaces.export import to_json, to_python
from sanas_spaces.export.architecture import from_json
from sanas_spaces.graph import Graph

from . import networks
from .networks import IMAGE, as_module, assert_same, run_layer, weights_of

SEEDS = (0, 1)


def check(network: NetArch, shape: Any, folder: Path) -> str:
    """Build the network in three ways with the same weights; returns its source."""
    weights = weights_of(network, shape)
    expected = run_layer(network.layer(shape), weights, shape)

    loaded = from_json(to_json(network, shape))
    assert loaded.hash() == network.hash(shape)
    assert loaded.cost() == network.cost(shape)
    assert_same(run_layer(loaded.layer(), weights, shape), expected)

    source = to_python(network, shape)
    module = as_module(source)
    assert "sanas_spaces" not in {name.partition(".")[0] for name in module.__dict__}
    layer = module.Network()
    assert set(layer.state_dict()) == set(weights)
    assert {name: tuple(value.shape) for name, value in layer.state_dict().items()} == {
        name: value.shape for name, value in weights.items()
    }
    assert_same(run_layer(layer, weights, shape), expected)
    (folder / "network.py").write_text(source, encoding="utf-8")
    return source


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", list(SEARCHSPACE))
def test_random_network_of_a_space(name: str, seed: int, tmp_path: Path) -> None:
    check(networks.random_network(name, seed).network, IMAGE, tmp_path)


@pytest.mark.parametrize("name", networks.TAPPED)
def test_network_with_taps_and_keywords(name: str, tmp_path: Path) -> None:
    network = networks.tapped_network(name)
    check(network, network.input_shape, tmp_path)


@pytest.mark.parametrize("name", networks.OWN)
def test_network_of_a_user(name: str, tmp_path: Path) -> None:
    check(networks.own_network(name), IMAGE, tmp_path)


def test_chain_with_a_space_twice(tmp_path: Path) -> None:
    block = ("MobileNetV2BlockSpace", {"block_mask": [1]})
    space = CombinedSpace([block, ("ResNetBlockSpace2", {"block_mask": [0]}), block])
    check(space.token2arch([0] * len(space.table)).network, IMAGE, tmp_path)


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_source_is_formatted_and_clean(seed: int, tmp_path: Path) -> None:
    """As ``ruff format`` leaves it, without unused imports or names, for every network of this file."""
    made = {name: to_python(networks.random_network(name, seed), IMAGE) for name in SEARCHSPACE}
    made |= {f"tapped_{name}": to_python(networks.tapped_network(name)) for name in networks.TAPPED}
    made |= {name: to_python(networks.own_network(name)) for name in networks.OWN}
    for name, source in made.items():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    formatted = networks.ruff(tmp_path, "format", "--diff")
    assert formatted.returncode == 0, formatted.stdout[:3000]
    checked = networks.ruff(tmp_path, "check")
    assert checked.returncode == 0, checked.stdout[:3000]


def test_source_reads_like_that_of_a_person() -> None:
    """Equal blocks are one class, stages are sequences, and sizes have names."""
    space = CombinedSpace(["MobileNetV2Space"])
    source = to_python(space.token2arch(), (3, 32, 32))
    assert source.count("class ") == 4  # ConvNorm, InvertedBottleneck, InvertedResidual, Network
    assert 'self.conv1 = ConvNorm("mobilenetv2_conv1", 3, 32, 3, stride=2, act=F.relu6)' in source
    assert "    def __init__(self, name, in_channels, expand_channels):\n" in source
    assert "        x = self.conv2(x)\n        x = self.conv3(x)\n" in source
    assert max(map(len, source.splitlines())) <= 88


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_any_tokens_survive_a_file(data: st.DataObject) -> None:
    """Whatever the network is: the file gives the same one, and is written the same again."""
    name = data.draw(st.sampled_from([name for name in SEARCHSPACE if name != "DartsSpace"]))
    space = CombinedSpace(networks.configs_of(name))
    tokens = [data.draw(st.integers(0, count - 1)) for count in space.range_table()]
    archs = space.token2arch(tokens)
    text = to_json(archs, IMAGE)
    loaded = from_json(text)
    assert to_json(loaded) == text
    assert loaded.tokens == tokens
    assert loaded.choices == archs.network.choices
    assert layers(loaded.graph()) == layers(archs.network.graph(IMAGE))
    compile(to_python(archs, IMAGE), name, "exec")


def layers(graph: Graph) -> list[Any]:
    return [(node.name, node.kind, node.dims, node.parameters) for node in graph.live()]
