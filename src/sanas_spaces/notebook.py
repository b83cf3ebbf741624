"""What objects look like in a notebook: a little HTML that fits light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def table(rows: Iterable[Sequence[Any]], heading: Sequence[Any] = ()) -> str:
    """An HTML table; whatever is in its cells is text."""
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in heading)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{escape(str(cell))}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def heading(text: str, rest: str = "") -> str:
    """A line with a strong beginning."""
    return f"<p><strong>{escape(text)}</strong> {escape(rest)}</p>"


def folded(summary: str, html: str) -> str:
    """Something to be opened by a click."""
    return f"<details><summary>{escape(summary)}</summary>{html}</details>"


def figures(metrics: Mapping[str, Any]) -> str:
    """Numbers by name."""
    return table([(name.replace("_", " "), f"{value:,}") for name, value in metrics.items()])
