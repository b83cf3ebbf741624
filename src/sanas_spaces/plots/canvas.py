"""The sheet that all plots are drawn on: its colours, its axes, and which mark stands for which candidate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from ..optional import import_optional

INK, MUTED, GRID, PAPER = "#1f2933", "#5b6776", "#d9dfe6", "#fffffe"
BLUE, ORANGE = "#0b6bcb", "#b5460f"
COLOURS = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper", BLUE: "blue", ORANGE: "orange"}
"""Names of the colours; a page that shows plots may give them other values."""
UNITS_PER_INCH = 72
WIDTH, HEIGHT = 640, 380

_STYLE = {
    "font.size": 12,
    "svg.fonttype": "none",
    "svg.hashsalt": "sanas_spaces",
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "axes.unicode_minus": False,
    "legend.frameon": False,
}
DPI = 150


@dataclass
class Canvas:
    """A figure and what its marks mean.

    Attributes:
        figure: The Matplotlib figure.
        axes: Its axes.
        marks: For each group of marks, by the id that it has in an SVG file, what each of them stands for: the number
            of a candidate, or a text.
    """

    figure: Any
    axes: Any
    marks: dict[str, list[int | str]] = field(default_factory=dict)

    def group(self, artist: Any, name: str, meanings: list[Any]) -> None:
        """Let the marks of an artist stand for something."""
        if meanings:
            artist.set_gid(name)
            self.marks[name] = meanings

    def save(self, path: str | Path) -> Path:
        """Write the figure; the ending of ``path`` decides the format."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with style():
            self.figure.savefig(path, dpi=DPI)
        return path


@contextmanager
def style() -> Iterator[None]:
    """Draw with the colours and letters of this package; nobody's settings are changed."""
    matplotlib = import_optional("matplotlib", "search", "drawing plots")
    with matplotlib.rc_context(_STYLE):
        yield


def canvas(width: int, height: int, *, grid: str = "both") -> Canvas:
    """An empty sheet of a size in units of 1/72 inch; call it inside :func:`style`."""
    figure = import_optional("matplotlib.figure", "search", "drawing plots").Figure(
        figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), layout="constrained"
    )
    figure._repr_png_ = partial(_png, figure)  # notebooks know figures of pyplot only
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, axis=grid, linewidth=0.8)
    return Canvas(figure, axes)


def _png(figure: Any) -> bytes:
    """The figure as a notebook shows it."""
    content = BytesIO()
    with style():
        figure.savefig(content, format="png", dpi=figure.dpi)
    return content.getvalue()


def amounts(axis: Any) -> None:
    """Write the numbers of an axis as 120k, 3.5M."""
    ticker = import_optional("matplotlib.ticker", "search", "drawing plots")
    axis.set_major_formatter(ticker.EngFormatter(sep=""))
    axis.set_major_locator(ticker.MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def whole_numbers(axis: Any) -> None:
    """Have only whole numbers on an axis."""
    ticker = import_optional("matplotlib.ticker", "search", "drawing plots")
    axis.set_major_locator(ticker.MaxNLocator(6, integer=True))


def shares(axis: Any) -> None:
    """Write the numbers of an axis, from 0 to 1, in percent."""
    ticker = import_optional("matplotlib.ticker", "search", "drawing plots")
    axis.set_major_formatter(ticker.FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))
    axis.set_major_locator(ticker.MaxNLocator(5))
