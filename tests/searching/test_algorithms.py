"""What every algorithm keeps, and what each of them is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import search
from sanas_spaces.errors import ConfigError
from sanas_spaces.searching import ALGORITHMS, Algorithm, Choices, ModelSearch, RegularizedEvolution
from sanas_spaces.searching.algorithms.acquisition import Improvement, log_expected_improvement
from sanas_spaces.searching.algorithms.optuna_sampler import OptunaAlgorithm
from sanas_spaces.searching.algorithms.scales import normal_scores, power_scores, shrunk_losses
from sanas_spaces.tables import Table

RANGES = (4, 3, 5, 2, 6, 3)
ORDERED = (True, False, True, False, True, False)


def value(tokens: Sequence[int]) -> float:
    """A smooth function with one interaction; its maximum is at the last options."""
    share = [t / (r - 1) for t, r in zip(tokens, RANGES, strict=True)]
    return sum(share) + share[0] * share[2] - 0.3 * (share[1] - share[4]) ** 2


def tpe(choices: Any, init_tokens: Sequence[int], *, seed: int) -> Algorithm:
    return OptunaAlgorithm(
        choices, init_tokens, sampler=lambda s: optuna.samplers.TPESampler(seed=s, n_startup_trials=5), seed=seed
    )


EVERY: dict[str, Any] = {**ALGORITHMS, "tpe": tpe}


def first_new(algorithm: Algorithm, number: int, known: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The first proposal that is not known."""
    return next(t for t in map(tuple, algorithm.propose(number, lambda t: tuple(t) not in known)) if t not in known)


def run(
    name: str, steps: int, *, seed: int = 0, failing: Any = lambda tokens: False, late: int = 0
) -> tuple[list[tuple[int, ...]], Algorithm]:
    """Drive an algorithm as a search does; results come ``late`` proposals late."""
    algorithm = EVERY[name](Choices(RANGES, ORDERED), (0,) * len(RANGES), seed=seed)
    proposed: list[tuple[int, ...]] = []
    for number in range(steps):
        tokens = first_new(algorithm, number, proposed)
        proposed.append(tokens)
        algorithm.issue(number, tokens)
        due = number - late
        if due >= 0:
            algorithm.observe(due, proposed[due], None if failing(proposed[due]) else value(proposed[due]))
    return proposed, algorithm


@pytest.mark.parametrize("name", EVERY)
def test_begins_with_the_initial_tokens_and_stays_in_the_range_table(name: str) -> None:
    proposed, _ = run(name, 40)
    assert proposed[0] == (0,) * len(RANGES)
    assert len(set(proposed)) == 40
    assert all(0 <= t < r for tokens in proposed for t, r in zip(tokens, RANGES, strict=True))


@pytest.mark.parametrize("name", EVERY)
def test_is_a_function_of_the_seed_and_the_history(name: str) -> None:
    proposed, _ = run(name, 30, seed=3)
    assert run(name, 30, seed=3)[0] == proposed
    assert run(name, 30, seed=4)[0] != proposed
    resumed = EVERY[name](Choices(RANGES, ORDERED), (0,) * len(RANGES), seed=3)
    for number, tokens in enumerate(proposed[:20]):
        resumed.issue(number, tokens)
        resumed.observe(number, tokens, value(tokens))
    for number in range(20, 30):
        again = first_new(resumed, number, proposed[:number])
        assert again == proposed[number]
        resumed.issue(number, again)
        resumed.observe(number, again, value(again))


@pytest.mark.parametrize("name", EVERY)
def test_several_can_be_out_at_once(name: str) -> None:
    proposed, _ = run(name, 40, late=8)
    assert len(set(proposed)) == 40


@pytest.mark.parametrize("name", EVERY)
def test_failures_are_survived(name: str) -> None:
    proposed, _ = run(name, 30, failing=lambda tokens: True)
    assert len(set(proposed)) == 30
    proposed, _ = run(name, 40, failing=lambda tokens: tokens[0] == 3)
    assert len(set(proposed)) == 40


@pytest.mark.parametrize("name", EVERY)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 99))
@settings(deadline=None, max_examples=8)
def test_every_network_is_proposed_in_the_end(name: str, ranges: list[int], seed: int) -> None:
    table = list(itertools.product(*map(range, ranges)))
    algorithm = EVERY[name](ranges, table[0], seed=seed)
    proposed: set[tuple[int, ...]] = set()
    for number in range(len(table)):
        tokens = tuple(next(t for t in algorithm.propose(number) if tuple(t) not in proposed))
        algorithm.issue(number, tokens)
        algorithm.observe(number, tokens, float(sum(tokens)))
        proposed.add(tokens)
    assert proposed == set(table)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in ("random", "paddleslim")])
def test_learns(name: str) -> None:
    """Better than random search after 60 of 4,320 networks, on average over seeds."""
    best = {n: np.mean([max(map(value, run(n, 60, seed=seed)[0])) for seed in range(8)]) for n in (name, "random")}
    assert best[name] > best["random"] + 0.05


def test_the_model_finds_the_optimum_soon() -> None:
    top = max(map(value, itertools.product(*map(range, RANGES))))
    found = [np.argmax([value(t) for t in run("model", 40, seed=seed)[0]]) for seed in range(5)]
    reached = [max(map(value, run("model", 40, seed=seed)[0])) == pytest.approx(top) for seed in range(5)]
    assert sum(reached) >= 4, found


def test_the_model_keeps_away_from_what_is_out() -> None:
    """Eight candidates without a result are not eight neighbours of each other."""
    _, algorithm = run("model", 20)
    issued = []
    for number in range(20, 28):
        tokens = next(t for t in algorithm.propose(number, lambda t: t not in issued) if t not in issued)
        algorithm.issue(number, tokens)
        issued.append(tokens)
    pairs = [sum(a != b for a, b in zip(x, y, strict=True)) for x, y in itertools.combinations(issued, 2)]
    assert np.mean(pairs) > 1.5


@pytest.mark.parametrize("seed", range(3))
def test_a_stuck_model_listens_to_models_of_few_results(seed: int) -> None:
    """They believe in regions that what is known of one optimum has ruled out, or not in those it points to."""
    peak = [1] * 6
    nearby = [[*peak[:i], value, *peak[i + 1 :]] for i in range(6) for value in (0, 2, 3)]
    elsewhere = np.random.default_rng(seed).integers(0, 4, (12, 6)).tolist()

    def distances(history: Sequence[Sequence[int]], parity: int) -> list[int]:
        model = ModelSearch([4] * 6, peak, seed=seed)
        for number, tokens in enumerate(history):
            model.observe(number, tokens, -sum(a != b for a, b in zip(tokens, peak, strict=True)))
        first = len(history) + (len(history) + parity) % 2
        found = [next(model.propose(number)) for number in range(first, first + 6, 2)]
        assert found == [next(model.propose(number)) for number in range(first, first + 6, 2)]
        return [sum(a != b for a, b in zip(tokens, peak, strict=True)) for tokens in found]

    going = distances([*nearby, *elsewhere, peak], 0)
    stuck = distances([peak, *nearby, *elsewhere], 0)
    assert np.mean(stuck) <= np.mean(going) - 1
    assert np.mean(stuck) <= np.mean(distances([peak, *nearby, *elsewhere], 1)) - 1


def test_the_model_copes_with_a_hundred_tokens() -> None:
    ranges = (6, 20, 6, 2) * 25
    algorithm = ModelSearch(Choices(ranges, (True, True, True, False) * 25), (0,) * 100, seed=0)
    rewards = []
    for number in range(60):
        tokens = next(algorithm.propose(number))
        algorithm.issue(number, tokens)
        rewards.append(sum(t / (r - 1) for t, r in zip(tokens, ranges, strict=True)))
        algorithm.observe(number, tokens, rewards[-1])
    assert max(rewards[30:]) > max(rewards[:10]) + 5


def test_equal_rewards_are_no_problem() -> None:
    algorithm = ModelSearch(RANGES, (0,) * 6, seed=0)
    for number in range(20):
        tokens = next(algorithm.propose(number))
        algorithm.issue(number, tokens)
        algorithm.observe(number, tokens, 0.5)


def test_expected_improvement_is_the_integral() -> None:
    draws = np.random.default_rng(0).normal(size=2_000_000)
    for mean, deviation, best in ((0.3, 1.0, 0.5), (-1.0, 0.5, 0.0), (2.0, 0.1, 1.0)):
        expected = np.maximum(mean + deviation * draws - best, 0).mean()
        found = log_expected_improvement(np.array([mean]), np.array([deviation]), best)[0]
        assert math.exp(found) == pytest.approx(expected, rel=0.01)
    far = log_expected_improvement(np.array([-20.0, -40.0, -5.0 - 1e-9, -5.0 + 1e-9]), np.ones(4), 0.0)
    assert np.isfinite(far).all()
    assert far[1] < far[0] < far[2] == pytest.approx(far[3], abs=1e-4)


def test_hypervolume_grows_at_the_thin_end_of_the_front() -> None:
    """Most results lie where both goals are good; the front reaches far beyond them."""
    rng = np.random.default_rng(0)
    known = np.concatenate([rng.normal(1, 0.05, (30, 2)), [[-1.0, 3.0]]])
    improvement = Improvement(known, 1.0, rng)
    between, behind = improvement(np.array([[0.0, 2.5], [0.8, 0.8]]), np.full((2, 2), 1e-3))
    assert between > behind + 5


def test_every_fifth_proposal_is_for_one_of_two_goals_alone() -> None:
    """And they take turns, so that the search gets to both ends of the front."""
    right = lambda tokens: sum(token == 3 for token in tokens)  # noqa: E731
    model = ModelSearch([4] * 6, [0, 3, 0, 3, 0, 0], seed=0)
    lists = [[0, 3, 0, 3, 0, 0], *np.random.default_rng(0).integers(0, 4, (23, 6)).tolist()]
    for number, tokens in enumerate(lists):
        model.observe(number, tokens, (right(tokens), -right(tokens)))
    counts = [right(next(model.propose(number))) for number in (24, 29, 34, 39)]
    assert counts == [6, 0, 6, 0]


def test_normal_scores_keep_the_order_and_share_ranks() -> None:
    scores = normal_scores(np.array([3.0, -1e9, 3.0, 7.0, 0.0]))
    assert scores[0] == scores[2]
    assert list(np.argsort(scores)[[0, 1, 4]]) == [1, 4, 3]
    assert scores.mean() == pytest.approx(0)


@pytest.mark.parametrize("scale", [normal_scores, power_scores, shrunk_losses])
def test_scales_keep_the_order_whatever_the_values(scale: Any) -> None:
    for values in ([1e30, -1e30, 0.0, 1.0, 2.0], [5.0, 1e-9, 3e-9, 2e-9], [0.1, 0.7, 0.71, 0.705, 0.4]):
        scores = scale(np.array(values))
        assert np.isfinite(scores).all()
        assert list(np.argsort(scores, kind="stable")) == list(np.argsort(values)) or len(set(scores)) < len(values)
        assert (scores.mean(), scores.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


def test_evolution_lets_the_oldest_die() -> None:
    algorithm = RegularizedEvolution([50] * 4, [0] * 4, population=5, sample=5, seed=0)
    algorithm.observe(0, [49] * 4, 100.0)
    for number in range(1, 6):
        algorithm.observe(number, [number] * 4, float(number))
    children = [next(algorithm.propose(number)) for number in range(6, 30)]
    assert all(sum(t == 5 for t in child) >= 3 for child in children)  # of the best that is alive, not of the first


def small_table() -> Table:
    tokens = np.array(list(itertools.product(range(4), repeat=4)))
    return Table(
        tokens, [4] * 4, {"score": [float(t.sum() - (t[0] - t[1]) ** 2) for t in tokens], "flops": tokens.sum(axis=1)}
    )


@pytest.mark.parametrize(
    "algorithm",
    [*ALGORITHMS, optuna.samplers.TPESampler(seed=0), lambda c, t, seed: tpe(c, t, seed=seed)],
    ids=lambda a: a if isinstance(a, str) else type(a).__name__,
)
def test_search_takes_names_factories_and_samplers(algorithm: Any) -> None:
    table = small_table()
    result = search(table, table.evaluator("score"), steps=30, algorithm=algorithm, seed=0, constraints={"flops": 6})
    assert len(result.history) == 30
    assert all(row["flops"] <= 6 for row in result.history)
    assert len({tuple(row["tokens"]) for row in result.history}) == 30


def test_unknown_algorithm_is_named() -> None:
    table = small_table()
    with pytest.raises(ConfigError, match=r"algorithm = 'anealing'.*did you mean 'annealing'"):
        search(table, table.evaluator("score"), algorithm="anealing")
