"""Several goals: fronts, hypervolumes, and searches for them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import search
from sanas_spaces.errors import ConfigError, EvaluationError, RecordError
from sanas_spaces.searching.pareto import hypervolume, knee, non_dominated, reference_point
from sanas_spaces.tables import Table

TOKENS = np.array(list(itertools.product(range(5), repeat=4)))
GOALS = {"score": "max", "flops": "min"}


def table() -> Table:
    """Score grows with the tokens, and so does the cost; the middle ones are the most worth it."""
    flops = (TOKENS**2).sum(axis=1) + 1.0
    score = np.sqrt(TOKENS).sum(axis=1) - 0.2 * (TOKENS[:, 0] - TOKENS[:, 1]) ** 2
    return Table(TOKENS, [5] * 4, {"score": score, "flops": flops})


points = st.integers(1, 3).flatmap(
    lambda goals: st.lists(st.lists(st.integers(0, 6), min_size=goals, max_size=goals), min_size=1, max_size=9)
)


@given(points)
@settings(deadline=None)
def test_hypervolume_counts_the_dominated_unit_cubes(values: list[list[int]]) -> None:
    cells = itertools.product(range(6), repeat=len(values[0]))
    dominated = sum(any(all(c < v for c, v in zip(cell, one, strict=True)) for one in values) for cell in cells)
    found = hypervolume(np.array(values, dtype=float), np.zeros(len(values[0])))
    assert found == pytest.approx(dominated)


@given(points)
@settings(deadline=None)
def test_front_is_what_nothing_dominates(values: list[list[int]]) -> None:
    array = np.array(values, dtype=float)
    kept = non_dominated(array)
    for i, one in enumerate(array):
        better = [(other >= one).all() and (other > one).any() for other in array]
        assert kept[i] == (not any(better))
    origin = reference_point(array)
    assert hypervolume(array[kept], origin) == pytest.approx(hypervolume(array, origin))


def test_knee_is_the_balanced_point() -> None:
    front = np.array([[0.0, 10.0], [4.0, 9.0], [8.0, 8.0], [9.0, 4.0], [10.0, 0.0]])
    assert knee(front) == 2
    assert knee(front * [1000, 0.001] - 7) == 2
    assert knee(np.array([[3.0, 4.0]])) == 0


@pytest.mark.parametrize("algorithm", ["model", "random", optuna.samplers.NSGAIISampler(seed=0)], ids=str)
def test_search_for_two_goals(algorithm: Any) -> None:
    space = table()
    result = search(space, space.evaluator("score"), steps=40, objectives=GOALS, algorithm=algorithm, seed=0)
    values = np.array([[row["score"], -row["flops"]] for row in result.history])
    front = {tuple(c.tokens) for c in result.pareto_front}
    rows = [tuple(row["tokens"]) for row in result.history]
    assert front == set(itertools.compress(rows, non_dominated(values)))
    assert tuple(result.best.tokens) == tuple(result.knee.tokens) in front
    growing = result.hypervolume({"score": 0.0, "flops": 70.0})
    assert growing == sorted(growing)
    assert len(growing) == 40
    assert result.history[3]["reward"] is None


def test_the_model_dominates_more_than_random_search() -> None:
    space = table()

    def reached(name: str, seed: int) -> float:
        result = search(space, space.evaluator("score"), steps=50, objectives=GOALS, algorithm=name, seed=seed)
        return result.hypervolume({"score": 0.0, "flops": 70.0})[-1]

    mean = {name: np.mean([reached(name, seed) for seed in range(4)]) for name in ("model", "random")}
    assert mean["model"] > 1.02 * mean["random"]


def test_constraints_hold_beside_goals() -> None:
    space = table()
    result = search(space, space.evaluator("score"), steps=30, objectives=GOALS, constraints={"flops": 20}, seed=0)
    assert max(row["flops"] for row in result.history) <= 20


def test_what_the_evaluation_returns_is_recorded(tmp_path: Path) -> None:
    space = table()

    def evaluate(candidate: Any) -> dict[str, float]:
        return {"accuracy": float(sum(candidate.tokens)), "latency_ms": 3.0, "note": 7.0}

    goals = {"accuracy": "max", "latency_ms": "min", "flops": "min"}
    result = search(space, evaluate, steps=6, objectives=goals, folder=tmp_path, seed=1)
    row = result.history[-1]
    assert (row["accuracy"], row["latency_ms"], row["note"]) == (sum(row["tokens"]), 3.0, 7.0)
    whole = search(space, evaluate, steps=9, objectives=goals, seed=1)
    resumed = search(space, evaluate, steps=9, objectives=goals, folder=tmp_path, resume=True)
    assert [r["tokens"] for r in resumed.history] == [r["tokens"] for r in whole.history]
    with pytest.raises(RecordError, match="objectives was"):
        search(space, evaluate, steps=9, objectives={"accuracy": "max"}, folder=tmp_path, resume=True)


def test_one_named_goal_to_be_small() -> None:
    space = table()
    result = search(space, space.evaluator("score"), steps=40, objectives={"flops": "min"}, seed=0)
    assert result.best.tokens == [0, 0, 0, 0]
    assert result.history[-1]["best"] == 1.0


def test_mistakes_are_named() -> None:
    space = table()
    score = space.evaluator("score")
    with pytest.raises(ConfigError, match="'score' = 'up': expected 'max' or 'min'"):
        search(space, score, objectives={"score": "up"})
    with pytest.raises(ConfigError, match=r"objectives = \{\}"):
        search(space, score, objectives={})
    with pytest.raises(ConfigError, match="Annealing takes one objective"):
        search(space, score, objectives=GOALS, algorithm="annealing")
    with pytest.raises(EvaluationError, match="objective 'speed'"):
        search(space, lambda c: {"acc": 1.0}, objectives={"acc": "max", "speed": "max"})
    with pytest.raises(EvaluationError, match=r"returned \['acc'\]: tell search"):
        search(space, lambda c: {"acc": 1.0})
