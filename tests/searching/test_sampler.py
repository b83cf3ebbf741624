"""The annealing as a sampler of plain Optuna studies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution

from sanas_spaces import AnnealingSampler, CombinedSpace
from sanas_spaces.errors import ConfigError, SearchExhausted
from sanas_spaces.searching.studies import distributions


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


def objective(trial: optuna.Trial) -> float:
    values = [trial.suggest_int(f"x{i}", 0, 9) for i in range(5)]
    bonus = 3 if trial.suggest_categorical("kind", ["a", "b", "c"]) == "b" else 0
    return bonus - sum((value - 4) ** 2 for value in values)


def params(study: optuna.Study) -> list[Any]:
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_beats_random_search(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    best: dict[str, list[float]] = {"annealing": [], "random": []}
    for seed in range(12):
        for name, sampler in (
            ("annealing", AnnealingSampler(seed=seed, init_temperature=3.0)),
            ("random", optuna.samplers.RandomSampler(seed=seed)),
        ):
            study = optuna.create_study(sampler=sampler, direction=direction)
            study.optimize(lambda trial: sign * objective(trial), n_trials=70)
            best[name].append(sign * study.best_value)
    assert sum(best["annealing"]) > sum(best["random"]) + 12


def test_never_the_same_parameters_twice_and_an_end() -> None:
    study = optuna.create_study(sampler=AnnealingSampler(seed=0))
    with pytest.raises(SearchExhausted, match="no new combination of a, b"):
        study.optimize(lambda t: t.suggest_int("a", 0, 10, step=5) + t.suggest_categorical("b", [1, 2]), n_trials=50)
    finished = [tuple(p.values()) for p in params(study) if len(p) == 2]
    assert len(set(finished)) == len(finished) == 6


def test_ask_and_tell_with_the_choices_of_a_space() -> None:
    space = CombinedSpace(["ResNetSpace"])
    fixed = distributions(space.table)
    start = space.table.decode(space.init_tokens())
    study = optuna.create_study(direction="maximize", sampler=AnnealingSampler(fixed, init_params=start, seed=0))
    for _ in range(10):
        trial = study.ask(fixed)
        archs = space.token2arch(space.table.encode(trial.params))
        study.tell(trial, -float(archs.cost((3, 32, 32)).flops))
    assert study.trials[0].params == start
    assert len({tuple(p.values()) for p in params(study)}) == 10


def test_seed_decides_and_a_loaded_study_goes_on_the_same(tmp_path: Path) -> None:
    def study(storage: Any) -> optuna.Study:
        return optuna.create_study(
            storage=storage, study_name="s", load_if_exists=True, sampler=AnnealingSampler(seed=7), direction="maximize"
        )

    storage = f"sqlite:///{tmp_path}/study.db"
    whole = study(None)
    whole.optimize(objective, n_trials=12)
    for count in (5, 7):
        # the first trial of a study without fixed distributions is drawn by an independent sampler
        study(storage).optimize(objective, n_trials=count)
    assert params(study(storage)) == params(whole)


def test_floats_are_sampled_beside_it() -> None:
    study = optuna.create_study(sampler=AnnealingSampler(seed=0))
    study.optimize(lambda t: t.suggest_float("f", 0, 1) + t.suggest_int("i", 0, 50), n_trials=10)
    assert len({p["f"] for p in params(study)}) == 10
    assert len({p["i"] for p in params(study)}) == 10


def test_failed_and_pruned_trials_are_not_learnt_from() -> None:
    fixed = {"a": IntDistribution(0, 30), "b": CategoricalDistribution([0, 1, 2])}
    sampler = AnnealingSampler(fixed, init_params={"a": 3, "b": 1}, seed=0)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.tell(study.ask(fixed), state=optuna.trial.TrialState.FAIL)
    study.tell(study.ask(fixed), state=optuna.trial.TrialState.PRUNED)
    third = study.ask(fixed)
    assert sum(third.params[key] != value for key, value in {"a": 3, "b": 1}.items()) == 1


def test_what_it_cannot_do_is_said() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=AnnealingSampler({"a": IntDistribution(0, 3)})
    )
    with pytest.raises(ConfigError, match="one objective, not 2"):
        study.ask({"a": IntDistribution(0, 3)})
    study = optuna.create_study(sampler=AnnealingSampler({"a": IntDistribution(0, 3)}, init_params={"a": 9}))
    with pytest.raises(ConfigError, match=r"init_params = \{'a': 9\}"):
        study.ask({"a": IntDistribution(0, 3)})
