"""Reading what was typed: configs, tokens, constraints, shapes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..arch import ImageShape
from ..errors import ConfigError


def parse_configs(spaces: Sequence[str], configs: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Join space names and their ``--config`` JSON objects, one per space or none."""
    if configs and len(configs) != len(spaces):
        raise ConfigError(f"--config: {len(configs)} configs for {len(spaces)} spaces: give one per space, in order")
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
            raise ConfigError(f"--constraint {text!r}: expected METRIC=HIGH or METRIC=LOW:HIGH, such as flops=2e6")
        constraints[name.strip()] = values[0] if len(values) == 1 else tuple(values)
    return constraints


def parse_numbers(text: str | None, option: str = "--tokens") -> list[int] | None:
    """Read the tokens or epochs of an option, written as ``0 3 5`` or ``0,3,5`` or ``[0, 3, 5]``."""
    if text is None:
        return None
    try:
        return [int(token) for token in text.strip("[] ").replace(",", " ").split()]
    except ValueError:
        raise ConfigError(f"{option} {text!r}: expected whole numbers, such as 0,3,5") from None


def parse_shape(text: str | None) -> ImageShape | None:
    """Read an image shape written as ``3x224x224``."""
    if text is None:
        return None
    sizes = text.lower().replace(",", "x").split("x")
    if len(sizes) != 3 or not all(size.strip().isdigit() and int(size) > 0 for size in sizes):
        raise ConfigError(f"--shape {text!r}: expected CxHxW, such as 3x224x224")
    channels, height, width = (int(size) for size in sizes)
    return channels, height, width


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        file = "; a file of settings is given with -c" if text.endswith((".yaml", ".yml")) else ""
        raise ConfigError(f"--config {text!r} is not JSON: {error}{file}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"--config {text!r}: expected a JSON object, such as '{{\"block_mask\": [0, 1]}}'")
    return value
