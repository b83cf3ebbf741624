"""Values in a file of settings: each reader gives the value as a search wants it, or says what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def whole(least: int, *, optional: bool = False) -> Callable[[Any], Any]:
    """A reader of whole numbers, also of null if ``optional``."""

    def read(value: Any) -> int | None:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"a whole number of at least {least}{' or null' if optional else ''}")
        return value

    return read


def real(value: Any) -> float | None:
    """A number or null."""
    return None if value is None else number(value)


def number(value: Any) -> float:
    """A number; YAML takes 2e6, without a point, for text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a number, such as 2e6")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        found = math.nan
    if math.isnan(found):
        raise ValueError("a number, such as 2e6")
    return found


def text(*, optional: bool = False) -> Callable[[Any], Any]:
    """A reader of text, also of null if ``optional``."""

    def read(value: Any) -> str | None:
        if value is None and optional:
            return None
        if not isinstance(value, str) or not value:
            raise ValueError(f"text{' or null' if optional else ''}")
        return value

    return read


def numbers(value: Any) -> list[int] | None:
    """Whole numbers or null."""
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, int) and not isinstance(one, bool) for one in value):
        raise ValueError("a list of whole numbers, such as [1, 3, 9], or null")
    return value


def spaces(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Names of spaces, or names with their config."""
    expected = "a list of spaces, each a NAME or NAME: {KEY: VALUE}"
    if not isinstance(value, list) or not value:
        raise ValueError(expected)
    found: list[tuple[str, dict[str, Any]]] = []
    for one in value:
        pair = {one: {}} if isinstance(one, str) else one
        if not isinstance(pair, dict) or len(pair) != 1:
            raise ValueError(expected)
        ((name, config),) = pair.items()
        if not isinstance(name, str) or not isinstance(config if config is not None else {}, dict):
            raise ValueError(expected)
        found.append((name, config or {}))
    return found


def constraints(value: Any) -> dict[str, Any] | None:
    """Bounds by metric, None if there are none."""
    expected = "bounds, such as {flops: 2e6, params: [1e4, 1e5]}, or null"
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ValueError(expected)
    found: dict[str, Any] = {}
    for name, bound in value.items():
        if isinstance(bound, list) and len(bound) != 2:
            raise ValueError(expected)
        try:
            found[name] = tuple(real(one) for one in bound) if isinstance(bound, list) else number(bound)
        except ValueError:
            raise ValueError(expected) from None
    return found or None
