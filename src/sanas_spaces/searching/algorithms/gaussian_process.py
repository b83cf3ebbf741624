"""Gaussian process regression with a learnt weight for each kind of distance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize

from .kernel import Array

JITTER = 1e-6
LENGTH = 0.5
"""Decay of the additive terms at the mean distance, as an exponent."""
ROUGHNESS = 1.0
"""Expected exponent of the product term at the mean distance: larger means that networks tell less of each other."""
MAX_STEPS = 40
LOG_BOUNDS = (-25.0, 6.0)


class Weights(NamedTuple):
    """Hyperparameters, all positive.

    Attributes:
        distances: Weight of each distance in the product term, [kinds].
        terms: Variance of each additive term, [kinds]; empty without them.
        decays: Decay of each additive term per unit of distance, [kinds].
        product: Variance of the product term.
        noise: Variance of the noise.
    """

    distances: Array
    terms: Array
    decays: Array
    product: float
    noise: float

    @property
    def variance(self) -> float:
        """Variance of the process at any point."""
        return self.product + float(self.terms.sum())

    def covariance(self, distances: Array) -> Array:
        """Covariance [pairs] at distances [kinds, pairs]."""
        found: Array = self.product * np.exp(-(self.distances @ distances))
        if len(self.terms):
            found += self.terms @ np.exp(-self.decays[:, None] * distances)
        return found


def fit(distances: Array, targets: Array, *, additive: bool) -> Weights:
    """Hyperparameters of the largest posterior density (Rasmussen and Williams, section 5.4.1).

    The covariance is ``product * exp(-sum_c w_c d_c)``, with ``additive`` plus ``sum_c a_c exp(-l_c d_c)``: effects of
    one choice that hold whatever the others are. All logarithms have normal priors; those of the weights are such
    that typical networks are correlated, which lets few results say something about many networks.

    Args:
        distances: Distances [kinds, n * n] between the points.
        targets: Values [n], of mean 0 and variance 1.
        additive: Whether there are additive terms.
    """
    kinds, n = len(distances), len(targets)
    typical = distances.mean(axis=1) + 1e-3
    decays = LENGTH / typical
    terms = kinds if additive else 0
    mean = np.concatenate(
        [np.log(ROUGHNESS / max(kinds, 1) / typical), np.full(terms, np.log(0.5 / max(kinds, 1))), np.log([0.5, 0.01])]
    )
    deviation = np.concatenate([np.full(kinds, 1.0), np.full(terms, 1.5), [1.0, 1.5]])
    additions = np.exp(-decays[:, None] * distances) if additive else None
    diagonal = np.arange(n)

    def loss(logs: Array) -> tuple[float, Array]:
        """Negative log density and its gradient."""
        values = np.exp(logs)
        product = values[-2] * np.exp(-(values[:kinds] @ distances)).reshape(n, n)
        covariance = product.copy()
        if additions is not None:
            covariance += (values[kinds:-2] @ additions).reshape(n, n)
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
        if additions is not None:
            slope[kinds:-2] = (additions @ outer.ravel()) * values[kinds:-2]
        slope[-2] = weighted.sum()
        slope[-1] = np.trace(outer) * values[-1]
        away = (logs - mean) / deviation
        value = 0.5 * float(targets @ solved) + float(np.log(np.diag(root)).sum()) + 0.5 * float(away @ away)
        return value, slope + away / deviation

    found = minimize(
        loss, mean, jac=True, method="L-BFGS-B", bounds=[LOG_BOUNDS] * len(mean), options={"maxiter": MAX_STEPS}
    )
    best = np.exp(found.x)
    return Weights(best[:kinds], best[kinds:-2], decays[:terms], float(best[-2]), float(best[-1]))


class Posterior:
    """The process given values at some points.

    Args:
        weights: Hyperparameters.
        distances: Distances [kinds, n * n] between the points.
        targets: Their values [n].
    """

    def __init__(self, weights: Weights, distances: Array, targets: Array) -> None:
        n = len(targets)
        covariance = weights.covariance(distances).reshape(n, n)
        covariance[np.arange(n), np.arange(n)] += weights.noise + JITTER
        root = np.linalg.cholesky(covariance)
        self._inverse_root = lapack.dtrtri(root, lower=1)[0]
        self._solved = self._inverse_root.T @ (self._inverse_root @ targets)
        self._weights = weights

    def predict(self, distances: Array, count: int) -> tuple[Array, Array]:
        """Mean [count] and standard deviation [count] at points with distances [kinds, count * n]."""
        covariance = self._weights.covariance(distances).reshape(count, -1)
        mean = covariance @ self._solved
        explained = ((self._inverse_root @ covariance.T) ** 2).sum(axis=0)
        return mean, np.sqrt(np.maximum(self._weights.variance - explained, 1e-10))
