"""Each row of docs/compatibility.md, with the figures that stand there; PaddleSlim's were measured with 2.6.0."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from sanas_spaces import SANAS, CombinedSpace, analysis, search
from sanas_spaces.draw import layer_rows
from sanas_spaces.errors import (
    ConfigError,
    RewardError,
    SanasWarning,
    SearchExhausted,
    SearchFinished,
    ServiceError,
    TokenError,
)
from sanas_spaces.nas import RLNAS
from sanas_spaces.nas.early_stop import MedianStop
from sanas_spaces.nas.lstm_controller import ControllerSettings
from sanas_spaces.spaces import MobileNetV1Space

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| ([A-Z]\d+) \|.*$", PAGE, re.MULTILINE)}
COMPAT = {"compat": "paddleslim-2.6"}
IMAGE = (3, 32, 32)
V1 = [6, 6, 6, 0, 6, 7, 0, 7, 6, 0, 6, 10, 0, 10, 8, 0, 8, 11, 0, 4, 11, 8, 0, 8, 10, 0, 10, 10, 0]
V2 = [4, 4, 5, 1, 0, 4, 4, 2, 0, 4, 4, 3, 0, 4, 5, 2, 0, 4, 7, 2, 0, 4, 9, 0, 0]


def both(name: str, config: dict[str, Any], times: int = 1) -> tuple[CombinedSpace, CombinedSpace]:
    """The space as PaddleSlim has it, and ours."""
    return CombinedSpace([(name, config | COMPAT)] * times), CombinedSpace([(name, config)] * times)


def flops(space: CombinedSpace, tokens: list[int], **kwargs: Any) -> int:
    return space.token2arch(tokens).network.cost(IMAGE, **kwargs).flops


def output(space: CombinedSpace, tokens: list[int]) -> str:
    return "x".join(map(str, space.token2arch(tokens).cost(IMAGE).output_shape))


def taps(space: CombinedSpace, tokens: list[int], **kwargs: Any) -> dict[int, str]:
    _, found = space.token2arch(tokens).network.graph(IMAGE, **kwargs).result
    return {key: "x".join(map(str, node.dims)) for key, node in found.items()}


def activations(space: CombinedSpace, tokens: list[int]) -> int:
    rows = layer_rows(space.token2arch(tokens).network.graph(IMAGE))
    return sum(what.endswith("relu") for _, what, *_ in rows)


def stands(row: str, *figures: object) -> None:
    """The row shows these figures."""
    for figure in figures:
        text = f"{figure:,}" if isinstance(figure, int) else str(figure)
        assert text in ROWS[row], f"{text} is missing in row {row}"


def test_every_row_is_tested() -> None:
    tested = {match[1].upper() for name in globals() if (match := re.match(r"test_([a-z]\d+)_", name))}
    assert tested == set(ROWS)


def test_n1_mobilenet_v1_has_activations() -> None:
    old, new = both("MobileNetV1Space", {})
    assert (activations(old, V1), activations(new, V1)) == (0, 27)
    assert flops(old, V1) == flops(new, V1) == 11_586_048
    assert new.init_tokens() == V1
    stands("N1", 27)


def test_n2_mobilenet_v1_blocks_have_activations() -> None:
    tokens = [6, 8, 0, 8, 10, 1]
    old, new = both("MobileNetV1BlockSpace", {"block_mask": [1, 0]})
    assert (activations(old, tokens), activations(new, tokens)) == (0, 4)
    assert flops(old, tokens) == flops(new, tokens) == 2_543_104
    stands("N2", tokens)


def test_n3_inception_blocks_follow_the_mask() -> None:
    tokens = [4, 4, 4, 4, 4, 4, 4, 0, 0] * 2
    old, new = both("InceptionABlockSpace", {"block_mask": [1, 0]})
    assert (flops(old, tokens), output(old, tokens)) == (18_546_688, "64x32x32")
    assert (flops(new, tokens), output(new, tokens)) == (6_479_872, "64x16x16")
    stands("N3", tokens, 18_546_688, "64x32x32", 6_479_872, "64x16x16")
    old, new = both("InceptionABlockSpace", {"input_size": 32, "output_size": 16, "block_num": 2})
    assert flops(old, tokens) == flops(new, tokens) == 6_479_872


def test_n4_resnet_blocks_use_every_token() -> None:
    old, new = both("ResNetBlockSpace", {"block_mask": [1]})
    narrow, wide = [0, 2, 4, 0, 1, 1], [0, 7, 4, 0, 1, 1]
    assert flops(old, narrow) == flops(old, wide) == 24_518_656
    assert (flops(new, narrow), flops(new, wide)) == (14_819_328, 39_067_648)
    stands("N4", narrow, wide, 24_518_656, 14_819_328, 39_067_648)
    assert flops(old, [0, 2, 4, 0, 1, 0]) == flops(new, [0, 2, 4, 0, 1, 0]) == 17_965_056


def test_n5_every_row_is_read_once() -> None:
    tokens = [value for i in range(7) for value in (0, i, 0, 0)]
    old, new = both("MobileNetV2BlockSpace", {"input_size": 32, "output_size": 4, "block_num": 7})
    assert (flops(old, tokens), output(old, tokens)) == (227_840, "24x4x4")
    assert (flops(new, tokens), output(new, tokens)) == (283_712, "32x4x4")
    assert old.spaces[0].plan.rows == (0, 0, 1, 1, 2, 2, 5)  # type: ignore[attr-defined]
    stands("N5", tokens, 227_840, "24x4x4", 283_712, "32x4x4", "0, 0, 1, 1, 2, 2, 5")


def test_n6_taps_are_the_end_of_their_stage() -> None:
    old, new = both("ResNetSpace", {})
    asked = {"return_block": [1, 2, 3, 4], "end_points": 4}
    assert taps(old, old.init_tokens(), **asked) == {1: "512x8x8", 2: "1024x4x4", 3: "2048x2x2"}
    assert taps(new, new.init_tokens(), **asked) == {1: "256x16x16", 2: "512x8x8", 3: "1024x4x4", 4: "2048x2x2"}
    stands("N6", "512x8x8", "256x16x16")


def test_n7_taps_are_returned() -> None:
    old, new = both("MobileNetV2Space", {})
    assert old.token2arch(V2).network.graph(IMAGE, return_block=[2]).result.dims == (1280, 1, 1)
    assert taps(new, V2, return_block=[2]) == {2: "144x8x8"}
    stands("N7", "144x8x8")
    old, new = both("MobileNetV1BlockSpace", {"block_mask": [1, 0, 1, 0]})
    tokens = [6, 8, 0, 8, 10, 0, 10, 11, 0, 11, 12, 0]
    assert len(old.token2arch(tokens).network.graph(IMAGE, return_block=[1]).result) == 1
    assert taps(old, tokens, return_block=[1], return_mid_layer=True) == {1: "128x8x8"}
    assert taps(new, tokens, return_block=[1]) == {1: "96x16x16"}


def test_n8_the_last_stage_has_a_tap() -> None:
    old, new = both("MobileNetV1Space", {})
    asked = {"return_block": [1, 2, 3, 4, 5], "end_points": 5}
    assert taps(old, V1, **asked) == {1: "128x8x8", 2: "256x4x4", 3: "512x2x2", 4: "1024x1x1"}
    assert taps(new, V1, **asked)[5] == "1024x1x1"
    stands("N8", "1024x1x1")
    old, new = both("MobileNetV2Space", {})
    assert taps(old, V2, **asked)[5] == taps(new, V2, **asked)[5] == "960x1x1"


def test_n9_a_space_twice_has_its_own_parameters() -> None:
    tokens = [0, 0, 0, 0, 1, 1] * 2
    old, new = both("ResNetBlockSpace", {"block_mask": [0]}, times=2)
    counts = [len(space.token2arch(tokens).network.graph((48, 32, 32)).parameters()) for space in (old, new)]
    assert counts == [15, 30]
    stands("N9", tokens, "48x32x32", *counts)


def test_s1_architectures_keep_their_tokens() -> None:
    space = CombinedSpace(["MobileNetV2Space"])
    first = space.token2arch(V2)
    second = space.token2arch([0] * 25)
    assert (first.cost(IMAGE).flops, second.cost(IMAGE).flops) == (6_374_272, 681_160)
    stands("S1", 6_374_272, 681_160)


def test_s2_output_stride_holds_for_its_call() -> None:
    arch = CombinedSpace(["MobileNetV2Space"]).token2arch(V2).network
    found = [arch.cost(IMAGE, **kwargs).flops for kwargs in ({}, {"output_stride": 8}, {})]
    assert found == [6_374_272, 36_778_240, 6_374_272]
    stands("S2", *found)


def test_e1_negative_tokens_are_errors() -> None:
    with pytest.raises(TokenError, match="token 1 = -1"):
        CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [1]})]).token2arch([0, -1, 0, 0])
    stands("E1", [0, -1, 0, 0])


def test_e2_too_many_tokens_are_errors() -> None:
    with pytest.raises(TokenError, match="too many tokens: 5 given, 4 expected"):
        CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [1]})]).token2arch([0, 4, 0, 0, 3])
    stands("E2", [0, 4, 0, 0, 3])


def test_e3_other_mask_entries_are_errors() -> None:
    with pytest.raises(ConfigError, match=r"block_mask\[0\] = 2"):
        CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [2, 0]})])
    stands("E3", [2, 0])


def test_e4_misspelt_settings_are_errors() -> None:
    with pytest.raises(ConfigError, match="did you mean 'block_mask'"):
        CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [1, 0], "block_maks": [1]})])
    stands("E4", '{"block_mask": [1, 0], "block_maks": [1]}')


def test_f1_the_nearest_size_is_built() -> None:
    with pytest.warns(SanasWarning, match="28, not 32: halving 224 gives 224, 112, 56, 28"):
        space = CombinedSpace([("MobileNetV2BlockSpace", {"input_size": 224, "output_size": 32, "block_num": 10})])
    assert space.token2arch([0] * 40).cost().output_shape == (3, 28, 28)


def test_f2_equal_sizes_keep_the_size() -> None:
    space = CombinedSpace([("MobileNetV2BlockSpace", {"input_size": 32, "output_size": 32, "block_num": 2})])
    assert output(space, [0] * 8) == "3x32x32"


def test_f3_mobilenet_v1_takes_output_stride() -> None:
    space = CombinedSpace(["MobileNetV1Space"])
    feature, _ = space.token2arch(V1).network.graph(IMAGE, output_stride=8, end_points=[2, 3]).result
    assert feature.dims[1:] == (8, 8)


def test_f4_token2arch_without_tokens() -> None:
    assert MobileNetV1Space().token2arch().tokens == V1


def test_f5_inception_c_has_eleven_tokens() -> None:
    space = CombinedSpace([("InceptionCBlockSpace", {"block_mask": [1]})])
    assert space.range_table() == [23] * 9 + [2, 2]
    assert output(space, [0] * 11) == "18x16x16"


def test_f6_block_spaces_chain() -> None:
    configs = [("MobileNetV2BlockSpace", {"block_mask": [1]}), ("MobileNetV1BlockSpace", {"block_mask": [1]})]
    archs = CombinedSpace(configs).token2arch([0, 4, 0, 0, 6, 8, 0])
    assert archs.cost(IMAGE).flops == 452_608  # as PaddleSlim's, when the tuples are unpacked by hand
    image = archs.network.graph(IMAGE).input(IMAGE)
    assert archs[1](archs[0](image))[0].dims == archs(image)[0].dims == (64, 8, 8)


def test_f7_darts_trains_any_batch() -> None:
    import paddle

    arch = CombinedSpace(["DartsSpace"]).token2arch([0] * 20)
    assert arch.cost(IMAGE).output_shape == (10,)
    mask = paddle.ones([3, 20, 4, 2])
    logits, auxiliary = arch(paddle.ones([3, *IMAGE]), drop_prob=0.2, drop_path_mask=mask, is_train=True)
    assert logits.shape == auxiliary.shape == [3, 10]


def test_f8_scale_is_a_setting() -> None:
    for name, tokens in (("MobileNetV1BlockSpace", [6, 8, 0]), ("MobileNetV2BlockSpace", [0, 6, 0, 0])):
        space = CombinedSpace([(name, {"block_mask": [1], "scale": 0.5})])
        full = CombinedSpace([(name, {"block_mask": [1]})])
        widths = [s.token2arch(tokens).cost(IMAGE).output_shape[0] for s in (space, full)]
        assert 2 * widths[0] == widths[1]


def test_f9_numpy_integers_are_welcome() -> None:
    config = {"block_mask": np.array([1, 0]), "input_size": np.int64(32)}
    space = CombinedSpace([("MobileNetV2BlockSpace", config)])
    assert space.token2arch(np.zeros(8, np.int32)).network.tokens == [0] * 8


BLOCKS: list[Any] = [("MobileNetV2BlockSpace", {"block_mask": [1, 0]})]
SMALL: list[Any] = [("ResNetBlockSpace2", {"block_mask": [1]})]


def sanas(configs: list[Any], **kwargs: Any) -> SANAS:
    return SANAS(configs, **{"save_checkpoint": None, "seed": 0, **kwargs})


def test_d1_initial_tokens_come_first() -> None:
    driver = sanas(["MobileNetV2Space"])
    assert driver.next_archs().network.tokens == V2


def test_d2_temperature() -> None:
    def temperature(configs: list[Any], **kwargs: Any) -> float:
        result = search(configs, lambda candidate: 0.0, steps=1, input_shape=IMAGE, algorithm="paddleslim", **kwargs)
        return float(result.settings["init_temperature"])

    assert temperature(BLOCKS) == 10.0
    assert temperature(BLOCKS, init_tokens=[0] * 8) == temperature(["MobileNetV2Space"]) == 1.0


def test_d3_low_rewards_can_be_the_best() -> None:
    driver = sanas(BLOCKS)
    driver.next_archs()
    driver.reward(-1234.5)
    assert driver.current_info()["best_reward"] == -1234.5


def test_d4_the_search_looks_further() -> None:
    driver = sanas(SMALL, search_steps=600, input_shape=(3, 8, 8))
    for _ in range(8**3):  # 21 changes of one token, 512 networks
        driver.next_archs()
        driver.reward(0.0)
    with pytest.raises(SearchExhausted, match="512 candidates"):
        driver.next_archs()


def test_d5_current_info_after_the_last_step() -> None:
    driver = sanas(BLOCKS, search_steps=1)
    driver.next_archs()
    driver.reward(0.5)
    assert driver.current_info()["best_reward"] == 0.5


def test_d6_a_further_call_says_so() -> None:
    driver = sanas(BLOCKS, search_steps=1)
    driver.next_archs()
    driver.reward(0.5)
    with pytest.raises(SearchFinished, match="all 1 steps are used"):
        driver.next_archs()


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), "0.5", None])
def test_d7_what_is_no_number_is_an_error(reward: Any) -> None:
    driver = sanas(BLOCKS)
    driver.next_archs()
    with pytest.raises(RewardError):
        driver.reward(reward)
    assert driver.reward(0.5)


def test_d8_no_network_twice() -> None:
    result = search(["MobileNetV1Space"], lambda candidate: 0.0, steps=60, input_shape=IMAGE, seed=0)
    assert len({CombinedSpace(["MobileNetV1Space"]).token2arch(r["tokens"]).hash() for r in result.history}) == 60


def test_a1_flops_of_layers_and_programs() -> None:
    layer = paddle.nn.Conv2D(3, 4, 3, bias_attr=False)
    paddle.enable_static()
    try:
        program = paddle.static.Program()
        with paddle.static.program_guard(program, paddle.static.Program()):
            image = paddle.static.data("image", [None, 3, 8, 8], "float32")
            paddle.nn.Conv2D(3, 4, 3, bias_attr=False)(image)
    finally:
        paddle.disable_static()
    assert analysis.flops(layer, [1, 3, 8, 8]) == analysis.flops(program) == 3_888
    stands("A1", 3_888)


def test_a2_products_of_more_dimensions() -> None:
    assert analysis.flops(paddle.nn.Linear(7, 4), [2, 5, 7]) == 140
    stands("A2", 140)


def test_a3_transposed_convolutions() -> None:
    assert analysis.flops(paddle.nn.Conv2DTranspose(3, 4, 2, 2), [1, 3, 8, 8]) == 3_072
    stands("A3", 3_072)


def test_a4_each_median_rule_has_its_own_results() -> None:
    first, second = (MedianStop(None, 0) for _ in range(2))
    assert first.get_status(0, 2.0, 1) == "GOOD"
    assert first.get_status(1, 1.0, 1) == "BAD"
    assert second.get_status(0, 1.0, 1) == "GOOD"


def test_a5_rlnas_learns_from_few_rewards() -> None:
    def share_of_wanted(**settings: Any) -> float:
        controller = RLNAS("lstm", [("ResNetBlockSpace", {"block_mask": [0]})], seed=0, hidden_size=16, **settings)
        found = []
        for _ in range(60):
            controller.next_archs(1)
            found.append(controller.tokens[0][0] >= 6)
            controller.reward(float(found[-1]))
        return sum(found[-20:]) / 20

    assert share_of_wanted(controller_lr=0.02) >= 0.9
    assert share_of_wanted(controller_lr=1e-4, tanh_constant=0, weight_entropy=0) < 0.8
    stands("A5", "0.003", "controller_lr=1e-4")
    assert ControllerSettings().controller_lr == 0.003


def test_d9_checkpoints_of_paddleslim_are_continued(tmp_path: Path) -> None:
    space = CombinedSpace(["ResNetSpace"])
    tokens = space.init_tokens()
    scene = {
        "_range_table": [[0] * 8, space.range_table()],
        "_init_temperature": 4.0,
        "_tokens": tokens,
        "_reward": 0.5,
        "_max_reward": 0.5,
        "_best_tokens": tokens,
        "_iter": 1,
        "_searched": {str(tokens): 0.5},
    }
    (tmp_path / "sanas.checkpoints").write_text(json.dumps(scene))
    found = sanas(["ResNetSpace"], load_checkpoint=tmp_path)
    assert found.current_info()["best_tokens"] == tokens
    assert found._engine.algorithm.temperature == pytest.approx(4.0 * 0.85)


def test_d9_a_search_continues_exactly(tmp_path: Path) -> None:
    whole = sanas(BLOCKS, search_steps=8)
    part = sanas(BLOCKS, search_steps=8, save_checkpoint=tmp_path)
    for step in range(8):
        if step == 3:
            part.next_archs()  # left open
            part = SANAS(BLOCKS, search_steps=8, save_checkpoint=tmp_path, load_checkpoint=tmp_path)
        assert part.next_archs().network.tokens == whole.next_archs().network.tokens
        part.reward(-step)
        whole.reward(-step)


def test_d10_no_server_without_an_address() -> None:
    threads = threading.active_count()
    sanas(BLOCKS).next_archs()
    assert threading.active_count() == threads
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServiceError, match="cannot listen"):
            sanas(BLOCKS, server_addr=taken.getsockname())
    with pytest.raises(ConfigError, match="needs a token"):
        sanas(BLOCKS, server_addr=("0.0.0.0", 0))
    with pytest.raises(ServiceError, match="no answer from"):
        sanas(BLOCKS, server_addr=("127.0.0.1", 1), is_server=False, patience=0)


def test_d11_steps_of_all_clients() -> None:
    server = sanas(BLOCKS, server_addr=("", 0), search_steps=3)
    clients = [sanas(BLOCKS, server_addr=server.server_addr, is_server=False) for _ in range(2)]
    for client in (*clients, clients[0]):
        client.next_archs()
        client.reward(1.0)
    for driver in (*clients, server):
        with pytest.raises(SearchFinished):
            driver.next_archs()
    server.close()


def test_k1_the_first_block_expands_32_channels() -> None:
    for space in both("MobileNetV2BlockSpace", {"block_mask": [1]}):
        assert layer_rows(space.token2arch([1, 4, 0, 0]).network.graph(IMAGE))[0][2] == "64x32x32"
    stands("K1", [1, 4, 0, 0], 64)


def test_k2_depthwise_widths_are_multiples() -> None:
    for space in both("MobileNetV1Space", {}):
        assert space.token2arch(V1).hash() == space.token2arch([*V1[:4], 5, *V1[5:]]).hash()
        assert V1[4] == 6


def test_k3_taps_of_mobilenet_v2_are_expanded() -> None:
    space = CombinedSpace(["MobileNetV2Space"])
    feature, found = space.token2arch(V2).network.graph(IMAGE, return_block=[2], end_points=2).result
    assert (feature.dims[0], found[2].dims[0]) == (24, 144)


def test_k4_random_initial_tokens() -> None:
    space = CombinedSpace(BLOCKS)
    assert len({tuple(space.init_tokens()) for _ in range(20)}) > 1
    starts = [sanas(BLOCKS).next_archs().network.tokens for _ in range(2)]
    assert starts[0] == starts[1]
