"""Reading what was typed: configs, tokens, constraints, shapes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer

from ..arch import ImageShape


def parse_configs(spaces: Sequence[str], configs: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Join space names and their ``--config`` JSON objects, one per space or none."""
    if configs and len(configs) != len(spaces):
        raise typer.BadParameter(f"{len(configs)} configs for {len(spaces)} spaces: give one per space, in order")
    parsed = [_json_object(text) for text in configs] or [{} for _ in spaces]
    return list(zip(spaces, parsed, strict=True))


def parse_constraints(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``flops=2e6`` and ``params=1e4:1e5``."""
    constraints: dict[str, Any] = {}
    for text in texts:
        name, equals, bounds = text.partition("=")
        try:
            values = [float(bound) if bound else None for bound in bounds.split(":")]
        except ValueError:
            values = []
        if not equals or not values or len(values) > 2:
            raise typer.BadParameter(f"{text!r}: expected METRIC=HIGH or METRIC=LOW:HIGH, such as flops=2e6")
        constraints[name.strip()] = values[0] if len(values) == 1 else tuple(values)
    return constraints


def parse_numbers(text: str | None) -> list[int] | None:
    """Read tokens or epochs written as ``0 3 5`` or ``0,3,5`` or ``[0, 3, 5]``."""
    if text is None:
        return None
    try:
        return [int(token) for token in text.strip("[] ").replace(",", " ").split()]
    except ValueError:
        raise typer.BadParameter(f"{text!r}: expected whole numbers, such as 0,3,5") from None


def parse_shape(text: str | None) -> ImageShape | None:
    """Read an image shape written as ``3x224x224``."""
    if text is None:
        return None
    sizes = text.lower().replace(",", "x").split("x")
    if len(sizes) != 3 or not all(size.strip().isdigit() and int(size) > 0 for size in sizes):
        raise typer.BadParameter(f"{text!r}: expected CxHxW, such as 3x224x224")
    channels, height, width = (int(size) for size in sizes)
    return channels, height, width


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{text!r}: expected a JSON object, such as '{{\"block_mask\": [0, 1]}}'")
    return value
