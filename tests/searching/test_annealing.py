from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces.searching import PaddleSlimAnnealing

rewards = st.floats(-1e6, 1e6)


def paddleslims_rule(
    results: list[tuple[list[int], float]], temperature: float, rate: float, draws: list[float]
) -> Any:
    """PaddleSlim's controller, said once more: reward by reward, from the first on."""
    base: Any = None
    for step, ((tokens, reward), draw) in enumerate(zip(results, draws, strict=True), start=1):
        if base is None or reward >= base[1] or draw <= math.exp((reward - base[1]) / (temperature * rate**step)):
            base = tokens, reward
    return base


@given(
    st.lists(st.floats(-3, 3), min_size=1, max_size=12), st.integers(0, 10**6), st.floats(0.1, 10), st.floats(0.5, 1)
)
def test_base_is_what_paddleslims_rule_gives(values: list[float], seed: int, temperature: float, rate: float) -> None:
    annealing = PaddleSlimAnnealing([50, 50], [0, 0], init_temperature=temperature, reduce_rate=rate, seed=seed)
    results = [([number, number], value) for number, value in enumerate(values)]
    for number, (tokens, value) in enumerate(results):
        annealing.observe(number, tokens, value)
    draws = [np.random.default_rng((seed, number, 1)).random() for number in range(len(values))]
    assert annealing.base == paddleslims_rule(results, temperature, rate, draws)[0]
    assert annealing.temperature == pytest.approx(temperature * rate ** len(values))


@pytest.mark.parametrize(("loss", "temperature"), [(0.5, 1.0), (1.0, 1.0), (1.0, 3.0)])
def test_worse_tokens_are_accepted_as_often_as_the_rule_says(loss: float, temperature: float) -> None:
    accepted = 0
    for seed in range(600):
        annealing = PaddleSlimAnnealing([9], [0], init_temperature=temperature, reduce_rate=0.8, seed=seed)
        annealing.observe(0, [0], 0.0)
        annealing.observe(1, [1], -loss)
        accepted += annealing.base == [1]
    expected = math.exp(-loss / (temperature * 0.8**2))
    assert abs(accepted / 600 - expected) < 4 * math.sqrt(expected * (1 - expected) / 600)


@given(st.lists(st.one_of(st.none(), rewards), min_size=1, max_size=10), st.permutations(range(10)), st.integers(0, 99))
def test_order_of_arrival_does_not_count(values: list[float | None], order: list[int], seed: int) -> None:
    in_order = PaddleSlimAnnealing([9] * 3, [0] * 3, seed=seed)
    shuffled = PaddleSlimAnnealing([9] * 3, [0] * 3, seed=seed)
    for number, value in enumerate(values):
        in_order.observe(number, [number] * 3, value)
    for number in order:
        if number < len(values):
            shuffled.observe(number, [number] * 3, values[number])
    assert shuffled.base == in_order.base
    assert shuffled.temperature == in_order.temperature
    proposals = [list(itertools.islice(a.propose(len(values)), 30)) for a in (in_order, shuffled)]
    assert proposals[0] == proposals[1]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 1000))
@settings(deadline=None)
def test_every_token_list_is_proposed_in_the_end(range_table: list[int], seed: int) -> None:
    start = [0] * len(range_table)
    annealing = PaddleSlimAnnealing(range_table, start, seed=seed)
    proposals = [tuple(tokens) for tokens in annealing.propose(0)]
    assert proposals[0] == tuple(start)
    assert set(proposals) == set(itertools.product(*map(range, range_table)))


def test_proposals_change_one_token_drawn_uniformly() -> None:
    annealing = PaddleSlimAnnealing([2, 5, 20], [0, 0, 0], seed=0)
    annealing.observe(0, [0, 0, 0], 1.0)
    firsts = [next(annealing.propose(number)) for number in range(1, 3001)]
    assert all(sum(token != 0 for token in tokens) <= 1 for tokens in firsts)
    values = [tokens[2] for tokens in firsts if tokens[2]]
    assert len(values) == pytest.approx(3000 / 3 * 19 / 20, rel=0.1)
    assert min(np.bincount(values, minlength=20)[1:]) > 20
    assert sum(tokens[0] for tokens in firsts) == pytest.approx(3000 / 3 / 2, rel=0.15)


def test_first_reward_becomes_the_base_however_bad() -> None:
    annealing = PaddleSlimAnnealing([9], [0])
    annealing.observe(0, [4], -1e9)
    assert annealing.base == [4]


def test_a_failure_changes_nothing() -> None:
    annealing = PaddleSlimAnnealing([9], [3])
    annealing.observe(0, [3], None)
    assert annealing.base == [3]
    assert annealing.temperature == 1.0
    assert next(annealing.propose(1)) == [3]


def test_temperature_may_underflow() -> None:
    annealing = PaddleSlimAnnealing([9], [0], reduce_rate=0.5)
    for number in range(5000):
        annealing.observe(number, [number % 9], -float(number))
    assert annealing.temperature == 0.0
    assert next(annealing.propose(5000)) is not None


def test_seed_and_number_decide_the_proposal() -> None:
    first, again, other = (PaddleSlimAnnealing([9] * 6, [0] * 6, seed=seed) for seed in (1, 1, 2))
    take = lambda a, n: list(itertools.islice(a.propose(n), 20))  # noqa: E731
    assert take(first, 5) == take(again, 5)
    assert take(first, 5) != take(first, 6)
    assert take(first, 5) != take(other, 5)
