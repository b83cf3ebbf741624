from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces import SEARCHSPACE, CombinedSpace, SearchSpaceBase
from sanas_spaces.errors import ConfigError, SanasWarning
from sanas_spaces.strides import from_sizes, reachable_sizes

BLOCK_SPACES = [name for name in SEARCHSPACE if "Block" in name]
MASK = {"block_mask": [0, 1, 1, 1, 1, 0, 1, 0]}


@pytest.mark.parametrize("configs", [["MobileNetV2Space"], [("MobileNetV2Space", {})], [("MobileNetV2Space", None)]])
def test_documented_forms_of_whole_networks(configs: list[Any]) -> None:
    space = CombinedSpace(configs)
    assert space.token2arch().cost().flops == 312_339_328
    assert len(space.token2arch()) == 1


@pytest.mark.parametrize("name", BLOCK_SPACES)
def test_block_mask(name: str) -> None:
    for mask in (MASK["block_mask"], np.array(MASK["block_mask"]), tuple(MASK["block_mask"])):
        space = CombinedSpace([(name, {"block_mask": mask})])
        cost = space.token2arch([0] * len(space.table)).cost((3, 64, 64))
        assert cost.output_shape[1:] == (2, 2)  # five of eight blocks halve


@pytest.mark.parametrize("name", BLOCK_SPACES)
def test_documented_sizes_build_the_nearest_that_can_be_reached(name: str) -> None:
    with pytest.warns(SanasWarning, match="28, not 32"):
        space = CombinedSpace([(name, {"input_size": 224, "output_size": 32, "block_num": 10})])
    cost = space.token2arch([0] * len(space.table)).cost()
    assert cost.output_shape[1:] == (28, 28)


@pytest.mark.parametrize("name", BLOCK_SPACES)
def test_equal_sizes_keep_the_size(name: str) -> None:
    space = CombinedSpace([(name, {"input_size": 16, "output_size": 16, "block_num": 2})])
    assert space.token2arch([0] * len(space.table)).cost().output_shape[1:] == (16, 16)


@given(st.integers(1, 300), st.integers(1, 40), st.data())
def test_plans_reach_what_they_promise(input_size: int, block_num: int, data: st.DataObject) -> None:
    output_size = data.draw(st.sampled_from(reachable_sizes(input_size)[: block_num + 1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = from_sizes(input_size, output_size, block_num)
    size = input_size
    for stride in plan.strides:
        size = -(-size // stride)
    assert size == output_size
    assert plan.rows == tuple(range(block_num))


def test_compat_reads_the_rows_that_paddleslim_reads() -> None:
    plan = from_sizes(32, 4, 7, reuse_rows=True)
    assert plan.rows == (0, 0, 1, 1, 2, 2, 5)
    assert plan.strides == (2, 1, 2, 1, 2, 1, 1)
    assert from_sizes(224, 7, 10, reuse_rows=True).rows == (0, 0, 1, 1, 2, 2, 3, 3, 4, 4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"input_size": 32, "output_size": 64, "block_num": 3}, "output_size = 64 is larger.*32, 16, 8, 4"),
        ({"input_size": 224, "output_size": 7, "block_num": 3}, "needs 5 halvings.*224, 112, 56, 28"),
        ({"block_maks": [1]}, r"unknown setting 'block_maks' = \[1\]; did you mean 'block_mask'"),
        ({"block_mask": [0, 2]}, r"block_mask\[1\] = 2: expected 0"),
        ({"block_mask": [0, True]}, r"block_mask\[1\] = True"),
        ({"block_mask": []}, r"block_mask = \[\]: expected a list"),
        ({"block_mask": "01"}, "block_mask = '01'"),
        ({"block_mask": [1], "compat": "2.6"}, "compat = '2.6': expected 'paddleslim-2.6'"),
        ({"input_size": 32, "block_num": 3}, "missing: output_size"),
        ({"input_size": 0, "output_size": 1, "block_num": 3}, "input_size = 0: expected a positive integer"),
        ({"input_size": 32, "output_size": 4, "block_num": 2.5}, "block_num = 2.5"),
        ({}, "needs block_mask, or input_size, output_size and block_num"),
    ],
)
@pytest.mark.parametrize("name", BLOCK_SPACES)
def test_bad_settings_are_named(name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        CombinedSpace([(name, config)])


@pytest.mark.parametrize(
    "configs", ["MobileNetV2Space", [], None, [1], [("MobileNetV2Space", 3)], [("a", {}, 1)], {"MobileNetV2Space": {}}]
)
def test_malformed_configs_are_refused(configs: Any) -> None:
    with pytest.raises(ConfigError, match="configs"):
        CombinedSpace(configs)


def test_sizes_of_a_whole_network_are_not_used_and_said_so() -> None:
    with pytest.warns(SanasWarning, match="whole network; input_size, block_num are not used"):
        space = CombinedSpace([("ResNetSpace", {"input_size": 32, "block_num": 3})])
    assert space.token2arch().cost((3, 224, 224)).flops == 15_936_700_416


def test_mask_stands_above_sizes() -> None:
    config = {"input_size": 32, "output_size": 8, "block_num": 9, "block_mask": [1, 0]}
    space = CombinedSpace([("MobileNetV2BlockSpace", config)])
    assert len(space.table) == 8
    assert space.spaces[0].block_num is None


def test_width_multiplier_is_a_setting() -> None:
    wide = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [0], "scale": 2.0})]).token2arch([0, 5, 0, 0])
    assert wide.cost((3, 8, 8)).output_shape[0] == 2 * 24


@given(
    st.lists(
        st.sampled_from(["MobileNetV2BlockSpace", "ResNetBlockSpace2", "InceptionABlockSpace"]), min_size=1, max_size=4
    )
)
def test_combining_is_concatenation(names: list[str]) -> None:
    configs = [(name, {"block_mask": [0]}) for name in names]
    combined = CombinedSpace(configs)
    parts = [CombinedSpace([config]) for config in configs]
    tables = [part.range_table() for part in parts]
    assert combined.range_table() == [count for table in tables for count in table]
    tokens = combined.table.random(np.random.default_rng(0))
    archs = combined.token2arch(tokens)
    assert [token for arch in archs for token in arch.tokens] == tokens
    shape = (3, 8, 8)
    total = 0
    for arch in archs:
        cost = arch.cost(shape)
        total += cost.flops
        shape = cost.output_shape
    assert archs.cost((3, 8, 8)).flops == total
    assert len(set(combined.table.fields)) == len(combined.table.fields)


class NoSuper(SearchSpaceBase):
    def __init__(self, input_size: Any, output_size: Any, block_num: Any, block_mask: Any) -> None:
        pass


class Options(SearchSpaceBase):
    def __init__(self, input_size: Any, output_size: Any, block_num: Any, block_mask: Any, width: int = 4) -> None:
        super().__init__(input_size, output_size, block_num, block_mask)
        self.width = width

    def init_tokens(self) -> list[int]:
        return [0]

    def range_table(self) -> list[int]:
        return [self.width]

    def token2arch(self, tokens: Any = None) -> Any:
        return None


@pytest.fixture
def registered() -> Any:
    for cls in (NoSuper, Options):
        SEARCHSPACE.register(cls)
    yield
    for cls in (NoSuper, Options):
        SEARCHSPACE.unregister(cls.__name__)


@pytest.mark.usefixtures("registered")
def test_users_spaces() -> None:
    with pytest.raises(ConfigError, match=r"NoSuper\.__init__ has to call super\(\)"):
        CombinedSpace(["NoSuper"])
    space = CombinedSpace([("Options", {"width": np.int64(7)})])
    assert space.range_table() == [7]
    with pytest.raises(ConfigError, match="unknown setting 'widht' = 7; did you mean 'width'"):
        CombinedSpace([("Options", {"widht": 7})])
    with pytest.raises(ConfigError, match=r"Options\.token2arch\(\[3\]\) returned None: expected a function"):
        space.token2arch([3])
