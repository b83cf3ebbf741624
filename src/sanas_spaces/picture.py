"""A network as an SVG picture: its stages from top to bottom, their blocks, shapes and shares of the cost."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .blocks import Block, Stage, fold
from .cost import graph_cost
from .errors import ConfigError
from .graph import Graph
from .printing import printable

WIDTH = 420
_NARROWEST = 280
_LETTER = 6.65
"""Width of a letter of the lines that tell layers."""
_EDGE, _PAD, _LINE, _GAP = 12, 10, 16, 14

_PALETTE = """
.NAME{--paper:#fff;--ink:#1f2933;--muted:#5b6776;--box:#f4f6f8;--edge:#c3ccd6;--blue:#0b6bcb;--orange:#b5460f;
 background:var(--paper)}
@media (prefers-color-scheme:dark){.NAME{--paper:#14181d;--ink:#e6eaee;--muted:#a3afbd;--box:#1e242b;
 --edge:#3c4753;--blue:#5aa9f4;--orange:#f2a06d}}
"""


def palette(name: str) -> str:
    """Colours by day and by night, as variables of the CSS class ``name``."""
    return _PALETTE.replace("NAME", name)


_STYLE = (
    palette("sanas-net")
    + """\
.sanas-net text{fill:var(--ink);font:12px system-ui,sans-serif}.sanas-net .muted{fill:var(--muted)}
.sanas-net text.layers{font:11px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.sanas-net text.strong{font-weight:600}.sanas-net .box{fill:var(--box);stroke:var(--edge)}
.sanas-net .line{stroke:var(--muted);fill:none}.sanas-net .track{fill:var(--edge)}.sanas-net .share{fill:var(--blue)}
.sanas-net .tap{fill:none;stroke:var(--orange)}.sanas-net .tap-name{fill:var(--orange);font-weight:600}
"""
)


class Picture:
    """A drawing of a network, which Jupyter shows.

    Attributes:
        svg: The text of the SVG file.
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def save(self, path: str | Path) -> Path:
        """Write the SVG file.

        Raises:
            ConfigError: The path ends in something else than ``.svg``.
        """
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise ConfigError(f"path = {str(path)!r}: a drawing is an SVG file, expected an ending .svg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.svg, encoding="utf-8")
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture of {len(self.svg)} bytes of SVG>"


def draw_graph(graph: Graph, title: str, *, width: int = WIDTH) -> Picture:
    """Draw a network.

    Args:
        graph: Its description.
        title: Its name.
        width: Width of the picture in pixels.

    Raises:
        ConfigError: There is no room for the words.
        CostError: A size is unknown.
    """
    if isinstance(width, bool) or not isinstance(width, int) or width < _NARROWEST:
        raise ConfigError(f"width = {width!r}: expected at least {_NARROWEST} pixels")
    cost = graph_cost(graph)
    sheet = _Sheet(width, total=cost.flops)
    figures = f"{cost.flops:,} FLOPs, {cost.params:,} parameters"
    sheet.text(_EDGE, title, "strong", most=(width - 2 * _EDGE) / 7)
    sheet.text(_EDGE, figures, "muted")
    sheet.y += 6
    shapes = ", ".join(_shape(node.dims) for node in graph.inputs)
    sheet.text(_EDGE + _PAD, f"input {shapes}", "muted")
    for stage in fold(graph):
        sheet.stage(stage)
    return Picture(sheet.close(f"{title}: {figures}"))


class _Sheet:
    """Shapes of a picture, from top to bottom."""

    def __init__(self, width: int, *, total: int) -> None:
        self.width = width
        self.total = total
        self.y = 8.0
        self._shapes: list[str] = []

    def text(self, x: float, words: str, kind: str = "", *, anchor: str = "", most: float = 0) -> None:
        """A line of words, and go on below it unless it is anchored at its end."""
        if most and len(words) > most:
            words = f"{words[: int(most) - 1]}…"
        below = 0 if anchor else _LINE
        self._shapes.append(
            f'<text x="{x:g}" y="{self.y + 12:g}"'
            + (f' class="{kind}"' if kind else "")
            + (f' text-anchor="{anchor}"' if anchor else "")
            + f">{escape(printable(words))}</text>"
        )
        self.y += below

    def stage(self, stage: Stage) -> None:
        """A heading with height and width, and the blocks."""
        self.y += 4
        self._arrow()
        share = percent_of(stage.flops, self.total)
        self.text(self.width - _EDGE, f"{share} of FLOPs" if share else "", "muted", anchor="end")
        self.text(_EDGE, f"{stage.size[0]} × {stage.size[1]}" if stage.size else "vectors", "strong")
        self.y += 3
        for number, block in enumerate(stage.blocks):
            if number:
                self._arrow()
            self._block(block)

    def _block(self, block: Block) -> None:
        room = int((self.width - 2 * _EDGE - 2 * _PAD) / _LETTER)
        lines = [part for line in block.lines for part in _wrapped(line, room)]
        height = _PAD + _LINE * (2 + len(lines)) + 14
        top, left, right = self.y, _EDGE + _PAD, self.width - _EDGE - _PAD
        layers = "\n".join(node.name for node in block.members)
        self._shapes.append(f"<g><title>{escape(printable(layers))}</title>")
        if block.repeats > 1:  # a second sheet behind the first
            self._shapes.append(
                f'<rect class="box" x="{_EDGE + 4}" y="{top + 4:g}" width="{self.width - 2 * _EDGE}" '
                f'height="{height}" rx="6"/>'
            )
        self._shapes.append(
            f'<rect class="box" x="{_EDGE}" y="{top:g}" width="{self.width - 2 * _EDGE}" height="{height}" rx="6"/>'
        )
        self.y += 6
        times = [f"× {block.repeats}"] if block.repeats > 1 else []
        stride = [f"stride {block.stride}"] if block.stride > 1 else []
        marks = ", ".join([*stride, *times])
        self.text(right, marks, "strong", anchor="end")
        self.text(left, block.name, "muted", most=(right - left) / 7 - len(marks))
        for line in lines:
            self.text(left, line, "layers")
        share = percent_of(block.flops, self.total)
        figures = f"{share} · {block.params:,} parameters" if share else f"{block.params:,} parameters"
        if share or block.params:
            self.text(right, figures, "muted", anchor="end")
        self.text(left, f"→ {_shape(block.output_shape)}")
        self.y += 2
        whole = right - left
        self._shapes.append(f'<rect class="track" x="{left}" y="{self.y:g}" width="{whole}" height="4" rx="2"/>')
        if share:
            part = max(2.0, whole * block.flops / self.total)
            self._shapes.append(f'<rect class="share" x="{left}" y="{self.y:g}" width="{part:g}" height="4" rx="2"/>')
        self._shapes.append("</g>")
        self.y = top + height + (4 if block.repeats > 1 else 0)
        if block.taps:
            self.y += 3
            self._shapes.append(f'<path class="tap" d="M{_EDGE + 18} {self.y - 3:g}v12h14"/>')
            self.text(_EDGE + 38, ", ".join(block.taps), "tap-name")

    def _arrow(self) -> None:
        x = _EDGE + 18
        self._shapes.append(f'<path class="line" d="M{x} {self.y:g}v{_GAP - 2}m-4 -5l4 5l4 -5"/>')
        self.y += _GAP

    def close(self, label: str) -> str:
        """The SVG file."""
        height = self.y + 12
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="sanas-net" role="img" '
            f"aria-label={quoteattr(printable(label))} "
            f'viewBox="0 0 {self.width} {height:g}" width="{self.width}" height="{height:g}">'
            f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="var(--paper)"/>'
            + "".join(self._shapes)
            + "</svg>"
        )


def _wrapped(line: str, room: int) -> list[str]:
    """A line in parts of at most ``room`` letters, cut before arrows and after commas."""
    parts: list[str] = []
    for word in re.split(r" (?=→ |\+ )|(?<=,) ", line):
        if parts and len(parts[-1]) + 1 + len(word) <= room:
            parts[-1] += f" {word}"
        else:
            parts.append(word if not parts else f"  {word}")
    return [part if len(part) <= room else f"{part[: room - 1]}…" for part in parts]


def _shape(dims: tuple[int, ...]) -> str:
    return " × ".join(map(str, dims))


def percent_of(part: int, whole: int) -> str:
    """A share as it is written, nothing for none."""
    if not part or not whole:
        return ""
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.05 else "< 0.1 %"
