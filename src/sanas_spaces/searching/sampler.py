"""The algorithms as samplers for any Optuna study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..errors import ConfigError, SearchExhausted
from ..tokens import are_ordered
from .algorithms import AlgorithmFactory, Choices, algorithm_named

MAX_TRIES = 200_000


class TokenSampler(BaseSampler):
    """An algorithm of this library as a sampler of any Optuna study with categorical and integer parameters.

    Never proposes the same parameters twice. Everything is derived from the seed and the study's trials, so a study
    that is loaded again goes on as it would have. Pruned trials count with their last intermediate value, failed ones
    as failed. Float parameters are sampled at random.

    Args:
        algorithm: A name, such as ``"model"``, or a function of (choices, init_tokens, seed=) that gives an
            :class:`~sanas_spaces.searching.Algorithm`.
        distributions: The parameters, for studies that ``ask`` without fixed ones; by default those that all trials
            so far have in common, so that the first trial is random.
        init_params: Values of the first trial; by default random.
        seed: Seed; by default drawn.
        options: Further arguments of the algorithm.
    """

    def __init__(
        self,
        algorithm: str | AlgorithmFactory = "annealing",
        distributions: Mapping[str, BaseDistribution] | None = None,
        *,
        init_params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self._algorithm = algorithm_named(algorithm) if isinstance(algorithm, str) else algorithm
        self._options = options
        self._distributions = dict(distributions) if distributions is not None else None
        self._init_params = dict(init_params) if init_params is not None else None
        self._seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._independent = RandomSampler(seed=self._seed)
        self._intersection = IntersectionSearchSpace()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The categorical and integer parameters, which are proposed together."""
        found = self._distributions if self._distributions is not None else self._intersection.calculate(study)
        return {
            name: distribution
            for name, distribution in sorted(found.items())
            if isinstance(distribution, CategoricalDistribution | IntDistribution)
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values that no other trial has.

        Raises:
            ConfigError: The study has several objectives.
            SearchExhausted: Every combination has been proposed.
        """
        if len(study.directions) != 1:
            raise ConfigError(f"{type(self).__name__} needs a study with one objective, not {len(study.directions)}")
        if not search_space:
            return {}
        names = list(search_space)
        options = [_options(search_space[name]) for name in names]
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        choices = Choices(
            tuple(len(values) for values in options),
            tuple(
                isinstance(search_space[n], IntDistribution) or are_ordered(v)
                for n, v in zip(names, options, strict=True)
            ),
        )
        algorithm = self._algorithm(choices, self._start(names, options), seed=self._seed, **self._options)
        seen = set()
        for other in study.get_trials(deepcopy=False):
            if other.number == trial.number:
                continue
            tokens = _tokens(other.params, names, options)
            if tokens is not None:
                seen.add(tokens)
                algorithm.issue(other.number, tokens)
            if other.state.is_finished():
                value = _value(other) if tokens is not None else None
                algorithm.observe(other.number, tokens or (0,) * len(names), None if value is None else sign * value)
        for tried, proposal in enumerate(algorithm.propose(trial.number, lambda tokens: tuple(tokens) not in seen)):
            if tuple(proposal) not in seen:
                return {name: values[t] for name, values, t in zip(names, options, proposal, strict=True)}
            if tried >= MAX_TRIES and choices.size > MAX_TRIES:
                break
        raise SearchExhausted(f"no new combination of {', '.join(names)} was found after {len(seen)} trials")

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Sample a parameter that is not proposed together with the others: given, or at random."""
        if self._init_params is not None and trial.number == 0 and param_name in self._init_params:
            return self._init_params[param_name]
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _start(self, names: list[str], options: list[Sequence[Any]]) -> list[int]:
        if self._init_params is not None:
            tokens = _tokens(self._init_params, names, options)
            if tokens is None:
                raise ConfigError(f"init_params = {self._init_params!r}: expected a valid value for each of {names}")
            return list(tokens)
        rng = np.random.default_rng((self._seed, 2**32))
        return [int(rng.integers(len(values))) for values in options]


class ModelSampler(TokenSampler):
    """Gaussian processes over tokens (:class:`~sanas_spaces.searching.ModelSearch`); arguments of ``TokenSampler``."""

    def __init__(self, distributions: Mapping[str, BaseDistribution] | None = None, **arguments: Any) -> None:
        super().__init__("model", distributions, **arguments)


class AnnealingSampler(TokenSampler):
    """Simulated annealing (:class:`~sanas_spaces.searching.Annealing`); arguments of ``TokenSampler``."""

    def __init__(self, distributions: Mapping[str, BaseDistribution] | None = None, **arguments: Any) -> None:
        super().__init__("annealing", distributions, **arguments)


def _value(trial: FrozenTrial) -> float | None:
    """What a finished trial tells: its value, the last one it reported if it was pruned, nothing if it failed."""
    if trial.state is TrialState.COMPLETE:
        return float(trial.values[0])
    if trial.state is TrialState.PRUNED and trial.last_step is not None:
        return trial.intermediate_values[trial.last_step]
    return None


def _options(distribution: BaseDistribution) -> Sequence[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    raise TypeError(f"no options in {distribution!r}")


def _tokens(params: Mapping[str, Any], names: list[str], options: list[Sequence[Any]]) -> tuple[int, ...] | None:
    """Indices of the values of ``params``, or None if one is missing or unknown."""
    try:
        return tuple(values.index(params[name]) for name, values in zip(names, options, strict=True))
    except (KeyError, ValueError):
        return None
