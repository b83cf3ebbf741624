"""Gaussian process regression with a learnt weight for each kind of distance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .kernel import TokenKernel
from .picked import Array, Picked

JITTER = 1e-6
ROUGHNESS = 1.0
"""Expected exponent of the product term at the mean distance: larger means that networks tell less of each other."""
MAX_STEPS = 40
LOG_BOUNDS = (-25.0, 6.0)


class Weights(NamedTuple):
    """Hyperparameters, all positive.

    Attributes:
        distances: Weight of each distance, [kinds].
        variance: Variance, at any point, of what falls with the distances.
        trend: Mean variance of the trends.
        noise: Variance of the noise.
    """

    distances: Array
    variance: float
    trend: float
    noise: float


def fit(distances: Array, trends: Array, targets: Array) -> Weights:
    """Hyperparameters of the largest posterior density (Rasmussen and Williams, section 5.4.1).

    The covariance is ``variance * exp(-sum_c w_c d_c) + trend * t t'``. All logarithms have normal priors; those of the
    weights are such that typical networks are correlated, which lets few results say something about many networks.

    Args:
        distances: Distances [kinds, n * n] between the points.
        trends: Trends [n, trends] of the points.
        targets: Values [n], of mean 0 and variance 1.
    """
    from scipy.linalg import lapack  # not above: commands that propose nothing would wait for it, too
    from scipy.optimize import minimize

    kinds, n = len(distances), len(targets)
    typical = distances.mean(axis=1) + 1e-3
    mean = np.concatenate([np.log(ROUGHNESS / max(kinds, 1) / typical), np.log([0.5, 0.5, 0.01])])
    deviation = np.concatenate([np.full(kinds, 1.0), [1.0, 1.5, 1.5]])
    along = trends @ trends.T
    diagonal = np.arange(n)

    def loss(logs: Array) -> tuple[float, Array]:
        """Negative log density and its gradient."""
        values = np.exp(logs)
        product = values[-3] * np.exp(-(values[:kinds] @ distances)).reshape(n, n)
        covariance = product + values[-2] * along
        covariance[diagonal, diagonal] += values[-1] + JITTER
        root, failed = lapack.dpotrf(covariance, lower=1)
        if failed:
            return 1e10, np.zeros_like(logs)
        solved = lapack.dpotrs(root, targets, lower=1)[0]
        inverse = np.tril(lapack.dpotri(root, lower=1)[0])
        inverse += np.tril(inverse, -1).T
        outer = 0.5 * (inverse - np.outer(solved, solved))
        slope = np.empty_like(logs)
        weighted = (outer * product).ravel()
        slope[:kinds] = -(distances @ weighted) * values[:kinds]
        slope[-3] = weighted.sum()
        slope[-2] = float(np.vdot(outer, along)) * values[-2]
        slope[-1] = np.trace(outer) * values[-1]
        away = (logs - mean) / deviation
        value = 0.5 * float(targets @ solved) + float(np.log(np.diag(root)).sum()) + 0.5 * float(away @ away)
        return value, slope + away / deviation

    found = minimize(
        loss, mean, jac=True, method="L-BFGS-B", bounds=[LOG_BOUNDS] * len(mean), options={"maxiter": MAX_STEPS}
    )
    best = np.exp(found.x)
    return Weights(best[:kinds], float(best[-3]), float(best[-2]), float(best[-1]))


class Posterior:
    """The process given values of some token lists.

    Args:
        weights: Hyperparameters.
        kernel: What tells how alike token lists are.
        known: The token lists.
        targets: Their values [n].
    """

    def __init__(self, weights: Weights, kernel: TokenKernel, known: Picked, targets: Array) -> None:
        from scipy.linalg import lapack

        self._weights = weights
        ones, n = known.ones, len(targets)
        options, coordinates = kernel.weighed(weights.distances)
        places = ones @ coordinates
        self._trends = weights.trend * (ones @ kernel.trends)
        # what a list picks, summed, is the logarithm of the covariance, but for its own coordinates: all pick as many
        inner = options[:, None] * ones.T + coordinates @ places.T
        constant = np.log(weights.variance) - 2 * (ones[0] @ options) - (places**2).sum(axis=1)
        self._logs = 2 * inner + constant / known.tokens
        self._coordinates = np.concatenate([coordinates, kernel.trends], axis=1)
        self._places = coordinates.shape[1]
        covariance = self._across(known)[0]
        covariance[np.arange(n), np.arange(n)] += weights.noise + JITTER
        root = np.linalg.cholesky(covariance)
        self._inverse_root = lapack.dtrtri(root, lower=1)[0]
        self._solved = self._inverse_root.T @ (self._inverse_root @ targets)

    def mean(self, picked: Picked) -> Array:
        """Mean [m] at other token lists."""
        found: Array = self._across(picked)[0] @ self._solved
        return found

    def predict(self, picked: Picked) -> tuple[Array, Array]:
        """Mean [m] and standard deviation [m] at other token lists."""
        from scipy.linalg import blas

        covariance, trends = self._across(picked)
        solved = blas.dtrmm(1.0, self._inverse_root, covariance.T, lower=1)
        explained = np.einsum("ij,ij->j", solved, solved)
        variance = self._weights.variance + self._weights.trend * (trends**2).sum(axis=1)
        return covariance @ self._solved, np.sqrt(np.maximum(variance - explained, 1e-10))

    def _across(self, picked: Picked) -> tuple[Array, Array]:
        """Covariance [m, n] of other token lists with the known ones, and trends [m, trends] of the others."""
        found = picked @ self._logs
        places, trends = np.split(picked @ self._coordinates, [self._places], axis=1)
        found -= (places**2).sum(axis=1)[:, None]
        np.exp(found, out=found)
        found += trends @ self._trends.T
        return found, trends
