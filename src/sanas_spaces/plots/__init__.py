"""Plots of a search: for each one, a function that tells its data and one that draws it with Matplotlib.

``plot_...(result)`` gives a Matplotlib figure, which notebooks show; with a path it is written there, too, and the
ending of the path decides the format (``.png``, ``.svg``, ``.pdf``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..searching import SearchResult
from . import drawing
from .canvas import Canvas, style
from .data import (
    Cell,
    CostPoints,
    Moves,
    Outcome,
    Progress,
    Volume,
    cost_data,
    front_numbers,
    moves_data,
    outcome_data,
    progress_data,
    volume_data,
)
from .importance import Importance, importance_data
from .trail import Trail

__all__ = [
    "Cell",
    "CostPoints",
    "Importance",
    "Moves",
    "Outcome",
    "Progress",
    "Trail",
    "Volume",
    "cost_data",
    "front_numbers",
    "importance_data",
    "moves_data",
    "outcome_data",
    "plot_cost",
    "plot_hypervolume",
    "plot_importance",
    "plot_moves",
    "plot_outcomes",
    "plot_progress",
    "progress_data",
    "volume_data",
]


def plot_progress(
    result: SearchResult | Trail, path: str | Path | None = None, *, goal: str | None = None, reward: str | None = None
) -> Any:
    """Draw the values of a goal in the order of the search, and the best so far.

    Args:
        result: The search.
        path: File to write.
        goal: Which goal, where there are several; by default the first one to be large.
        reward: What the reward is, for the axis.
    """
    trail = Trail.of(result, reward)
    with style():
        return _done(drawing.draw_progress(trail, goal=goal), path)


def plot_hypervolume(result: SearchResult | Trail, path: str | Path | None = None) -> Any:
    """Draw the hypervolume of the candidates so far, for a search with several goals."""
    with style():
        return _done(drawing.draw_volume(Trail.of(result)), path)


def plot_cost(
    result: SearchResult | Trail,
    path: str | Path | None = None,
    *,
    cost: str = "flops",
    goal: str | None = None,
    reward: str | None = None,
) -> Any:
    """Draw the values of a goal against a cost, with the Pareto front.

    Args:
        result: The search.
        path: File to write.
        cost: A figure of the cost, another goal, or what the evaluation measured besides: a column of the history.
        goal: Which goal, where there are several; by default the first one to be large.
        reward: What the reward is, for the axis.

    Raises:
        ConfigError: There is no such goal or cost.
    """
    trail = Trail.of(result, reward)
    with style():
        return _done(drawing.draw_cost(trail, cost, goal=goal), path)


def plot_importance(
    result: SearchResult | Trail, path: str | Path | None = None, *, goal: str | None = None, most: int = 12
) -> Any:
    """Draw how much the choices decide, the ``most`` important ones; see :func:`importance_data`."""
    with style():
        return _done(drawing.draw_importance(Trail.of(result), goal=goal, most=most), path)


def plot_moves(result: SearchResult | Trail, path: str | Path | None = None) -> Any:
    """Draw which option of each choice was picked over time; a stronger colour is further down the options."""
    with style():
        return _done(drawing.draw_moves(Trail.of(result)), path)


def plot_outcomes(result: SearchResult | Trail, path: str | Path | None = None) -> Any:
    """Draw how many candidates were evaluated, stopped early and failed, and why."""
    with style():
        return _done(drawing.draw_outcomes(Trail.of(result)), path)


def _done(drawn: Canvas, path: str | Path | None) -> Any:
    if path is not None:
        drawn.save(path)
    return drawn.figure
