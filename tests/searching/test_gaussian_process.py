"""The covariance of networks: distances, trends, what is learnt from results, and what is said of other networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from sanas_spaces.searching import Choices
from sanas_spaces.searching.algorithms import gaussian_process
from sanas_spaces.searching.algorithms.gaussian_process import JITTER, Posterior, Weights, fit
from sanas_spaces.searching.algorithms.kernel import TokenKernel
from sanas_spaces.searching.algorithms.moves import random_lists

RANGES = (3, 4, 3, 3, 2, 4, 3)  # four tokens of one kind, whose options have trends


def draw(count: int, seed: int = 0, ranges: tuple[int, ...] = RANGES) -> Any:
    return np.array(random_lists(ranges, np.random.default_rng(seed), count))


@given(st.lists(st.integers(2, 5), min_size=1, max_size=3), st.integers(3, 9))
@settings(deadline=None, max_examples=20)
def test_trends_have_mean_zero_and_variance_one_together(options: list[int], tokens: int) -> None:
    ranges = tuple(option for option in sorted(set(options)) for _ in range(tokens))
    kernel = TokenKernel(Choices.of(ranges))
    trends = kernel.picked(draw(20_000, ranges=ranges)) @ kernel.trends
    assert np.abs(trends.mean(axis=0)).max() < 0.05
    assert (trends**2).sum(axis=1).mean() == pytest.approx(1, abs=0.05)


def test_tokens_of_kinds_of_one_or_two_have_no_trends() -> None:
    assert TokenKernel(Choices.of((2, 2, 5))).trends.shape == (9, 0)


def covariance(kernel: TokenKernel, tokens: Any, weights: Weights) -> Any:
    """By the formula, with none of the sums that make it quick."""
    picked = kernel.picked(tokens)
    distances = kernel.distances(picked).reshape(-1, len(tokens), len(tokens))
    near = np.exp(-np.tensordot(weights.distances, distances, axes=1))
    trends = picked.ones @ kernel.trends
    return weights.variance * near + weights.trend * trends @ trends.T


@given(tokens=st.lists(st.lists(st.integers(0, 2), min_size=40, max_size=40), min_size=1, max_size=12))
@settings(deadline=None, max_examples=50)
def test_sums_over_what_is_picked_do_not_depend_on_what_is_near(tokens: list[list[int]]) -> None:
    ranges = (3,) * 40
    table = np.random.default_rng(0).normal(size=(120, 5))
    lists = np.array(tokens)
    some = np.concatenate([lists, draw(20, ranges=ranges)])
    some[::2, 7] = 1
    kernel = TokenKernel(Choices.of(ranges))
    expected = kernel.picked(some).ones @ table
    np.testing.assert_allclose(kernel.picked(some) @ table, expected)
    np.testing.assert_allclose(kernel.picked(some, lists) @ table, expected, atol=1e-12)


@pytest.mark.parametrize("ranges", [RANGES, (3,) * 12 + (4,) * 20], ids=["few tokens", "many tokens"])
def test_posterior_is_that_of_the_formula(ranges: tuple[int, ...]) -> None:
    kernel = TokenKernel(Choices.of(ranges), np.random.default_rng(3).normal(size=(2, sum(ranges))))
    known = draw(12, ranges=ranges)
    near = known[[0, 0, 5]]
    near[[0, 1, 2], [1, 2, 3]] = 0
    tokens = np.concatenate([known, draw(30, seed=1, ranges=ranges), near])
    kinds = len(kernel.distances(kernel.picked(known)))
    weights = Weights(np.linspace(0.05, 0.4, kinds), 0.7, 0.4, 0.02)
    targets = np.random.default_rng(2).normal(size=12)
    whole = covariance(kernel, tokens, weights)
    inner, across = whole[:12, :12] + (weights.noise + JITTER) * np.eye(12), whole[12:, :12]
    mean = across @ np.linalg.solve(inner, targets)
    variance = np.diag(whole)[12:] - (across @ np.linalg.inv(inner) * across).sum(axis=1)
    posterior = Posterior(weights, kernel, kernel.picked(known), targets)
    asked = kernel.picked(tokens[12:], known[:6])
    found, deviation = posterior.predict(asked)
    np.testing.assert_allclose(found, mean, atol=1e-9)
    np.testing.assert_allclose(posterior.mean(asked), mean, atol=1e-9)
    np.testing.assert_allclose(deviation, np.sqrt(variance), atol=1e-7)


def test_fit_is_a_maximum_of_the_posterior_density(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaussian_process, "MAX_STEPS", 1000)
    kernel = TokenKernel(Choices.of(RANGES))
    tokens = draw(25)
    trends = kernel.picked(tokens) @ kernel.trends
    targets = trends @ np.linspace(-2, 2, trends.shape[1]) + 0.3 * np.sin(tokens.sum(axis=1))
    targets = (targets - targets.mean()) / targets.std()
    distances = kernel.distances(kernel.picked(tokens))
    kinds = len(distances)
    typical = distances.mean(axis=1) + 1e-3

    def density(logs: Any) -> float:
        values = np.exp(logs)
        weights = Weights(values[:kinds], *values[kinds:].tolist())
        inner = covariance(kernel, tokens, weights) + (weights.noise + JITTER) * np.eye(25)
        prior = multivariate_normal(
            np.concatenate([np.log(1 / kinds / typical), np.log([0.5, 0.5, 0.01])]),
            np.diag(np.concatenate([np.ones(kinds), [1.0, 1.5**2, 1.5**2]])),
        )
        return float(multivariate_normal(np.zeros(25), inner).logpdf(targets) + prior.logpdf(logs))

    found = fit(distances, trends, targets)
    best = np.log(np.concatenate([found.distances, found[1:]]))
    for index in range(len(best)):
        step = np.eye(len(best))[index] * 0.05
        assert density(best) > max(density(best + step), density(best - step))


def test_trends_reach_where_nothing_was_seen() -> None:
    """What options add is learnt from a few networks, and said of networks that have nothing in common with them."""
    ranges = (3,) * 12
    kernel = TokenKernel(Choices.of(ranges))
    value = lambda tokens: (tokens == 2).sum(axis=1) - (tokens == 0).sum(axis=1)  # noqa: E731
    seen = draw(20, ranges=ranges)
    known = kernel.picked(seen)
    scale = value(seen).std()
    targets = (value(seen) - value(seen).mean()) / scale
    weights = fit(kernel.distances(known), known @ kernel.trends, targets)
    worst, best = kernel.picked(np.zeros((1, 12), int)), kernel.picked(np.full((1, 12), 2))
    posterior = Posterior(weights, kernel, known, targets)
    reach = float(posterior.mean(best)[0] - posterior.mean(worst)[0]) * scale
    assert reach > 0.8 * 24
