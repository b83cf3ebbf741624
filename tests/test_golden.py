"""What PaddleSlim 2.6.0 builds, measured there, against what is described here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import CombinedSpace, spaces

FOLDER = Path(__file__).parent / "golden"
CASES = json.loads((FOLDER / "networks.json").read_text())["cases"]
SPACES = json.loads((FOLDER / "spaces.json").read_text())
IDS = [f"{i}-{case['space']}" for i, case in enumerate(CASES)]


def differs_by_default(case: dict[str, Any]) -> bool:
    """Rule 3 of the compatibility policy: where PaddleSlim builds something else than it documents, we do not."""
    reads_rows_twice = case["config"].get("block_num", 0) > 2
    ignores_a_token = case["space"] == "ResNetBlockSpace"
    ignores_strides = case["space"] == "InceptionABlockSpace" and "block_mask" in case["config"]
    return reads_rows_twice or ignores_a_token or ignores_strides


def measured(configs: list[Any], tokens: list[int]) -> dict[str, Any]:
    network = CombinedSpace(configs).token2arch(tokens).network
    parameters = network.graph((3, 32, 32)).parameters()
    cost = network.cost((3, 32, 32))
    lines = "\n".join(f"{parameter.name} {list(parameter.shape)}" for parameter in parameters)
    return {
        "params": cost.params,
        "params_with_statistics": cost.params_with_statistics,
        "tensors": len(parameters),
        "flops": cost.flops,
        "output_shape": list(cost.output_shape),
        "names_md5": hashlib.md5(lines.encode()).hexdigest(),
    }


def expected(case: dict[str, Any]) -> dict[str, Any]:
    return {key: case[key] for key in case if key not in ("space", "config", "tokens")}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_network_is_paddleslims(case: dict[str, Any]) -> None:
    config = {**case["config"], "compat": "paddleslim-2.6"}
    assert measured([(case["space"], config)], case["tokens"]) == expected(case)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_network_is_paddleslims_by_default_unless_its_documentation_says_otherwise(case: dict[str, Any]) -> None:
    same = measured([(case["space"], case["config"])], case["tokens"]) == expected(case)
    assert same != differs_by_default(case)


def test_all_cases_are_there() -> None:
    assert len(CASES) == 310
    assert {case["space"] for case in CASES} == set(spaces.__all__) - {"InceptionCBlockSpace", "ResNetBlockSpace2"}


@pytest.mark.parametrize("name", sorted(SPACES))
def test_choices_and_tables_are_paddleslims(name: str) -> None:
    golden = SPACES[name]
    block = "Block" in name
    space = CombinedSpace([(name, {"block_mask": [1]} if block else {})])
    range_table = golden["range_table_per_block"] if block else golden["range_table"]
    if name == "InceptionCBlockSpace":  # its decoder read eleven tokens, two more filters than its table had
        range_table = [23] * 9 + [2, 2]
    assert space.range_table() == range_table
    options = {tuple(field.options) for field in space.table.fields}
    lists = {tuple(values) for values in golden["choice_lists"].values()}
    assert {("avg", "max") if values == (0, 1) else values for values in lists} == options
    if golden["init_tokens"]:
        assert space.init_tokens() == golden["init_tokens"]


MEASURED = [
    (name, which, size)
    for name in sorted(SPACES)
    for which in ("init_tokens_measured", "all_zero_tokens_measured", "all_max_tokens_measured")
    for size in SPACES[name].get(which, {})
]


@pytest.mark.parametrize(("name", "which", "size"), MEASURED)
def test_costs_at_32_and_224_pixels_are_paddleslims(name: str, which: str, size: str) -> None:
    space = CombinedSpace([name])
    tokens = {
        "init_tokens_measured": space.init_tokens(),
        "all_zero_tokens_measured": [0] * len(space.table),
        "all_max_tokens_measured": [count - 1 for count in space.range_table()],
    }[which]
    channels, height, width = map(int, size.split("x"))
    cost = space.token2arch(tokens).cost((channels, height, width))
    golden = SPACES[name][which][size]
    assert (cost.params, cost.params_with_statistics) == (
        golden["params"]["trainable"],
        golden["params"]["all_incl_bn_stats"],
    )
    assert cost.flops == golden["flops"]
