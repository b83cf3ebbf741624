"""Going on from a checkpoint that PaddleSlim 2.6.0 wrote; ``paddleslim/record.py`` says how it was made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import SANAS
from sanas_spaces.errors import RecordError, SanasWarning

CHECKPOINT = Path(__file__).parent / "paddleslim" / "sanas.checkpoints"
SCENE = json.loads(CHECKPOINT.read_text())
CONFIGS = [("ResNetBlockSpace", {"block_mask": [1, 0], "compat": "paddleslim-2.6"})]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(CHECKPOINT, tmp_path)
    return tmp_path


def resumed(folder: Path, **settings: Any) -> SANAS:
    return SANAS(**{"configs": CONFIGS, "save_checkpoint": None, "load_checkpoint": folder, **settings})


def rewarded() -> dict[tuple[int, ...], float]:
    return {tuple(json.loads(k)): v for k, v in SCENE["_searched"].items() if v != -1 or isinstance(v, float)}


def test_everything_recorded_is_there(folder: Path) -> None:
    sanas = resumed(folder)
    info = sanas.current_info()
    assert info["best_tokens"] == SCENE["_best_tokens"]
    assert info["best_reward"] == SCENE["_max_reward"]
    trials = sanas.study.trials
    assert {tuple(t.user_attrs["tokens"]) for t in trials} == {tuple(json.loads(k)) for k in SCENE["_searched"]}
    assert {tuple(t.user_attrs["tokens"]): t.value for t in trials if t.value is not None} == rewarded()
    assert -1.0 in rewarded().values()
    assert [t.user_attrs["reason"] for t in trials if t.value is None] == ["sanas.checkpoints has no reward for it"] * (
        len(SCENE["_searched"]) - len(rewarded())
    )
    assert CHECKPOINT.read_bytes() == (folder / CHECKPOINT.name).read_bytes()


def test_annealing_stands_where_it_stood(folder: Path) -> None:
    annealing = resumed(folder, reduce_rate=0.9)._engine.algorithm
    assert annealing.base == SCENE["_tokens"]
    assert annealing.temperature == pytest.approx(SCENE["_init_temperature"] * 0.9 ** SCENE["_iter"])
    assert resumed(folder, init_temperature=2.0)._engine.algorithm.temperature == pytest.approx(
        2.0 * 0.85 ** SCENE["_iter"]
    )


def test_next_candidate_is_a_new_change_of_the_base(folder: Path) -> None:
    sanas = resumed(folder, seed=0)
    sanas.next_archs()
    tokens = sanas.current_info()["current_tokens"]
    assert sum(a != b for a, b in zip(tokens, SCENE["_tokens"], strict=True)) == 1
    assert str(tokens) not in SCENE["_searched"]


def test_steps_go_on(folder: Path) -> None:
    sanas = resumed(folder, search_steps=len(rewarded()) + 1)
    sanas.next_archs()
    sanas.reward(1.0)
    with pytest.raises(RuntimeError, match="steps are used"):
        sanas.next_archs()


def test_record_takes_over_and_continues_alike(folder: Path) -> None:
    def drive(sanas: SANAS, steps: int) -> list[list[int]]:
        seen = []
        for _ in range(steps):
            sanas.next_archs()
            seen.append(sanas.current_info()["current_tokens"])
            sanas.reward(float(sum(seen[-1])))
        return seen

    whole = drive(resumed(folder, seed=3), 6)
    first = drive(resumed(folder, seed=3, save_checkpoint=folder), 3)
    assert sorted(path.name for path in folder.glob("[!.]*")) == ["sanas.checkpoints", "sanas.journal"]
    second = drive(resumed(folder, save_checkpoint=folder), 3)
    assert first + second == whole
    assert CHECKPOINT.read_bytes() == (folder / CHECKPOINT.name).read_bytes()


def test_other_networks_by_default_are_warned_of(folder: Path) -> None:
    configs = [("ResNetBlockSpace", {"block_mask": [1, 0]})]
    with pytest.warns(SanasWarning, match="mean another network in PaddleSlim.*'compat': 'paddleslim-2.6'"):
        resumed(folder, configs=configs)


def test_checkpoint_of_another_space_is_refused(folder: Path) -> None:
    with pytest.raises(RecordError, match=r"another search space: its range table is \[12, 12.*\[7, 5"):
        resumed(folder, configs=["ResNetSpace"])


DAMAGE = {
    "torn": (lambda text: text[: len(text) // 2], "damaged"),
    "no object": (lambda text: "[1, 2]", "expected an object, found list"),
    "key missing": (lambda text: text.replace('"_iter"', '"_iters"'), "_iter is missing"),
    "searched tokens": (
        lambda text: text.replace('"_searched": {"[', '"_searched": {"exit(['),
        "expected a token list",
    ),
    "too many tokens": (lambda text: text.replace('"_searched": {"[', '"_searched": {"[1, '), "too many tokens"),
    "reward": (lambda text: text.replace('"_reward": ', '"_reward": null, "x": '), "_reward = None: expected a number"),
    "steps": (lambda text: text.replace('"_iter": ', '"_iter": -'), "_iter = -.*expected a number of steps"),
    "temperature": (lambda text: text.replace('_temperature": 5', '_temperature": -5'), "expected a positive number"),
    "range": (lambda text: text.replace('"_tokens": [', '"_tokens": [99, ').replace(", ", ", ", 1), "too many tokens"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_checkpoint_is_refused_and_left_as_it_was(name: str, folder: Path) -> None:
    damage, message = DAMAGE[name]
    path = folder / CHECKPOINT.name
    text = damage(CHECKPOINT.read_text())
    assert text != CHECKPOINT.read_text()
    path.write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        resumed(folder, save_checkpoint=folder)
    assert str(path) in str(caught.value)
    assert path.read_text() == text
    assert [found.name for found in folder.iterdir()] == [path.name]


def test_not_a_number_is_no_reward(folder: Path) -> None:
    tokens = next(iter(SCENE["_searched"]))
    scene = {**SCENE, "_searched": {**SCENE["_searched"], tokens: float("nan")}}
    (folder / CHECKPOINT.name).write_text(json.dumps(scene))
    trial = resumed(folder).study.trials[0]
    assert trial.value is None
    assert trial.user_attrs["tokens"] == json.loads(tokens)
