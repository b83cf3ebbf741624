"""A plot as SVG inside a page: its colours follow the page, and its marks know what they stand for."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

from ..plots.canvas import COLOURS, Canvas, style
from ..printing import printable

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_DROPPED = ("metadata", "title")
_NUMBERS = ("d", "x", "y", "transform")


def inline_svg(drawn: Canvas, name: str, label: str) -> str:
    """The plot as an ``<svg>`` element.

    Args:
        drawn: The plot.
        name: Put before all ids, so that several plots fit on one page.
        label: What the plot shows, for those who do not see it.
    """
    text = io.BytesIO()
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has others
        drawn.figure.savefig(text, format="svg")
    root = ElementTree.fromstring(printable(text.getvalue().decode()))  # noqa: S314 - Matplotlib's own output
    groups = {element.get("id"): element for element in root.iter()}
    for group, meanings in drawn.marks.items():
        for mark, meaning in zip(_marks(groups[group]), meanings, strict=True):
            mark.set("class", "mark")
            mark.set("data-n" if isinstance(meaning, int) else "data-tip", str(meaning))
    for parent in root.iter():
        for child in [one for one in parent if one.tag.removeprefix(_SVG) in _DROPPED]:
            parent.remove(child)
    for element in root.iter():
        _tidy(element, name)
    width, height = (root.get("viewBox") or "0 0 1 1").split()[2:]
    root.attrib.update({"role": "group", "aria-label": label, "width": width, "height": height})
    found = ElementTree.tostring(root, encoding="unicode")
    for colour, word in COLOURS.items():
        found = found.replace(colour, f"var(--{word})")
    return found


def _marks(group: ElementTree.Element) -> list[ElementTree.Element]:
    """The shapes of a group in their order, without those that are only defined there."""
    if group.tag == f"{_SVG}defs":
        return []
    if group.tag in (f"{_SVG}use", f"{_SVG}path"):
        return [group]
    found = [mark for child in group for mark in _marks(child)]
    uses = [mark for mark in found if mark.tag == f"{_SVG}use"]
    return uses or found  # a line that joins marks is a path beside them


def _tidy(element: ElementTree.Element, name: str) -> None:
    """Plain names, ids of this plot, and two decimals: the browser has no use for more."""
    element.tag = element.tag.removeprefix(_SVG)
    link = element.attrib.pop(_LINK, None)
    if link is not None:
        element.set("href", link)
    for key, value in element.attrib.items():
        new = value
        if key == "id":
            new = f"{name}-{value}"
        elif key == "href":
            new = value.replace("#", f"#{name}-", 1)
        elif key in _NUMBERS:
            new = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", value)
        if "url(#" in new:
            new = new.replace("url(#", f"url(#{name}-")
        if new != value:
            element.set(key, new)
