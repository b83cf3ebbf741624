"""RLNAS: what it proposes, that it learns and goes on exactly, and that it leaves the caller's Paddle alone."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import SEARCHSPACE, SearchSpaceBase
from sanas_spaces.errors import ConfigError, RecordError, RewardError, TokenError
from sanas_spaces.nas.lstm_controller import ControllerSettings, LSTMController
from sanas_spaces.nas.rl_nas import RLNAS
from sanas_spaces.nas.rl_policy import FILE_NAME

from ..again import run_again

SMALL = [("MobileNetV2BlockSpace", {"block_mask": [0]})]  # 6 x 20 x 6 x 2
TINY = [("MobileNetV1BlockSpace", {"block_mask": [0]})]  # 25 x 25 x 2
RANGE_TABLES = st.lists(st.integers(1, 7), min_size=1, max_size=6)
QUICK: dict[str, Any] = {"seed": 0, "hidden_size": 8}


class TwelveLists(SearchSpaceBase):
    """A space that is soon used up."""

    def init_tokens(self) -> list[int]:
        return [0, 0, 0]

    def range_table(self) -> list[int]:
        return [2, 3, 2]

    def token2arch(self, tokens: Any = None) -> Any:
        return lambda x: x


@pytest.fixture
def twelve_lists() -> Iterator[list[Any]]:
    SEARCHSPACE.register(TwelveLists)
    yield ["TwelveLists"]
    SEARCHSPACE.unregister("TwelveLists")


def controller(range_table: list[int], seed: int = 0, **given: Any) -> LSTMController:
    return LSTMController(range_table, ControllerSettings(**given), rng=np.random.default_rng(seed))


def search(rl_nas: RLNAS, steps: int, count: int = 1) -> list[list[int]]:
    """Proposals of some steps with a reward that is the same each time."""
    proposed = []
    for _ in range(steps):
        rl_nas.next_archs(count)
        assert rl_nas.tokens is not None
        assert rl_nas.reward([score(tokens) for tokens in rl_nas.tokens])
        proposed += rl_nas.tokens
    return proposed


def score(tokens: list[int]) -> float:
    return sum(token * (-1) ** position for position, token in enumerate(tokens)) / 8


@settings(deadline=None, max_examples=30)
@given(RANGE_TABLES, st.integers(1, 5), st.integers(1, 3))
def test_proposals_lie_in_the_range_table(range_table: list[int], count: int, layers: int) -> None:
    policy = controller(range_table, hidden_size=5, lstm_num_layers=layers)
    for _ in range(2):
        drawn = policy.sample(count)
        assert len(drawn) == count
        for tokens in (*drawn, *policy.most_likely(1)):
            assert len(tokens) == len(range_table)
            assert all(type(token) is int and 0 <= token < n for token, n in zip(tokens, range_table, strict=True))
        policy.update(drawn, list(range(count)))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 5))
def test_a_wide_beam_finds_every_list_once_and_a_narrow_one_its_best(range_table: list[int], seed: int) -> None:
    policy = controller(range_table, seed, hidden_size=6, controller_lr=0.1)
    for _ in range(3):
        drawn = policy.sample(2)
        policy.update(drawn, [score(tokens) + tokens[0] for tokens in drawn])
    every = sorted(itertools.product(*map(range, range_table)))
    ranked = policy.most_likely(len(every) + 3)
    assert sorted(map(tuple, ranked)) == every
    assert policy.most_likely(len(every))[0] == ranked[0]


def test_likeliest_lists_are_those_that_are_drawn_most() -> None:
    policy = controller([3, 2], hidden_size=6, controller_lr=0.05)
    for _ in range(8):
        policy.update([[2, 0], [0, 1]], [1.0, 0.0])
    drawn = [tuple(tokens) for tokens in policy.sample(4000)]
    ranked = policy.most_likely(6)
    counts = [drawn.count(tuple(tokens)) for tokens in ranked]
    assert ranked[0] == [2, 0]
    assert counts[0] > 1.2 * counts[2] > 1.2 * 1.2 * counts[5]


def test_the_policy_and_its_beams_remember_earlier_tokens() -> None:
    policy = controller([2, 2, 2, 2], hidden_size=16, controller_lr=0.02)
    every = [list(tokens) for tokens in itertools.product(range(2), repeat=4)]
    for _ in range(150):
        policy.update(every, [float(tokens[0] == tokens[3]) for tokens in every])
    assert all(tokens[0] == tokens[3] for tokens in policy.most_likely(8))
    assert np.mean([tokens[0] == tokens[3] for tokens in policy.sample(200)]) > 0.9


def test_a_fresh_policy_is_uniform() -> None:
    drawn = np.array(controller([4, 4]).sample(4000))
    for position in range(2):
        assert np.abs(np.bincount(drawn[:, position], minlength=4) / 4000 - 0.25).max() < 0.04


@pytest.mark.parametrize("count", [1, 4])
def test_learns(count: int) -> None:
    rewards = []
    rl_nas = RLNAS("lstm", TINY, seed=1)
    for _ in range(240 // count):
        rl_nas.next_archs(count)
        scores = [tokens[0] - abs(tokens[1] - 12) for tokens in rl_nas.tokens or []]
        rewards += scores
        rl_nas.reward(scores)
    assert np.mean(rewards[-40:]) > np.mean(rewards[:40]) + 4
    rl_nas.final_archs(1)
    final = (rl_nas.tokens or [])[0]
    assert final[0] - abs(final[1] - 12) > np.mean(rewards[:40]) + 8


def test_each_candidate_of_a_batch_counts_by_its_own_reward() -> None:
    policy = controller([2], controller_lr=0.05)
    for _ in range(20):
        policy.update([[0], [1], [1]], [5.0, 4.0, 4.0])
    assert np.mean(policy.sample(500)) < 0.2


def test_scale_of_rewards_does_not_matter() -> None:
    def proposed(scale: float) -> list[list[int]]:
        rl_nas = RLNAS("lstm", SMALL, **QUICK)
        found = []
        for _ in range(12):
            rl_nas.next_archs()
            found += rl_nas.tokens or []
            rl_nas.reward(scale * score(found[-1]))
        return found

    assert proposed(1.0) == proposed(2.0**40) == proposed(2.0**-40)


def test_equal_rewards_are_no_trouble() -> None:
    rl_nas = RLNAS("lstm", SMALL, **QUICK)
    for _ in range(3):
        rl_nas.next_archs(2)
        assert rl_nas.reward(0.5)
    values, arrays = rl_nas._policy.controller.state()
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert (values["mean"], values["variance"]) == (0.5, 0.0)


def test_no_list_twice_before_all_are_proposed() -> None:
    found = search(RLNAS("lstm", SMALL, **QUICK), 60, 3)
    assert len({tuple(tokens) for tokens in found}) == len(found) == 180


def test_goes_on_when_everything_was_proposed(twelve_lists: list[Any]) -> None:
    rl_nas = RLNAS("lstm", twelve_lists, **QUICK)
    found = search(rl_nas, 5, 3)
    assert len(found) == 15
    assert len({tuple(tokens) for tokens in found[:12]}) == 12
    assert len(rl_nas.final_archs(20)) == 20


def test_what_was_proposed_before_an_interruption_is_not_proposed_again(
    twelve_lists: list[Any], tmp_path: Path
) -> None:
    before = search(RLNAS("lstm", twelve_lists, save_controller=tmp_path, **QUICK), 8)
    after = search(RLNAS("lstm", twelve_lists, load_controller=tmp_path, **QUICK), 4)
    assert len({tuple(tokens) for tokens in before + after}) == 12


def test_a_seed_repeats_a_search() -> None:
    first, second, other = (search(RLNAS("lstm", SMALL, seed=seed, hidden_size=8), 6, 2) for seed in (3, 3, 4))
    assert first == second != other


@pytest.mark.parametrize("count", [1, 3])
def test_goes_on_exactly_from_what_was_saved(tmp_path: Path, count: int) -> None:
    settings_ = {"lstm_num_layers": 2, "hidden_size": 8, "controller_decay_steps": 5, "controller_decay_rate": 0.5}
    whole = search(RLNAS("lstm", SMALL, seed=7, **settings_), 30, count)
    stopped = RLNAS("lstm", SMALL, seed=7, save_controller=tmp_path, **settings_)
    before = search(stopped, 18, count)
    stopped.next_archs(count)  # handed out, and lost
    resumed = RLNAS("LSTM", SMALL, seed=99, load_controller=str(tmp_path), save_controller=tmp_path, **settings_)
    assert before + search(resumed, 12, count) == whole
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert resumed._policy.controller.updates == 30


def test_saved_file_needs_no_pickle_and_is_saved_after_each_reward(tmp_path: Path) -> None:
    rl_nas = RLNAS("lstm", SMALL, save_controller=tmp_path / "a" / "b", **QUICK)
    rl_nas.next_archs()
    assert list(tmp_path.rglob(FILE_NAME)) == []
    rl_nas.reward(1)
    rl_nas.next_archs()
    rl_nas.reward(2)
    with np.load(tmp_path / "a" / "b" / FILE_NAME, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        assert file["proposed"].shape == (2, 4)


def test_says_when_it_cannot_save(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordError, match="cannot be written"):
        RLNAS("lstm", SMALL, save_controller=tmp_path / "file", **QUICK)
    rl_nas = RLNAS("lstm", SMALL, save_controller=tmp_path, **QUICK)
    (tmp_path / FILE_NAME).mkdir()
    rl_nas.next_archs()
    with pytest.raises(RecordError, match=f"{FILE_NAME} cannot be written"):
        rl_nas.reward(1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", FILE_NAME]


def test_refuses_what_is_of_another_controller(tmp_path: Path) -> None:
    rl_nas = RLNAS("lstm", SMALL, save_controller=tmp_path, **QUICK)
    search(rl_nas, 1)
    with pytest.raises(RecordError, match=r"range_table was \[6, 20, 6, 2\], and is \[25, 25, 2\] now"):
        RLNAS("lstm", TINY, load_controller=tmp_path, **QUICK)
    with pytest.raises(RecordError, match="hidden_size was 8, and is 100 now"):
        RLNAS("lstm", SMALL, load_controller=tmp_path)
    with pytest.raises(RecordError, match="lstm_num_layers was 1, and is 2 now"):
        RLNAS("lstm", SMALL, load_controller=tmp_path, lstm_num_layers=2, **QUICK)
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(RecordError, match="is damaged or no saved controller"):
            RLNAS("lstm", SMALL, load_controller=tmp_path, **QUICK)
    path.unlink()
    (tmp_path / "rlnas.params").write_bytes(b"pickle")
    with pytest.raises(RecordError, match=r"no saved controller here; rlnas.params is PaddleSlim's"):
        RLNAS("lstm", SMALL, load_controller=tmp_path, **QUICK)


@pytest.mark.parametrize("off", [None, False])
def test_saves_nothing_unless_told(off: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    search(RLNAS("lstm", SMALL, save_controller=off, load_controller=off, **QUICK), 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flatter", [{"temperature": 20.0}, {"tanh_constant": 0.3}, {"weight_entropy": 10.0}], ids=str)
def test_settings_against_an_early_end_keep_proposals_varied(flatter: dict[str, float]) -> None:
    def share_of_favourite(**given: float) -> float:
        policy = controller([2], hidden_size=8, **given)
        for _ in range(60):
            policy.update([[1], [0]], [1.0, 0.0])
        return float(np.mean(policy.sample(2000)))

    sharp = {"controller_lr": 0.02, "tanh_constant": 0.0, "weight_entropy": 0.0}
    assert share_of_favourite(**sharp) > 0.95
    assert 0.45 < share_of_favourite(**{**sharp, **flatter}) < 0.9


def test_learning_rate_falls() -> None:
    def moved(**given: Any) -> float:
        policy = controller([5], hidden_size=4, **given)
        for _ in range(10):
            policy.update([[0], [1]], [1.0, 0.0])
        before = policy.state()[1]["head0_bias"].copy()
        policy.update([[0], [1]], [1.0, 0.0])
        return float(np.abs(policy.state()[1]["head0_bias"] - before).max())

    assert moved(controller_decay_steps=5, controller_decay_rate=0.1) < 0.05 * moved()


class TestInterface:
    """As PaddleSlim's published test drives it."""

    def test_static_program(self) -> None:
        paddle.enable_static()
        try:
            rl_nas = RLNAS(
                key="lstm",
                configs=SMALL,
                server_addr=("", 0),
                is_sync=False,
                controller_batch_size=1,
                lstm_num_layers=1,
                hidden_size=10,
                temperature=1.0,
                save_controller=False,
            )
            for archs in (rl_nas.next_archs(1)[0], rl_nas.final_archs(1)[0], rl_nas.tokens2arch([0, 1, 2, 1])):
                with paddle.static.program_guard(paddle.static.Program(), paddle.static.Program()):
                    x = paddle.static.data("input", [None, 3, 32, 32], "float32")
                    for arch in archs:
                        x = arch(x)
                    count = len(paddle.static.default_main_program().global_block().all_parameters())
                assert count == 3 * 5 * (archs[0].tokens[2] + 1)
            assert rl_nas.reward(1.0)
            rl_nas.close()
        finally:
            paddle.disable_static()

    def test_tokens_and_architectures(self) -> None:
        rl_nas = RLNAS("lstm", SMALL, controller_batch_size=2, **QUICK)
        assert rl_nas.tokens is None
        assert rl_nas.range_tables == [6, 20, 6, 2]
        archs = rl_nas.next_archs()
        assert [chain.network.tokens for chain in archs] == rl_nas.tokens
        assert len(archs) == 2
        assert len(rl_nas.next_archs(np.int64(3))) == 3
        finals = rl_nas.final_archs(4)
        assert [chain.network.tokens for chain in finals] == rl_nas.tokens
        assert len({tuple(tokens) for tokens in rl_nas.tokens or []}) == 4
        assert rl_nas.reward([1, 2, 3])  # of the three that are open
        with pytest.raises(TokenError):
            rl_nas.tokens2arch([6, 0, 0, 0])

    @pytest.mark.parametrize(
        "rewards",
        [0.5, 1, np.float32(0.5), np.array([0.5, 1]), [[0.5], [1]], (1, 2), np.array(3), paddle.to_tensor([1.0, 2.0])],
        ids=str,
    )
    def test_forms_of_rewards(self, rewards: Any) -> None:
        rl_nas = RLNAS("lstm", SMALL, **QUICK)
        rl_nas.next_archs(2)
        assert rl_nas.reward(rewards) is True

    def test_bad_rewards_leave_the_candidates_open(self) -> None:
        rl_nas = RLNAS("lstm", SMALL, **QUICK)
        with pytest.raises(RewardError, match=r"call next_archs\(\) first"):
            rl_nas.reward(1.0)
        rl_nas.next_archs(2)
        for bad, said in (
            (float("nan"), "reward 0 = nan: expected a finite number"),
            ([1.0, float("inf")], "reward 1 = inf"),
            ([1.0], "1 rewards for 2 candidates"),
            ([1.0, 2.0, 3.0], "3 rewards for 2 candidates"),
            ("0.5", "rewards = '0.5'"),
            (True, "rewards = True"),
            (None, "rewards = None"),
            ([1.0, [2.0]], "expected a number, or a list of 2"),
            ({}, "rewards = {}"),
        ):
            with pytest.raises(RewardError) as caught:
                rl_nas.reward(bad)
            assert said in str(caught.value)
        with pytest.raises(ConfigError, match="got obs"):
            rl_nas.reward(1.0, obs=[1])
        assert rl_nas.reward([1.0, 2.0])
        with pytest.raises(RewardError, match="without candidates"):
            rl_nas.reward([1.0, 2.0])

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"key": "ddpg"}, "DDPG needs PARL"),
            ({"key": "DDPG"}, "DDPG needs PARL"),
            ({"key": "gru"}, "key = 'gru': expected 'lstm'"),
            ({"key": None}, "key = None"),
            ({"is_server": False, "server_addr": ("10.0.0.1", 0)}, "needs the port of the server"),
            ({"hiden_size": 3}, "unknown setting 'hiden_size' = 3; did you mean 'hidden_size'?"),
            ({"sead": 3}, "did you mean 'seed'?"),
            ({"qqq": 3}, "known are lstm_num_layers"),
            ({"seed": -1}, "seed = -1"),
            ({"seed": 1.5}, "seed = 1.5"),
            ({"save_controller": True}, "save_controller = True: expected a folder"),
            ({"load_controller": 3}, "load_controller = 3"),
            ({"hidden_size": 0}, "hidden_size = 0: expected a positive whole number"),
            ({"lstm_num_layers": 1.5}, "lstm_num_layers = 1.5"),
            ({"temperature": 0}, "temperature = 0: expected a positive number"),
            ({"controller_lr": float("nan")}, "controller_lr = nan"),
            ({"controller_lr": "fast"}, "controller_lr = 'fast'"),
            ({"tanh_constant": -1}, "tanh_constant = -1"),
            ({"weight_entropy": -0.1}, "weight_entropy = -0.1"),
            ({"decay": 1.0}, "decay = 1.0: expected a number between 0 and 1"),
            ({"controller_decay_steps": 10}, "expected both or neither"),
        ],
        ids=str,
    )
    def test_bad_arguments(self, given: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError) as caught:
            RLNAS(**{"key": "lstm", "configs": SMALL, **given})
        assert said in str(caught.value)

    def test_bad_counts(self) -> None:
        rl_nas = RLNAS("lstm", SMALL, **QUICK)
        for bad in (0, -1, 1.5, [1, 2], True):
            with pytest.raises(ConfigError, match="expected a number of candidates"):
                rl_nas.next_archs(bad)  # type: ignore[arg-type]
            with pytest.raises(ConfigError, match="batch_obs = "):
                rl_nas.final_archs(bad)  # type: ignore[arg-type]

    @pytest.mark.skipif(paddle.device.is_compiled_with_cuda(), reason="this Paddle has CUDA")
    def test_no_gpu(self) -> None:
        with pytest.raises(ConfigError, match="this Paddle has no CUDA GPU"):
            RLNAS("lstm", SMALL, use_gpu=True)

    def test_none_is_the_default(self) -> None:
        given = dict.fromkeys(["temperature", "tanh_constant", "controller_lr", "weight_entropy", "hidden_size"])
        assert search(RLNAS("lstm", SMALL, seed=5, **given), 3) == search(RLNAS("lstm", SMALL, seed=5), 3)


@pytest.mark.parametrize("static", [True, False], ids=["static", "dygraph"])
def test_leaves_the_callers_paddle_alone(static: bool, tmp_path: Path) -> None:
    if static:
        paddle.enable_static()
    try:
        paddle.seed(11)
        main, startup = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(main, startup):
            before = caller_state()
            rl_nas = RLNAS("lstm", SMALL, save_controller=tmp_path, **QUICK)
            assert caller_state() == before
            search(rl_nas, 3, 2)
            assert caller_state() == before
            rl_nas.final_archs(2)
            RLNAS("lstm", SMALL, load_controller=tmp_path, **QUICK)
            assert caller_state() == before
        assert not main.global_block().ops
        assert not startup.global_block().ops
    finally:
        paddle.disable_static()
    after = paddle.rand([4]).numpy()
    paddle.seed(11)
    np.testing.assert_array_equal(after, paddle.rand([4]).numpy())


def caller_state() -> list[Any]:
    names = paddle.base.unique_name.generator
    random = np.random.get_state()
    return [
        paddle.in_dynamic_mode(),
        id(paddle.static.default_main_program()),
        id(paddle.static.default_startup_program()),
        sorted(paddle.static.global_scope().local_var_names()),
        id(names),
        dict(names.ids),
        str(paddle.framework._current_expected_place()),
        paddle.get_default_dtype(),
        paddle.is_grad_enabled() if paddle.in_dynamic_mode() else None,
        random[1].tolist(),  # type: ignore[index]
    ]


def test_does_not_depend_on_the_callers_paddle() -> None:
    expected = search(RLNAS("lstm", SMALL, **QUICK), 5, 2)
    with paddle.no_grad():
        assert search(RLNAS("lstm", SMALL, **QUICK), 5, 2) == expected
        assert not paddle.is_grad_enabled()
    paddle.set_default_dtype("float64")
    try:
        assert search(RLNAS("lstm", SMALL, **QUICK), 5, 2) == expected
    finally:
        paddle.set_default_dtype("float32")
    paddle.enable_static()
    try:
        assert search(RLNAS("lstm", SMALL, **QUICK), 5, 2) == expected
    finally:
        paddle.disable_static()


def test_import_is_quick() -> None:
    code = "import sys; from sanas_spaces.nas.rl_nas import RLNAS; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_under_the_legacy_ir() -> None:
    run_again("legacy", __file__, "-k", "paddle or saved or static")
