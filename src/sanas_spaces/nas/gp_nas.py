"""GP-NAS: accuracy of architectures predicted by a Gaussian process."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, EvaluationError

Array = npt.NDArray[np.float64]

JITTER = 1e-7
"""Added to the diagonal of matrices before they are inverted."""
PRIOR_VARIANCE = 0.01
"""Prior variance of each weight of the mean."""


class GPNAS:
    """Gaussian process with a linear mean, over tokens (Li et al., GP-NAS, CVPR 2020, section 3).

    The mean of an architecture x is ``[x, 1] w``. ``get_initial_mean`` fits w by least squares, which may be done on
    another task; ``get_initial_cov`` gives its prior; ``get_posterior_mean`` updates w with architectures of the task
    at hand; ``get_predict`` tells the mean, ``get_predict_joint`` the mean given known results. The figures are
    PaddleSlim's.

    Args:
        c_flag: Correlation of two architectures at the Euclidean distance d: 1 for ``0.5 exp(-d**2 / 16)``, 2 for
            ``exp(-d / 12)``.
        m_flag: Form of the update of the mean: 1 for the gain form, 2 for the information form.

    Raises:
        ConfigError: Another flag.
    """

    def __init__(self, c_flag: int = 2, m_flag: int = 2) -> None:
        for name, flag in (("c_flag", c_flag), ("m_flag", m_flag)):
            if flag not in (1, 2):
                raise ConfigError(f"{name} = {flag!r}: expected 1 or 2")
        self.c_flag = c_flag
        self.m_flag = m_flag
        self.hp_mat = JITTER
        self.hp_cov = PRIOR_VARIANCE
        self.w: Array | None = None
        self.cov_w: Array | None = None
        self.cov_mat: Array | None = None

    def get_initial_mean(self, X: Any, Y: Any) -> Array:  # noqa: N803 - PaddleSlim's names
        """Fit the weights of the mean by least squares.

        Args:
            X: Architectures [N, L].
            Y: Their results [N].

        Returns:
            The weights [L + 1, 1], the last one for the constant.
        """
        x, y = _features(X), _column(Y, X)
        self.w = self._inverse(x.T @ x) @ x.T @ y
        return self.w

    def get_initial_cov(self, X: Any) -> Array:  # noqa: N803
        """Prior covariance of the weights [L + 1, L + 1]."""
        self.cov_w = self.hp_cov * np.eye(_features(X).shape[1])
        return self.cov_w

    def get_posterior_mean(self, X: Any, Y: Any) -> Array:  # noqa: N803
        """Update the weights of the mean with results of this task, and return them [L + 1, 1]."""
        x, y = _features(X), _column(Y, X)
        w, prior = self._weights(), self._prior()
        precision = self._inverse(self._correlation(x, x))
        if self.m_flag == 1:
            gain = prior @ x.T @ self._inverse(precision + x @ prior @ x.T)
            self.w = w + gain @ (y - x @ w)
        else:
            prior_precision = self._inverse(prior)
            total = x.T @ precision @ x + prior_precision
            self.w = self._inverse(total) @ (x.T @ precision @ y + prior_precision @ w)
        return self.w

    def get_posterior_cov(self, X: Any, Y: Any) -> Array:  # noqa: N803
        """Posterior covariance of the weights [L + 1, L + 1]."""
        x = _features(X)
        _column(Y, X)
        information = self._inverse(x.T @ self._correlation(x, x) @ x)
        self.cov_mat = self._inverse(information + self._inverse(self._prior()))
        return self.cov_mat

    def get_predict(self, X: Any) -> Array:  # noqa: N803
        """Predicted results [N, 1] of the architectures [N, L], from the mean alone."""
        return _features(X) @ self._weights()

    def get_predict_joint(self, X: Any, X_train: Any, Y_train: Any) -> Array:  # noqa: N803
        """Predicted results [N, 1] of the architectures [N, L], given results [M] of other ones [M, L]."""
        new, known = _matrix(X), _matrix(X_train)
        residual = _column(Y_train, X_train) - self.get_predict(known)
        return (
            self.get_predict(new)
            + self._correlation(new, known) @ self._inverse(self._correlation(known, known)) @ residual
        )

    get_predict_jiont = get_predict_joint
    """PaddleSlim's spelling."""

    def _correlation(self, a: Array, b: Array) -> Array:
        squared = np.array([((row - b) ** 2).sum(axis=1) for row in a])
        found = 0.5 * np.exp(-squared / 16) if self.c_flag == 1 else np.exp(-np.sqrt(squared) / 12)
        return np.asarray(found, dtype=np.float64)

    def _inverse(self, matrix: Array) -> Array:
        return np.asarray(np.linalg.inv(matrix + self.hp_mat * np.eye(len(matrix))), dtype=np.float64)

    def _weights(self) -> Array:
        if self.w is None:
            raise EvaluationError("GPNAS has no mean yet: call get_initial_mean(X, Y) first")
        return self.w

    def _prior(self) -> Array:
        if self.cov_w is None:
            raise EvaluationError("GPNAS has no prior covariance yet: call get_initial_cov(X) first")
        return self.cov_w


def _matrix(architectures: Any) -> Array:
    x = np.asarray(architectures, dtype=np.float64)
    if x.ndim != 2:
        raise ConfigError(f"architectures have the shape {list(x.shape)}: expected [N, L], a row of tokens each")
    return x


def _features(architectures: Any) -> Array:
    x = _matrix(architectures)
    return np.hstack([x, np.ones((len(x), 1))])


def _column(results: Any, architectures: Any) -> Array:
    y = np.asarray(results, dtype=np.float64).reshape(-1, 1)
    if len(y) != len(architectures):
        raise ConfigError(f"{len(y)} results for {len(architectures)} architectures: expected one each")
    return y
