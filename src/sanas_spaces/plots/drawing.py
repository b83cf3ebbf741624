"""Draw what :mod:`sanas_spaces.plots.data` tells; shapes tell apart what colours do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..printing import printable
from .canvas import BLUE, GRID, HEIGHT, INK, MUTED, ORANGE, WIDTH, Canvas, amounts, canvas, shares, whole_numbers
from .data import cost_data, moves_data, outcome_data, progress_data, volume_data
from .importance import FEWEST, Importance, importance_data
from .trail import BYTES, Trail

NARROW = 480
"""Width below which a plot gets along with fewer words."""
_LINE = 17
_LONGEST = 36
_STATES = {"complete": "evaluated", "pruned": "stopped early", "running": "not finished", "fail": "failed"}
MOST_MARKS = 1500
"""Candidates that a plot shows one by one; of a longer search every second, third, ... and the best ones."""


def draw_progress(trail: Trail, *, goal: str | None = None, width: int = WIDTH, height: int = HEIGHT) -> Canvas:
    """Values of a goal in the order of the search, and the best so far."""
    data = progress_data(trail, goal)
    name = goal or trail.main
    sheet = canvas(width, height)
    axes = sheet.axes
    shown = _thinned(len(data.numbers), _improvements(data.best))
    numbers = [data.numbers[i] for i in shown]
    (points,) = axes.plot(
        numbers, [data.rewards[i] for i in shown], "o", color=MUTED, mfc="none", ms=6.5, label="candidate"
    )
    sheet.group(points, "candidates", numbers)
    if data.stopped:
        (points,) = axes.plot(*zip(*data.stopped, strict=True), "v", color=MUTED, ms=6.5, label="stopped early")
        sheet.group(points, "stopped", [number for number, _ in data.stopped])
    if data.numbers:
        ends = [*data.numbers, max(row["number"] for row in trail.rows)]
        axes.step(ends, [*data.best, data.best[-1]], where="post", color=BLUE, lw=2.2, label="best so far")
        star = data.rewards.index(data.best[-1])
        (points,) = axes.plot([data.numbers[star]], [data.best[-1]], "*", color=ORANGE, ms=15, label="best")
        sheet.group(points, "best", [data.numbers[star]])
    if data.failed:
        at = [0.03] * len(data.failed)
        (points,) = axes.plot(
            data.failed, at, "x", color=ORANGE, ms=6.5, mew=2, transform=axes.get_xaxis_transform(), label="failed"
        )
        sheet.group(points, "failed", list(data.failed))
    _axes(sheet, trail, y=name, title=trail.label(name), values=[*data.rewards, *(y for _, y in data.stopped)])
    axes.set_xlabel("candidate")
    whole_numbers(axes.xaxis)
    _legend(sheet, width)
    return sheet


def draw_volume(trail: Trail, *, width: int = WIDTH, height: int = HEIGHT) -> Canvas:
    """Hypervolume of the candidates so far, as a share of that of all."""
    data = volume_data(trail)
    sheet = canvas(width, height)
    whole = data.volumes[-1] if data.volumes and data.volumes[-1] > 0 else 1.0
    sheet.axes.step(data.numbers, [one / whole for one in data.volumes], where="post", color=BLUE, lw=2.2)
    shares(sheet.axes.yaxis)
    whole_numbers(sheet.axes.xaxis)
    sheet.axes.set_xlabel("candidate")
    sheet.axes.set_title("hypervolume, of that of the whole search", loc="left", fontsize=12)
    return sheet


def draw_cost(
    trail: Trail, cost: str = "flops", *, goal: str | None = None, width: int = WIDTH, height: int = HEIGHT
) -> Canvas:
    """Values of a goal against a cost, with the Pareto front of the two."""
    data = cost_data(trail, cost, goal)
    name = goal or trail.main
    sheet = canvas(width, height)
    axes = sheet.axes
    on_front = set(data.front)
    others = [i for i in _thinned(len(data.numbers), data.front) if i not in on_front]
    for positions, group, look in (
        (others, "others", {"marker": "o", "mfc": "none", "color": MUTED, "ms": 6.5, "ls": "", "label": "candidate"}),
        (data.front, "front", {"marker": "D", "color": ORANGE, "ms": 7, "lw": 1.5, "label": "Pareto front"}),
    ):
        if positions:
            at = [data.costs[i] for i in positions], [data.rewards[i] for i in positions]
            (points,) = axes.plot(*at, **look)
            sheet.group(points, group, [data.numbers[i] for i in positions])
    _axes(sheet, trail, y=name, title=trail.label(name), values=data.rewards)
    axes.set_xlabel(trail.label(cost) + (" (bytes)" if cost in BYTES else ""))
    if data.costs and min(data.costs) > 0 and max(data.costs) > 50 * min(data.costs):
        axes.set_xscale("log")
    else:
        amounts(axes.xaxis)
    _legend(sheet, width)
    return sheet


LEAST_SCALE = 0.05
"""Shares of the reward below which bars are short: a choice that decides nothing has no long one."""


def draw_importance(
    trail: Trail | Importance, *, goal: str | None = None, most: int = 12, width: int = WIDTH, height: int | None = None
) -> Canvas:
    """How much the choices decide, the most important ones first."""
    data = trail if isinstance(trail, Importance) else importance_data(trail, goal)
    if not data.labels:
        few = data.candidates < FEWEST
        text = f"{data.candidates} evaluated candidates: {FEWEST} are needed" if few else "all candidates are alike"
        return _empty(width, f"too little to tell ({text})")
    bars = [
        (label, value, f"{100 * value:.0f} % ± {100 * error:.0f}")
        for label, value, error in zip(data.labels[:most], data.values, data.errors, strict=False)
    ]
    return _bars(bars, width, height, most=max(LEAST_SCALE, max(data.values)))


def draw_moves(trail: Trail, *, columns: int | None = None, width: int = WIDTH, height: int | None = None) -> Canvas:
    """Which option of each choice was picked as the search went on; a stronger colour is further down the options."""
    narrow = width < NARROW
    data = moves_data(trail, columns or (16 if narrow else 40))
    if not data.cells or not data.spans:
        return _empty(width, "there is no choice to show")
    sheet = canvas(width, height or 50 + _LINE * len(data.labels), grid="")
    axes = sheet.axes
    from matplotlib.collections import PolyCollection

    squares, faces, meanings = [], [], []
    red, green, blue = (int(BLUE[i : i + 2], 16) / 255 for i in (1, 3, 5))
    for row, (label, line) in enumerate(zip(data.labels, data.cells, strict=True)):
        for column, (cell, (first, last)) in enumerate(zip(line, data.spans, strict=True)):
            x, y, size = column + 0.04, row - 0.44, (0.92, 0.88)
            squares.append([(x, y), (x + size[0], y), (x + size[0], y + size[1]), (x, y + size[1])])
            faces.append((red, green, blue, 0.06 + 0.94 * cell.place))
            numbers = f"candidate {first}" if first == last else f"candidates {first} to {last}"
            often = "" if first == last else f" in {100 * cell.share:.0f} %"
            meanings.append(f"{label} = {cell.option}{often}, {numbers}")
    cells = PolyCollection(squares, facecolors=faces, edgecolors=GRID, linewidths=0.5)
    axes.add_collection(cells)
    sheet.group(cells, "cells", meanings)
    axes.set(xlim=(0, len(data.spans)), ylim=(len(data.labels) - 0.5, -0.5))
    axes.spines[:].set_visible(False)
    axes.set_yticks(range(len(data.labels)), short_labels(data.labels, 18 if narrow else 30), fontsize=11)
    at = sorted({round(i * (len(data.spans) - 1) / 4) for i in range(5)})
    axes.set_xticks([i + 0.5 for i in at], [str(data.spans[i][0]) for i in at])
    axes.set_xlabel("candidate")
    return sheet


def draw_outcomes(trail: Trail, *, width: int = WIDTH, height: int | None = None) -> Canvas:
    """How many candidates were evaluated, stopped early and failed, and for what reasons."""
    bars = []
    for one in outcome_data(trail):
        label = f"{_STATES.get(one.state, one.state)}{': ' if one.reason else ''}{one.reason}"
        bars.append((label, float(len(one.numbers)), str(len(one.numbers))))
    if not bars:
        return _empty(width, "there is no candidate yet")
    return _bars(bars, width, height, most=max(value for _, value, _ in bars))


def short_labels(labels: Sequence[str], most: int) -> list[str]:
    """Names of choices for little room: the space by its number only, the middle left out."""
    found = []
    for label in labels:
        text = re.sub(r"^\w+ \((\d+)\) ", r"\1: ", printable(label))
        found.append(text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}")
    return found


def _bars(bars: Sequence[tuple[str, float, str]], width: int, height: int | None, *, most: float) -> Canvas:
    """Horizontal bars, each with its number behind it and its name before it, or above it where room is short."""
    narrow = width < NARROW or max(len(label) for label, _, _ in bars) > _LONGEST
    sheet = canvas(width, height or 14 + (38 if narrow else 24) * len(bars), grid="")
    axes = sheet.axes
    axes.barh(range(len(bars)), [value for _, value, _ in bars], height=0.34 if narrow else 0.6, color=BLUE)
    for row, (_, value, text) in enumerate(bars):
        axes.text(value + 0.012 * most, row, f" {text}", va="center", fontsize=11, color=MUTED)
    axes.set_xticks([])
    labels = short_labels([label for label, _, _ in bars], max(10, int(width / 7.2)) if narrow else _LONGEST)
    if narrow:
        axes.set_yticks([])
        for row, label in enumerate(labels):
            axes.text(0, row - 0.27, label, va="bottom", fontsize=12)
    else:
        axes.set_yticks(range(len(bars)), labels, fontsize=12, color=INK)
    axes.set(xlim=(0, 1.24 * most), ylim=(len(bars) - 0.6, -0.95 if narrow else -0.6))
    axes.spines[["bottom"]].set_visible(False)
    return sheet


def _empty(width: int, text: str) -> Canvas:
    sheet = canvas(width, 60, grid="")
    sheet.axes.axis("off")
    sheet.axes.text(0, 0.5, text, va="center", color=MUTED, transform=sheet.axes.transAxes)
    return sheet


def _axes(sheet: Canvas, trail: Trail, *, y: str, title: str, values: Sequence[float]) -> None:
    """Write the name of the vertical axis above it, where it takes no width."""
    sheet.axes.set_title(title, loc="left", fontsize=12, color=INK)
    if "accuracy" in trail.label(y) and values and min(values) >= 0 and max(values) <= 1:
        shares(sheet.axes.yaxis)
    elif values and max(map(abs, values)) >= 1000:
        amounts(sheet.axes.yaxis)


def _legend(sheet: Canvas, width: int) -> None:
    handles, labels = sheet.axes.get_legend_handles_labels()
    if handles:
        columns = 3 if width < NARROW else 6
        sheet.figure.legend(
            handles, labels, loc="outside lower left", ncols=columns, fontsize=11, handletextpad=0.4, columnspacing=1.2
        )


def _improvements(best: Sequence[float]) -> list[int]:
    """Positions at which the best value so far changes."""
    return [i for i, value in enumerate(best) if i == 0 or value != best[i - 1]]


def _thinned(count: int, always: Sequence[int]) -> list[int]:
    """Positions of at most about :data:`MOST_MARKS` candidates in order, some of them always."""
    step = -(-count // MOST_MARKS)
    return list(range(count)) if step <= 1 else sorted({*range(0, count, step), *always})
