"""Expressions of Python source, broken into lines as ``ruff format`` and Black do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 88
INDENT = 4


class Call(NamedTuple):
    """A function with arguments."""

    function: str
    arguments: Sequence[Expression]


class Literal(NamedTuple):
    """Items in brackets, such as a list."""

    opening: str
    items: Sequence[Expression]
    closing: str


class Labelled(NamedTuple):
    """An expression behind ``key=`` or ``key: ``."""

    label: str
    value: Expression


Expression = str | Call | Literal | Labelled


def flat(expression: Expression) -> str:
    """An expression on one line."""
    if isinstance(expression, str):
        return expression
    if isinstance(expression, Labelled):
        return expression.label + flat(expression.value)
    if isinstance(expression, Call):
        return f"{expression.function}({_joined(expression.arguments)})"
    comma = "," if expression.opening == "(" and len(expression.items) == 1 else ""
    return expression.opening + _joined(expression.items) + comma + expression.closing


def lines(expression: Expression, indent: int, prefix: str = "", suffix: str = "") -> list[str]:
    """An expression between ``prefix`` and ``suffix``, on one line if it fits.

    Arguments that do not fit behind their function stand on a line of their own, or on a line each; so do items.
    """
    if isinstance(expression, Labelled):
        return lines(expression.value, indent, prefix + expression.label, suffix)
    margin = " " * indent
    line = margin + prefix + flat(expression) + suffix
    if isinstance(expression, str) or len(line) <= WIDTH:
        return [line]
    if isinstance(expression, Call):
        opening, items, closing = f"{expression.function}(", expression.arguments, ")"
        together = " " * (indent + INDENT) + _joined(items)
        if len(together) <= WIDTH:
            return [f"{margin}{prefix}{opening}", together, f"{margin}{closing}{suffix}"]
    else:
        opening, items, closing = expression
    if not items:
        return [line]
    inner = [line for item in items for line in lines(item, indent + INDENT, suffix=",")]
    return [f"{margin}{prefix}{opening}", *inner, f"{margin}{closing}{suffix}"]


def quoted(text: str, *, formatted: bool = False) -> str:
    """A text as a literal of ASCII characters; with ``formatted``, what stands between its quotes in an f-string."""
    body = text.encode("unicode_escape").decode("ascii")
    if formatted:
        return body.replace("{", "{{").replace("}", "}}").replace('"', r"\x22")
    if '"' in body and "'" not in body:
        return f"'{body}'"
    return '"' + body.replace('"', r"\"") + '"'


def comment(text: str) -> str:
    """A text for a docstring: one line that cannot end it."""
    return re.sub(r"[^\w .,:;+*/()\[\]{}=<>-]", "?", text.encode("ascii", "replace").decode()).strip()


def _joined(expressions: Sequence[Expression]) -> str:
    return ", ".join(map(flat, expressions))
