"""Evaluators made of evaluators: several at once, weighted sums, soft constraints."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..arch import ImageShape
from ..cost import Cost
from ..errors import ConfigError, EvaluationError

REWARD = "reward"
"""What named values call the one to be large, if there is one."""

Evaluator = Callable[[Any], Any]


class _OfParts:
    """Has the input shape and the cost of the first of its parts that have them; neither, if none has."""

    input_shape: ImageShape
    cost: Callable[[Any], Cost]

    def __init__(self, parts: Iterable[Evaluator]) -> None:
        for part in parts:
            if not callable(part):
                raise ConfigError(f"{part!r}: expected an evaluator, a function of a candidate")
            shape, cost = getattr(part, "input_shape", None), getattr(part, "cost", None)
            if shape is not None and not hasattr(self, "input_shape"):
                self.input_shape = shape
            if inspect.ismethod(cost) and not hasattr(self, "cost"):
                self.cost = cost


class Combined(_OfParts):
    """Evaluates with several evaluators, one after the other, and gives all their values.

    Args:
        evaluators: Evaluators by name. A number that one returns is called by its name, and so is the ``reward`` among
            named values; other named values keep their names. Input shape and cost are those of the first evaluator
            that has them.

    Raises:
        ConfigError: There is none, or one cannot be called.
    """

    def __init__(self, **evaluators: Evaluator) -> None:
        if not evaluators:
            raise ConfigError("Combined(): expected evaluators by name, such as accuracy=evaluator")
        super().__init__(evaluators.values())
        self.evaluators = evaluators

    def __call__(self, candidate: Any) -> dict[str, Any]:
        """Evaluate a candidate.

        Raises:
            EvaluationError: Different values have the same name.
        """
        values: dict[str, Any] = {}
        for name, evaluator in self.evaluators.items():
            result = evaluator(candidate)
            for key, value in (result if isinstance(result, Mapping) else {REWARD: result}).items():
                called = name if key == REWARD else key
                if called in values and values[called] != value:
                    raise EvaluationError(
                        f"evaluator {name!r} gave {called} = {value!r}, and it was {values[called]!r} already; "
                        f"known are {', '.join(values)}"
                    )
                values[called] = value
        return values


class _OfOne(_OfParts):
    """Makes a reward of the named values of another evaluator, which stay beside it."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__([evaluator])
        self.evaluator = evaluator

    def __call__(self, candidate: Any) -> dict[str, Any]:
        """Evaluate a candidate.

        Raises:
            EvaluationError: A value that the reward needs is missing, or cannot be used.
        """
        values = self.evaluator(candidate)
        if not isinstance(values, Mapping):
            raise EvaluationError(
                f"the evaluator gave {values!r}: expected named values; Combined(accuracy=evaluator) names a number"
            )
        figures = {} if self._names() <= values.keys() else self._figures(candidate)
        return {**values, REWARD: self._reward({**figures, **values})}

    def _names(self) -> set[str]:
        """Names of the values that the reward needs."""
        raise NotImplementedError

    def _reward(self, values: Mapping[str, Any]) -> float:
        raise NotImplementedError

    def _figures(self, candidate: Any) -> dict[str, float]:
        """Figures of the cost of a candidate or an architecture, none if they are not known."""
        cost = getattr(candidate, "cost", None)
        if inspect.ismethod(cost):  # an architecture
            cost = self.cost(candidate) if hasattr(self, "cost") else cost(getattr(self, "input_shape", None))
        return dict(cost.metrics()) if cost is not None else {}


class Weighted(_OfOne):
    """A weighted sum of values as the ``reward``; the values stay beside it.

    Args:
        evaluator: Gives named values.
        weights: Factors of the values that count: ``{"accuracy": 1.0, "latency_ms": -0.01}``. A name is one of the
            evaluator's or a figure of the cost.

    Raises:
        ConfigError: There are no weights, or one is no finite number.
    """

    def __init__(self, evaluator: Evaluator, weights: Mapping[str, float]) -> None:
        super().__init__(evaluator)
        self.weights = _numbers("weights", weights)

    def _names(self) -> set[str]:
        return set(self.weights)

    def _reward(self, values: Mapping[str, Any]) -> float:
        return sum(weight * _value(values, name) for name, weight in self.weights.items())


class SoftConstraint(_OfOne):
    """MnasNet's objective as the ``reward``; the values stay beside it (Tan et al., arXiv:1807.11626, section 3.1).

    The reward is ``values[reward]`` times ``(value / bound) ** w`` for each bound, where w is ``inside`` for a value up
    to its bound and ``exponent`` above it. MnasNet's soft form has ``inside=-0.07, exponent=-0.07``: twice the latency
    is worth 5 percent of the accuracy anywhere. Its hard form has ``inside=0, exponent=-1``.

    Args:
        evaluator: Gives named values.
        reward: Name of the value to be large, which must not be negative.
        bounds: Bounds of values to be small: ``{"latency_ms": 20}``. A name is one of the evaluator's or a figure of
            the cost.
        exponent: Power above a bound, at most 0.
        inside: Power up to a bound, at most 0.

    Raises:
        ConfigError: There are no bounds, one is not positive, or a power is.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        reward: str = "accuracy",
        bounds: Mapping[str, float],
        exponent: float = -0.07,
        inside: float = 0.0,
    ) -> None:
        super().__init__(evaluator)
        self.reward = reward
        self.bounds = _numbers("bounds", bounds)
        for name, bound in self.bounds.items():
            if bound <= 0:
                raise ConfigError(f"bounds: {name!r} = {bound!r}: expected a positive number")
        powers = _numbers("powers", {"exponent": exponent, "inside": inside})
        for name, power in powers.items():
            if power > 0:
                raise ConfigError(f"{name} = {power!r}: expected at most 0, or larger values would be rewarded")
        self.exponent, self.inside = powers["exponent"], powers["inside"]

    def _names(self) -> set[str]:
        return {self.reward, *self.bounds}

    def _reward(self, values: Mapping[str, Any]) -> float:
        reward = _value(values, self.reward)
        if reward < 0:
            raise EvaluationError(f"{self.reward} = {reward!r}: a soft constraint would reward what makes it smaller")
        for name, bound in self.bounds.items():
            value = _value(values, name)
            if value < 0:
                raise EvaluationError(f"{name} = {value!r}: a soft constraint needs values that are not negative")
            power = self.inside if value <= bound else self.exponent
            if power:
                if value == 0:
                    raise EvaluationError(f"{name} = 0: a power of {power} has no value there")
                reward *= (value / bound) ** power
        return reward


def _numbers(what: str, named: Mapping[str, float]) -> dict[str, float]:
    """Named finite numbers, at least one."""
    if not (isinstance(named, Mapping) and named):
        raise ConfigError(f"{what} = {named!r}: expected names with numbers")
    for name, number in named.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise ConfigError(f"{what}: {name!r} = {number!r}: expected a finite number")
    return dict(named)


def _value(values: Mapping[str, Any], name: str) -> float:
    """A finite number among values."""
    if name not in values:
        raise EvaluationError(f"{name!r} is missing: the evaluation gave {', '.join(map(str, values)) or 'nothing'}")
    try:
        number = float(values[name])
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise EvaluationError(f"{name} = {values[name]!r}: expected a finite number")
    return number
