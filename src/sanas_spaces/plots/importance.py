"""Which choices mattered: permutation importance of a random forest on the decoded choices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..optional import import_optional
from .trail import Trail

FEWEST = 10
"""Evaluated candidates below which nothing is told."""
MOST = 1000
"""Evaluated candidates that are looked at, spread evenly over a longer search."""
FOLDS = 5
REPEATS = 5
TREES = 64


class Importance(NamedTuple):
    """How much the choices decide, the most important one first."""

    labels: list[str]
    values: list[float]
    """Share of the variance of the goal that the choice decides, alone or together with others, from 0 to 1."""
    errors: list[float]
    """Standard error of it over the folds."""
    explained: float
    """Share of the variance that all choices together tell, R squared of held-out candidates; at 0 nothing is known."""
    candidates: int
    """Number of evaluated candidates; with fewer than :data:`FEWEST` there are no values."""


def importance_data(trail: Trail, goal: str | None = None, *, seed: int = 0) -> Importance:
    """How much each decoded choice matters for a goal, the first one by default.

    A random forest (Breiman, Machine Learning 45, 2001, section 10) learns the goal from the choices of four fifths of
    the candidates and is asked for the others, once as they are and once with one choice taken from another candidate.
    Half of the variance that it is then wrong by in addition is the importance: the total Sobol index, if choices are
    independent (Gregorutti et al., Statistics and Computing 27, 2017, section 2). Ordered choices are numbers, the
    others one column per option. A choice can matter and be at zero, if the search changed it too seldom to tell.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    name = trail.known(goal or trail.main)
    rows = trail.evaluated
    if len(rows) > MOST:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, MOST).round().astype(int)]
    values = np.array([trail.value(row, name) or 0.0 for row in rows])
    tokens = np.array([row["tokens"] for row in rows], dtype=int).reshape(len(rows), len(trail.table))
    fields = trail.table.fields
    varied = [i for i in range(len(fields)) if len(set(tokens[:, i].tolist())) > 1]
    if len(rows) < FEWEST or not varied or not np.ptp(values) > 0:
        return Importance([], [], [], 0.0, len(rows))
    columns = [_columns(tokens[:, i], ordered=fields[i].ordered) for i in varied]
    explained, losses = _losses(columns, values, np.random.default_rng(seed))
    means, errors = losses.mean(axis=0), losses.std(axis=0, ddof=1) / np.sqrt(FOLDS)
    order = np.argsort(-means, kind="stable")
    return Importance(
        [fields[varied[i]].label for i in order],
        [max(0.0, float(means[i])) for i in order],
        [float(errors[i]) for i in order],
        float(explained),
        len(rows),
    )


def _columns(tokens: NDArray[np.int64], *, ordered: bool) -> NDArray[np.float64]:
    """A choice as columns [n, k] of what the forest learns from."""
    if ordered or len(np.unique(tokens)) == 2:
        return tokens[:, None].astype(float)
    columns: NDArray[np.float64] = (tokens[:, None] == np.unique(tokens)[None, :]).astype(float)
    return columns


def _losses(
    columns: list[NDArray[np.float64]], values: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """R squared of held-out candidates, and half of what is lost of it without each choice [folds, choices]."""
    forest: Any = import_optional("sklearn.ensemble", "search", "importance of choices").RandomForestRegressor
    data = np.concatenate(columns, axis=1)
    edges = np.cumsum([0, *(one.shape[1] for one in columns)])
    variance = values.var()
    scores, losses = [], np.zeros((FOLDS, len(columns)))
    parts = np.array_split(rng.permutation(len(values)), FOLDS)
    for fold, held in enumerate(parts):
        rest = np.setdiff1d(np.arange(len(values)), held)
        model = forest(TREES, min_samples_leaf=2, max_features=0.5, random_state=fold).fit(data[rest], values[rest])
        asked = [data[held]]
        for choice in range(len(columns)):
            for _ in range(REPEATS):
                changed = data[held].copy()
                block = slice(edges[choice], edges[choice + 1])
                changed[:, block] = data[rng.permutation(len(data))[: len(held)], block]
                asked.append(changed)
        told = model.predict(np.concatenate(asked)).reshape(len(asked), len(held))
        wrong = ((told - values[held]) ** 2).mean(axis=1) / variance
        scores.append(1 - wrong[0])
        losses[fold] = (wrong[1:].reshape(len(columns), REPEATS).mean(axis=1) - wrong[0]) / 2
    return float(np.mean(scores)), losses
