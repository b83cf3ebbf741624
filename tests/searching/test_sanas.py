from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from sanas_spaces import SANAS, CombinedSpace
from sanas_spaces.errors import RewardError, SearchExhausted, SearchFinished
from tests.searching.conftest import reward_of

BLOCK = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]


def make(configs: Any = None, **settings: Any) -> SANAS:
    return SANAS(configs or ["MobileNetV2Space"], **{"save_checkpoint": None, "seed": 0, **settings})


def header(sanas: SANAS) -> dict[str, Any]:
    return dict(sanas.study.user_attrs["sanas:search"])


def run(sanas: SANAS, steps: int) -> list[list[int]]:
    issued = []
    for _ in range(steps):
        sanas.next_archs()
        issued.append(sanas.current_info()["current_tokens"])
        sanas.reward(reward_of(issued[-1]))
    return issued


def test_signature_is_paddleslims() -> None:
    parameters = list(inspect.signature(SANAS).parameters.values())
    positional = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert positional.pop("configs") is inspect.Parameter.empty
    assert positional == {
        "server_addr": ("", 8881),
        "init_temperature": None,
        "reduce_rate": 0.85,
        "search_steps": 300,
        "init_tokens": None,
        "save_checkpoint": "nas_checkpoint",
        "load_checkpoint": None,
        "is_server": True,
    }
    assert [p.name for p in parameters if p.kind is p.KEYWORD_ONLY] == [
        "seed",
        "constraints",
        "input_shape",
        "algorithm",
        "annealing",
        "pruner",
        "token",
        "tls",
        "lease",
        "patience",
        "callbacks",
    ]


def test_initial_tokens_are_the_first_candidate() -> None:
    assert run(make(), 1) == [CombinedSpace(["MobileNetV2Space"]).init_tokens()]
    given = [1, 0, 2, 1, 0, 5, 5, 0]
    assert run(make(BLOCK, init_tokens=np.array(given)), 1) == [given]


def test_start_temperature_is_what_paddleslim_documents() -> None:
    assert header(make(BLOCK, annealing="paddleslim"))["init_temperature"] == 10.0
    assert header(make(BLOCK, init_tokens=[0] * 8, annealing="paddleslim"))["init_temperature"] == 1.0
    assert header(make(annealing="paddleslim"))["init_temperature"] == 1.0
    assert header(make())["init_temperature"] is None
    assert header(make(init_temperature=3.5))["init_temperature"] == 3.5


def test_information_before_during_and_after() -> None:
    sanas = make(search_steps=2)
    assert sanas.current_info() == {"best_tokens": None, "best_reward": None, "current_tokens": None}
    sanas.next_archs()
    first = sanas.current_info()["current_tokens"]
    assert sanas.reward(-7.0) is True
    assert sanas.current_info() == {"best_tokens": first, "best_reward": -7.0, "current_tokens": first}
    sanas.next_archs()
    sanas.reward(-9.0)
    assert sanas.current_info()["best_reward"] == -7.0
    with pytest.raises(SearchFinished, match="all 2 steps are used"):
        sanas.next_archs()
    assert sanas.current_info()["best_tokens"] == first


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "0.9", None, True, [1.0, 2.0], object()])
def test_a_bad_reward_leaves_the_candidate_open(score: Any) -> None:
    sanas = make()
    sanas.next_archs()
    tokens = sanas.current_info()["current_tokens"]
    with pytest.raises(RewardError, match="reward = "):
        sanas.reward(score)
    assert sanas.current_info()["current_tokens"] == tokens
    assert sanas.reward(0.5)
    assert sanas.current_info()["best_reward"] == 0.5


@pytest.mark.parametrize("score", [1, 0.25, np.float32(0.5), np.array([0.5]), np.int64(3), np.array(2.0)])
def test_scalars_of_all_kinds_are_rewards(score: Any) -> None:
    sanas = make()
    sanas.next_archs()
    sanas.reward(score)
    assert sanas.current_info()["best_reward"] == float(np.asarray(score).item())


def test_paddle_tensors_are_rewards() -> None:
    import paddle

    sanas = make()
    sanas.next_archs()
    sanas.reward(paddle.to_tensor(0.5))
    assert sanas.current_info()["best_reward"] == 0.5


def test_reward_needs_an_open_candidate() -> None:
    sanas = make()
    with pytest.raises(RewardError, match="call next_archs"):
        sanas.reward(1.0)
    sanas.next_archs()
    sanas.reward(1.0)
    with pytest.raises(RewardError, match="candidate 0 has its result already"):
        sanas.reward(2.0)


def test_failures_are_recorded_with_their_reason() -> None:
    sanas = make()
    sanas.next_archs()
    sanas.fail("out of memory")
    sanas.next_archs()
    sanas.next_archs()
    trials = sanas.study.trials
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL", "RUNNING"]
    assert trials[0].user_attrs["reason"] == "out of memory"
    assert "without a reward" in trials[1].user_attrs["reason"]


def test_tokens2arch_builds_any_tokens_and_changes_nothing() -> None:
    sanas = make()
    before = sanas.current_info()
    assert sanas.tokens2arch([0] * 25).cost().flops == 33_376_840
    assert sanas.current_info() == before
    with pytest.raises(ValueError, match="token 0 = 7"):
        sanas.tokens2arch([7] + [0] * 24)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"is_server": False, "server_addr": ("10.0.0.1", 0)}, "needs the port of the server"),
        ({"search_steps": 0}, "search_steps = 0"),
        ({"init_temperature": 0}, "init_temperature = 0"),
        ({"reduce_rate": 1.5}, "reduce_rate = 1.5"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 1.5}, "seed = 1.5"),
        ({"init_tokens": [0]}, "too few tokens"),
    ],
)
def test_bad_arguments_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**settings)


@pytest.mark.parametrize("name", ["MobileNetV1Space", "ResNetSpace"])
def test_no_network_is_proposed_twice(name: str) -> None:
    sanas = make([name])
    hashes = []
    for step in range(150):
        hashes.append(sanas.next_archs().hash())
        sanas.reward(-float(step))  # the base stays
    assert len(set(hashes)) == len(hashes)


def test_every_network_of_a_space_is_proposed_once_and_then_it_says_so() -> None:
    sanas = make(["ThreeChoices"])
    hashes = []
    with pytest.raises(SearchExhausted, match="every network of ThreeChoices has been proposed: 6 candidates"):
        while True:
            hashes.append(sanas.next_archs().hash())
            sanas.reward(1.0)
    assert len(set(hashes)) == 6


def test_a_used_up_neighbourhood_is_no_dead_end() -> None:
    sanas = make(["RawMacro"], search_steps=10**6)
    seen = set()
    with pytest.raises(SearchExhausted):
        while True:
            sanas.next_archs()
            seen.add(tuple(sanas.current_info()["current_tokens"]))
            sanas.reward(-float(len(seen)))
    assert len(seen) == 3**6


@pytest.mark.slow
def test_resnet_space_goes_on_far_beyond_300_steps() -> None:
    sanas = make(["ResNetSpace"], search_steps=10**6)
    for step in range(600):
        sanas.next_archs()
        sanas.reward(1.0 if step == 0 else 0.0)
    assert len({tuple(trial.user_attrs["tokens"]) for trial in sanas.study.get_trials(deepcopy=False)}) == 600


def test_seed_decides_the_search() -> None:
    first, again, other = (run(make(BLOCK, seed=seed), 20) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    run(make(BLOCK, seed=None), 5)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]


def test_several_spaces_chain() -> None:
    sanas = make([*BLOCK, ("ResNetBlockSpace2", {"block_mask": [1]})])
    archs = sanas.next_archs()
    assert len(archs) == 2
    assert archs.cost((3, 32, 32)).output_shape[1:] == (8, 8)


def test_record_is_an_optuna_study_that_people_understand(tmp_path: Path) -> None:
    sanas = make(save_checkpoint=tmp_path)
    run(sanas, 3)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "sanas.journal"))
    study = optuna.load_study(study_name="sanas", storage=optuna.storages.JournalStorage(backend))
    trial = study.trials[0]
    assert len(study.trials) == 3
    assert study.best_value == sanas.current_info()["best_reward"]
    assert trial.params["stage 2 kernel"] == 3
    assert trial.params["stage 7 channels"] == 320
    assert trial.user_attrs["flops"] == 312_339_328


def test_no_socket_is_opened_and_paddle_is_not_imported() -> None:
    code = (
        "import sys\n"
        "sys.addaudithook(lambda event, args: event.startswith('socket.bind') and sys.exit('socket'))\n"
        "from sanas_spaces import SANAS\n"
        "sanas = SANAS(['MobileNetV2Space'], save_checkpoint=None)\n"
        "sanas.next_archs(); sanas.reward(1.0)\n"
        "print('paddle' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
