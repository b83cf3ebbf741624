from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces import CombinedSpace, search
from sanas_spaces.cost import Cost
from sanas_spaces.errors import ConfigError, EvaluationError
from sanas_spaces.evaluate.combined import Combined, SoftConstraint, Weighted

CONFIGS = [("MobileNetV1BlockSpace", {"block_mask": [1]})]
ARCHS = CombinedSpace(CONFIGS).token2arch([0, 0, 0])
NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-3, 1e3)


class Counting:
    """An evaluator with a shape and a cost."""

    def __init__(self, result: Any, shape: tuple[int, int, int]) -> None:
        self.result = result
        self.input_shape = shape

    def __call__(self, candidate: Any) -> Any:
        return self.result

    def cost(self, archs: Any) -> Cost:
        return archs.cost(self.input_shape)


def gives(**values: Any) -> Any:
    return lambda candidate: values


# Combined


def test_numbers_and_rewards_are_called_by_the_evaluator() -> None:
    order: list[str] = []

    def accuracy(candidate: Any) -> float:
        order.append("accuracy")
        return candidate + 0.5

    def proxy(candidate: Any) -> dict[str, float]:
        order.append("proxy")
        return {"reward": 3.0, "naswot": 3.0, "depth": 5.0}

    combined = Combined(accuracy=accuracy, score=proxy, time=gives(latency_ms=8.0, latency_iqr_ms=1.0))
    values = combined(0.25)
    assert values == {
        "accuracy": 0.75,
        "score": 3.0,
        "naswot": 3.0,
        "depth": 5.0,
        "latency_ms": 8.0,
        "latency_iqr_ms": 1.0,
    }
    assert order == ["accuracy", "proxy"]


def test_the_same_value_twice_is_no_clash() -> None:
    combined = Combined(snip=gives(reward=2.0, snip=2.0, depth=5.0), naswot=gives(reward=1.0, naswot=1.0, depth=5.0))
    assert combined(None) == {"snip": 2.0, "depth": 5.0, "naswot": 1.0}


def test_different_values_of_one_name_are_an_error() -> None:
    combined = Combined(one=gives(latency_ms=1.0, accuracy=0.5), four=gives(latency_ms=0.4))
    message = r"evaluator 'four' gave latency_ms = 0.4, and it was 1.0 already; known are latency_ms, accuracy"
    with pytest.raises(EvaluationError, match=message):
        combined(None)


def test_something_has_to_be_combined() -> None:
    with pytest.raises(ConfigError, match=r"Combined\(\): expected evaluators by name"):
        Combined()
    with pytest.raises(ConfigError, match=r"0\.5: expected an evaluator"):
        Combined(accuracy=0.5)  # type: ignore[arg-type]


# Weighted


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(NUMBERS, NUMBERS), min_size=1))
def test_the_reward_is_the_weighted_sum(rows: dict[str, tuple[float, float]]) -> None:
    values = {name: value for name, (value, _) in rows.items()} | {"note": 7.0}
    result = Weighted(gives(**values), {name: weight for name, (_, weight) in rows.items()})(None)
    expected = math.fsum(value * weight for value, weight in rows.values())
    assert result.pop("reward") == pytest.approx(expected, rel=1e-9, abs=1e-3)
    assert result == values


def test_weights_may_name_figures_of_the_cost() -> None:
    weighted = Weighted(Counting({"accuracy": 0.5}, (3, 8, 8)), {"accuracy": 1.0, "flops": -1e-6})
    flops = ARCHS.cost((3, 8, 8)).flops
    expected = {"accuracy": 0.5, "reward": 0.5 - 1e-6 * flops}
    assert weighted(ARCHS) == weighted(ARCHS.network) == expected
    result = search(CONFIGS, weighted, objectives={"reward": "max"}, init_tokens=[0, 0, 0], steps=1, seed=0)
    assert result.history[0]["flops"] == flops
    assert result.history[0]["reward"] == expected["reward"]
    plain = Weighted(gives(accuracy=0.5), {"accuracy": 1.0, "flops": -1e-9})
    assert plain(ARCHS)["reward"] == 0.5 - 1e-9 * ARCHS.cost().flops


def test_the_reward_of_another_evaluator_is_replaced() -> None:
    assert Weighted(gives(reward=2.0, naswot=2.0), {"reward": 10.0})(None) == {"reward": 20.0, "naswot": 2.0}


# SoftConstraint


@given(st.floats(0, 1), POSITIVE, POSITIVE, st.floats(-2, 0), st.floats(-2, 0))
def test_the_reward_is_that_of_mnasnet(accuracy: float, value: float, bound: float, a: float, b: float) -> None:
    constraint = SoftConstraint(
        gives(accuracy=accuracy, latency_ms=value), bounds={"latency_ms": bound}, inside=a, exponent=b
    )
    w = a if value <= bound else b
    result = constraint(None)
    assert result["reward"] == pytest.approx(accuracy * (value / bound) ** w)
    assert (result["accuracy"], result["latency_ms"]) == (accuracy, value)


def test_the_forms_of_mnasnet() -> None:
    def reward(latency_ms: float, **powers: float) -> float:
        evaluator = gives(accuracy=0.8, latency_ms=latency_ms)
        return float(SoftConstraint(evaluator, bounds={"latency_ms": 20}, **powers)(None)["reward"])

    assert reward(10) == reward(19.9) == reward(20) == reward(0) == 0.8
    assert reward(40) == pytest.approx(0.8 * 2**-0.07)
    assert reward(40, exponent=-1.0) == pytest.approx(0.4)
    soft = {"exponent": -0.07, "inside": -0.07}
    assert reward(10, **soft) / reward(20, **soft) == pytest.approx(reward(20, **soft) / reward(40, **soft))


def test_several_bounds_multiply() -> None:
    evaluator = gives(score=1.0, latency_ms=4.0, energy=9.0, size=1.0)
    bounds = {"latency_ms": 2.0, "energy": 3.0, "size": 5.0}
    result = SoftConstraint(evaluator, reward="score", bounds=bounds, exponent=-1.0)(None)
    assert result["reward"] == pytest.approx(1 / 2 / 3)


def test_bounds_may_name_figures_of_the_cost() -> None:
    flops = ARCHS.cost((3, 8, 8)).flops
    constraint = SoftConstraint(Counting({"accuracy": 0.5}, (3, 8, 8)), bounds={"flops": flops / 2}, exponent=-1)
    assert constraint(ARCHS)["reward"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"accuracy": -0.5, "latency_ms": 5.0}, "accuracy = -0.5: a soft constraint would reward"),
        ({"accuracy": 0.5, "latency_ms": -5.0}, "latency_ms = -5.0: a soft constraint needs values that"),
        ({"accuracy": 0.5, "latency_ms": 0.0}, "latency_ms = 0: a power of -1 has no value there"),
        ({"accuracy": 0.5, "latency_ms": math.inf}, "latency_ms = inf: expected a finite number"),
        ({"accuracy": "good", "latency_ms": 5.0}, "accuracy = 'good': expected a finite number"),
        ({"accuracy": 0.5, "latency": 5.0}, "'latency_ms' is missing: the evaluation gave accuracy, latency"),
        ({}, "'accuracy' is missing: the evaluation gave nothing"),
    ],
)
def test_values_that_give_no_reward_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        SoftConstraint(gives(**values), bounds={"latency_ms": 2}, inside=-1)(None)


# all of them


@pytest.mark.parametrize(
    "make",
    [
        lambda: Weighted(gives(), {}),
        lambda: Weighted(gives(), {"accuracy": math.nan}),
        lambda: Weighted(gives(), {"accuracy": "1"}),  # type: ignore[dict-item]
        lambda: Weighted(3, {"accuracy": 1.0}),  # type: ignore[arg-type]
        lambda: SoftConstraint(gives(), bounds={}),
        lambda: SoftConstraint(gives(), bounds={"latency_ms": 0}),
        lambda: SoftConstraint(gives(), bounds={"latency_ms": 1}, exponent=0.07),
        lambda: SoftConstraint(gives(), bounds={"latency_ms": 1}, inside=math.inf),
    ],
)
def test_bad_settings_are_errors(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"expected"):
        make()


@pytest.mark.parametrize(
    "evaluator", [Weighted(lambda c: 0.5, {"a": 1.0}), SoftConstraint(lambda c: 0.5, bounds={"a": 1.0})]
)
def test_a_number_without_a_name_is_an_error(evaluator: Any) -> None:
    with pytest.raises(EvaluationError, match=r"gave 0.5: expected named values; Combined\(accuracy=evaluator\)"):
        evaluator(None)


def test_shape_and_cost_are_those_of_the_first_that_has_them() -> None:
    first, second = Counting({"a": 1.0}, (1, 8, 8)), Counting({"b": 2.0}, (3, 16, 16))
    combined = Combined(plain=lambda c: 1.0, first=first, second=second)
    for evaluator in (combined, Weighted(combined, {"a": 1.0}), SoftConstraint(combined, bounds={"a": 1.0})):
        assert evaluator.input_shape == (1, 8, 8)
        assert evaluator.cost(ARCHS) == ARCHS.cost((1, 8, 8))


def test_without_shape_and_cost_the_search_has_its_own() -> None:
    evaluate = Weighted(Combined(a=lambda c: 1.0), {"a": 1.0})
    assert not hasattr(evaluate, "input_shape")
    assert not hasattr(evaluate, "cost")
    result = search(CONFIGS, evaluate, objectives={"reward": "max"}, input_shape=(3, 8, 8), steps=1, seed=0)
    assert result.best.cost == result.best.archs.cost((3, 8, 8))
    assert result.history[0]["a"] == 1.0


def test_errors_of_a_part_pass_through() -> None:
    def fails(candidate: Any) -> float:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Combined(a=lambda c: 1.0, b=fails)(None)
