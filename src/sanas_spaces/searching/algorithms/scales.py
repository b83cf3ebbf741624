"""Rewards on a scale that a Gaussian process can learn on: centred, of variance 1, with no say for the unit.

Accuracies have a long lower tail of networks that did not learn, and a crowd at the top. No one scale is best for all
searches, so that several take turns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .picked import Array

Scale = Callable[[Array], Array]

POWERS = np.linspace(-1, 5, 25)


def normal_scores(values: Array) -> Array:
    """Normal quantiles of the ranks; equal values share the mean rank."""
    from scipy.special import ndtri  # not above: commands that propose nothing would wait for it, too

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return _standard(ndtri((ranks - 0.5) / len(values)))


def shrunk_losses(values: Array) -> Array:
    """Distance from the median in robust deviations, of which those below count by their logarithm."""
    away = _from_median(values)
    return _standard(np.where(away < 0, -np.log1p(-np.minimum(away, 0)), away))


def power_scores(values: Array) -> Array:
    """The power transform that makes them most normal (Yeo and Johnson, Biometrika 87, 2000)."""
    away = _from_median(values)
    best = max(POWERS, key=lambda power: _likelihood(away, power))
    return _standard(_powers(away, best))


def _from_median(values: Array) -> Array:
    away = values - np.median(values)
    deviation = 1.4826 * float(np.median(np.abs(away)))  # of normal values, the standard deviation
    scaled: Array = away / (deviation or float(np.abs(away).max()) or 1.0)
    return scaled


def _powers(away: Array, power: float) -> Array:
    up, down = 1 + np.maximum(away, 0), 1 - np.minimum(away, 0)
    above = np.log(up) if abs(power) < 1e-9 else (up**power - 1) / power
    below = np.log(down) if abs(power - 2) < 1e-9 else (down ** (2 - power) - 1) / (2 - power)
    found: Array = above - below
    return found


def _likelihood(away: Array, power: float) -> float:
    with np.errstate(over="ignore", invalid="ignore"):  # of values that are far out, some powers are no numbers
        variance = float(_powers(away, power).var())
    if not np.isfinite(variance):
        return -np.inf
    jacobian = (power - 1) * float((np.sign(away) * np.log1p(np.abs(away))).sum())
    return jacobian - len(away) / 2 * float(np.log(variance + 1e-12))


def _standard(values: Array) -> Array:
    deviation = float(values.std())
    scaled: Array = (values - values.mean()) / deviation if deviation > 0 else np.zeros(len(values))
    return scaled
