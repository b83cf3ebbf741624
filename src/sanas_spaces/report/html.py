"""The report of a search: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import SanasError
from ..files import write_text
from ..optional import import_optional
from ..plots import drawing, importance_data, outcome_data
from ..plots.canvas import Canvas, style
from ..plots.importance import FEWEST
from ..printing import printable
from ..searching import SearchResult
from .inline import inline_svg
from .story import Story, tell
from .words import amount

REPORT = "report.html"
WIDE, NARROW = 640, 368
MOST_COSTS = 6
MOST_ROWS = 3000
"""Candidates that the table of a longer search shows, the newest ones."""
_PAGE = Path(__file__).with_name("page")
_STATES = {"complete": "evaluated", "pruned": "stopped early", "running": "not finished", "fail": "failed"}


def write_report(result: SearchResult, path: str | Path | None = None) -> Path:
    """Write the report of a search, finished or not, as one HTML file.

    Args:
        result: The search.
        path: The file; by default ``report.html`` in the folder of the search, or here if it has none.

    Raises:
        MissingDependencyError: Jinja2, Matplotlib or scikit-learn is not installed.
    """
    target = Path(path) if path is not None else (result.folder or Path()) / REPORT
    return write_text(target, render(tell(result), made=datetime.now().strftime("%Y-%m-%d %H:%M")))


def render(story: Story, *, made: str = "") -> str:
    """The page about a search."""
    jinja2 = import_optional("jinja2", "search", "the report")
    markup = import_optional("markupsafe", "search", "the report").Markup
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    script = (_PAGE / "report.js").read_text(encoding="utf-8")
    numbers: set[int] = set()
    parts = _plots(story, markup, numbers)
    context = {
        "story": story,
        "css": markup((_PAGE / "report.css").read_text(encoding="utf-8")),
        "script": markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "tiles": _tiles(story),
        "comparison": _comparison(story),
        "smallest_by": story.trail.label(next(iter(story.trail.costs), "")),
        "zero": _zero(story),
        "bare": any(network.bare for network in story.networks),
        "front": _front(story) if story.trail.several else None,
        "plots": parts,
        "failures": _failures(story),
        "drawings": _drawings(story, markup),
        "choices": _choices(story),
        "candidates": _candidates(story),
        "most": MOST_ROWS,
        "told": _told(story, numbers),
        "command": story.settings.get("command"),
        "python": _python(story),
        "versions": story.versions[0],
        "versions_recorded": story.versions[1],
        "version": __version__,
        "made": made,
    }
    context["sections"] = _sections(context)
    return printable(str(environment.get_template("report.html.j2").render(context)))


def _sections(context: dict[str, Any]) -> list[tuple[str, str]]:
    anchors = [("networks", "Networks", "comparison"), ("front", "Pareto front", "front")]
    found = [(anchor, name) for anchor, name, key in anchors if context[key]]
    found += [(part["anchor"], part["short"]) for part in context["plots"]]
    found += [("failures", "Failures")] if context["failures"] else []
    found += [("drawings", "Drawing")] if context["drawings"] else []
    return [*found, ("candidates", "All candidates"), ("again", "Do it again")]


def _tiles(story: Story) -> list[dict[str, str]]:
    """The figures of the best network, set against the initial one."""
    best, initial = story.best, story.initial
    if best is None:
        return []
    tiles = []
    for name, label in story.rows:
        value = best.figures.get(name)
        if value is None or name == "depth":
            continue
        beside = ""
        other = initial.figures.get(name) if initial is not None else None
        if other is not None:
            beside = f"initial: {story.written(name, other)}"
        tiles.append({"label": label, "value": story.written(name, value), "beside": beside})
    return tiles[:8]


def _comparison(story: Story) -> list[dict[str, Any]]:
    rows = []
    for name, label in story.rows:
        cells = [story.written(name, network.figures.get(name)) for network in story.networks]
        if any(cell != "–" for cell in cells):
            rows.append({"label": label, "cells": cells})
    return rows


def _zero(story: Story) -> str:
    """What the network of all first options costs."""
    if story.zero is None:
        return ""
    parts = [(name, story.zero.figures[name]) for name in ("flops", "params") if name in story.zero.figures]
    return " and ".join(f"{amount(value)} {story.trail.label(name)}" for name, value in parts)


def _front(story: Story) -> dict[str, Any]:
    rows = {row["number"]: row for row in story.trail.rows}
    best = story.best
    chosen = sorted(
        (rows[number] for number in story.front), key=lambda row: -(story.trail.value(row, story.trail.main) or 0.0)
    )
    return {
        "names": [story.trail.label(name) for name in story.trail.goals],
        "rows": [
            {
                "number": row["number"],
                "best": best is not None and row["number"] == best.number,
                "cells": [story.written(name, story.trail.value(row, name)) for name in story.trail.goals],
                "tokens": ",".join(map(str, row["tokens"])),
            }
            for row in chosen
        ],
    }


def _plots(story: Story, markup: Any, numbers: set[int]) -> list[dict[str, Any]]:
    """The sections with plots; ``numbers`` gets the candidates that have marks in them."""
    trail = story.trail
    main = trail.label(trail.main)
    parts = []

    def plot(name: str, caption: str, draw: Callable[[int], Canvas]) -> dict[str, Any]:
        shown = {}
        for kind, width in (("wide", WIDE), ("narrow", NARROW)):
            with style():
                sheet = draw(width)
                shown[kind] = markup(inline_svg(sheet, f"{name}-{kind}", caption))
            numbers.update(one for marks in sheet.marks.values() for one in marks if isinstance(one, int))
        return {"caption": caption, **shown}

    def part(anchor: str, short: str, title: str, text: str, plots: list[dict[str, Any]]) -> None:
        parts.append({"anchor": anchor, "short": short, "title": title, "text": text, "plots": plots})

    if trail.evaluated:
        plots = [plot("progress", f"{main} of each candidate", lambda width: drawing.draw_progress(trail, width=width))]
        if trail.several:
            caption = "Hypervolume: what the candidates so far dominate together"
            plots.append(plot("volume", caption, lambda width: drawing.draw_volume(trail, width=width)))
        part("progress", "Progress", "Progress", "", plots)
        costs = [one for one in trail.costs if _varies(story, one)][:MOST_COSTS]
        plots = [
            plot(
                f"cost{place}",
                f"{main} against {trail.label(cost)}",
                lambda width, cost=cost: drawing.draw_cost(trail, cost, width=width),  # type: ignore[misc]
            )
            for place, cost in enumerate(costs)
        ]
        if plots:
            text = "Diamonds are the Pareto front: no candidate that costs as little is better."
            part("costs", "Costs", f"{main[:1].upper()}{main[1:]} against cost", text, plots)
        part(*_importance(story, plot))
    if trail.rows and trail.table.fields:
        text = (
            "Each line is a choice, from the first candidates on the left to the last ones on the right. The stronger "
            "the colour of a square, the further down the list of options is what was picked."
        )
        plots = [plot("moves", "What was picked", lambda width: drawing.draw_moves(trail, width=width))]
        part("moves", "Moves", "How the search moved", text, plots)
    if len(outcome_data(trail)) > 1:
        plots = [plot("outcomes", "Number of candidates", lambda width: drawing.draw_outcomes(trail, width=width))]
        part("outcomes", "Outcomes", "What became of the candidates", "", plots)
    return parts


def _importance(story: Story, plot: Any) -> tuple[str, str, str, str, list[dict[str, Any]]]:
    data = importance_data(story.trail)
    main = story.trail.label(story.trail.main)
    if not data.labels:
        few = data.candidates < FEWEST
        why = f"it takes {FEWEST} evaluated candidates, there are {data.candidates}" if few else "all are alike"
        return "importance", "Choices", "Which choices mattered", f"Too little to tell: {why}.", []
    hint = "; take it as a hint" if data.explained < 0.3 or data.candidates < 30 else ""
    text = (
        f"The share of the differences in {main} that each choice decides, alone or together with others, with its "
        f"standard error. A random forest learns {main} from the choices of some candidates; the share is what it errs "
        "more about the others if it is told a wrong option. All choices together tell "
        f"{100 * max(0.0, data.explained):.0f} % of the differences between candidates that it has not seen "
        f"({data.candidates} candidates{hint})."
    )
    caption = "Share that each choice decides"
    shown = plot("importance", caption, lambda width: drawing.draw_importance(data, width=width))
    return "importance", "Choices", "Which choices mattered", text, [shown]


def _varies(story: Story, cost: str) -> bool:
    """Whether a cost is known of two candidates that differ in it."""
    return len({story.trail.value(row, cost) for row in story.trail.evaluated} - {None}) > 1


def _failures(story: Story) -> list[dict[str, str]]:
    found = []
    for one in outcome_data(story.trail):
        if one.state == "fail":
            shown = ", ".join(map(str, one.numbers[:20])) + (", …" if len(one.numbers) > 20 else "")
            found.append({"numbers": shown, "reason": one.reason})
    return found


def _drawings(story: Story, markup: Any) -> list[dict[str, Any]]:
    shown = []
    for network in (story.best, story.initial):
        if network is None or network.archs is None:
            continue
        try:
            picture = network.archs.draw(story.result.engine.input_shape)
        except SanasError as error:
            story.notes.append(f"The {network.title} network cannot be drawn: {error}.")
            continue
        title = f"{network.title[:1].upper()}{network.title[1:]} network"
        shown.append({"title": title, "svg": markup(_in_page(picture.svg))})
    return shown


def _in_page(svg: str) -> str:
    """A drawing without colours of its own: it has those of the page."""
    start, end = svg.index("<style>"), svg.index("</style>")
    style_sheet = svg[start:end]
    rules = style_sheet[style_sheet.index("\n.sanas-net text") :]
    return f"{svg[:start]}<style>{rules}{svg[end:]}"


def _choices(story: Story) -> list[dict[str, Any]]:
    return [
        {
            "label": field.label,
            "cells": [str(network.choices[field.label]) for network in story.networks],
            "options": ", ".join(map(str, field.options)),
        }
        for field in story.trail.table.fields
    ]


def _figures(story: Story) -> list[tuple[str, str]]:
    return [(name, label) for name, label in story.rows if name != "test_accuracy"]


def _candidates(story: Story) -> list[dict[str, Any]]:
    rows = []
    names = [name for name, _ in _figures(story)]
    for row in story.trail.rows[-MOST_ROWS:]:
        values = [(name, story.trail.value(row, name)) for name in names]
        rows.append(
            {
                "number": row["number"],
                "state": row["state"],
                "cells": [
                    ("" if value is None else story.written(name, value), "" if value is None else repr(value))
                    for name, value in values
                ],
                "tokens": ",".join(map(str, row["tokens"])),
            }
        )
    return rows


def _told(story: Story, numbers: set[int]) -> dict[str, Any]:
    """What the page knows of the candidates that have marks, to tell when these are pointed at."""
    trail = story.trail
    figures = _figures(story)
    candidates = {
        row["number"]: {
            "state": row["state"],
            "reason": (str(row.get("reason") or "").strip().splitlines() or [""])[0],
            "figures": [
                "" if trail.value(row, name) is None else story.written(name, trail.value(row, name))
                for name, _ in figures
            ],
            "tokens": row["tokens"],
        }
        for row in trail.rows
        if row["number"] in numbers
    }
    return {
        "states": _STATES,
        "figures": [label for _, label in figures],
        "choices": [
            {**_named(field.label), "options": [str(option) for option in field.options]}
            for field in trail.table.fields
        ],
        "candidates": candidates,
    }


def _named(label: str) -> dict[str, str]:
    """The block of a choice and its name there: ``block 2`` and ``kernel``."""
    found = re.fullmatch(r"(.*\d\)?) ([^\d]+)", label, re.DOTALL)
    return {"group": found[1], "name": found[2]} if found else {"group": "", "name": label}


def _python(story: Story) -> str:
    """A call of ``search`` with what decided its course."""
    header = story.header
    given = {
        "steps": len(story.trail.rows),
        "constraints": {
            name: (high if low is None else (low, high)) for name, (low, high) in header["constraints"].items()
        }
        or None,
        "objectives": header.get("objectives"),
        "input_shape": tuple(header["input_shape"]),
        "init_tokens": header["init_tokens"],
        "algorithm": header.get("algorithm"),
        "pruner": header.get("pruner"),
        "budgets": header.get("budgets"),
        "seed": header["seed"],
    }
    lines = [f"    {name}={value!r}," for name, value in given.items() if value is not None]
    configs = [(name, config) for name, config in header["configs"]]
    return "\n".join(
        ["from sanas_spaces import search", "", "search(", f"    {configs!r},", "    evaluate,", *lines, ")"]
    )
