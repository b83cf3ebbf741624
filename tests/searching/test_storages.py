"""Checkpoints of SANAS in files and databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import SANAS, search
from sanas_spaces.errors import ConfigError, RecordError
from sanas_spaces.searching.databases import Database
from tests.searching.conftest import reward_of

SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]


def make(save: Any, load: Any = None, **settings: Any) -> SANAS:
    return SANAS(SPACE, save_checkpoint=save, load_checkpoint=load, **settings)


def step(sanas: SANAS) -> list[int]:
    sanas.next_archs()
    assert sanas.current is not None
    sanas.reward(reward_of(sanas.current.tokens))
    return sanas.current.tokens


@pytest.fixture(params=["steps.db", "steps.journal", "url"])
def storage(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    return f"sqlite:///{tmp_path}/steps.sqlite" if request.param == "url" else str(tmp_path / request.param)


def test_a_checkpoint_in_a_storage_is_one_in_a_folder(tmp_path: Path, storage: str) -> None:
    whole = make(None, seed=3)
    expected = [step(whole) for _ in range(6)]
    first = make(storage, seed=3)
    issued = [step(first) for _ in range(3)]
    second = make(storage, storage)
    issued += [step(second) for _ in range(2)]
    assert issued == expected[:5]
    assert step(first) == expected[5], "both work on one search"
    assert second.current_info()["best_reward"] == max(map(reward_of, expected[:5]))


def test_a_checkpoint_moves_between_storages_and_folders(tmp_path: Path, storage: str) -> None:
    first = make(storage, seed=3)
    issued = [step(first) for _ in range(3)]
    folder, other = tmp_path / "folder", tmp_path / "other.db"
    assert [list(trial.user_attrs["tokens"]) for trial in make(None, storage).study.trials] == issued
    moved = make(folder, storage)
    issued.append(step(moved))
    back = make(other, folder)
    assert [list(trial.user_attrs["tokens"]) for trial in back.study.trials] == issued
    assert len(make(None, storage).study.trials) == 3
    with pytest.raises(RecordError, match="holds a search"):
        make(other, folder)
    with pytest.raises(RecordError, match="holds a search"):
        make(storage, other)
    assert len(make(None, other).study.trials) == 4


def test_a_storage_that_is_not_there_is_named(tmp_path: Path, storage: str) -> None:
    for save in (None, storage, tmp_path / "folder"):
        with pytest.raises(RecordError, match="there is no record of a search here"):
            make(save, storage)
    assert not list(tmp_path.glob("*.journal"))
    with pytest.raises(ConfigError, match="expected sqlite://, postgresql:// or mysql://"):
        make("oracle://there")


def test_a_url_without_a_driver_takes_the_one_that_is_installed() -> None:
    place = Database("postgresql://me:secret@there/searches", "sanas")
    assert str(place) in {
        "postgresql://me:***@there/searches",
        "postgresql+psycopg://me:***@there/searches",
    }
    assert str(Database("postgresql+psycopg://there/searches", "sanas")) == "postgresql+psycopg://there/searches"


@pytest.mark.parametrize("storage", ["moving.db", "moving.journal", "sqlite:///moving.sqlite"])
def test_a_search_stays_where_it_is_when_its_process_changes_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(tmp_path)

    def evaluate(candidate: Any) -> float:
        monkeypatch.chdir(there)
        return float(candidate.number)

    search(SPACE, evaluate, steps=4, seed=1, storage=storage, algorithm="random")
    assert not list(there.iterdir())
    monkeypatch.chdir(tmp_path)
    assert search(SPACE, evaluate, steps=4, storage=storage).columns["reward"] == [0.0, 1.0, 2.0, 3.0]
