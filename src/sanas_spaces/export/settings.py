"""Kinds of layer and their settings as plain values, checked by the types that the kinds declare."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from .. import functions, kinds
from ..errors import ArchitectureError, did_you_mean
from ..kinds import ACTIVATIONS, Kind

KINDS: dict[str, Any] = {
    name: kind
    for module in (kinds, functions)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, kinds.PlainKind) and kind not in (kinds.PlainKind, kinds.Input)
}
"""Every kind but the input, by name."""

_AT_LEAST_ONE = ("out_channels", "out_features", "kernel", "stride", "dilation", "groups", "axes", "size")
_ANY_SIGN = ("axis", "settings", "scale", "bias")
_NAMES: dict[str, tuple[str, ...]] = {"act": ACTIVATIONS, "function": (*ACTIVATIONS, "add", "multiply")}


def input_counts(kind: Kind) -> range:
    """How many inputs a kind can take."""
    if isinstance(kind, functions.Concat):
        return range(1, 1000)
    if isinstance(kind, functions.Add | functions.Elementwise):
        return range(2, 3)
    if isinstance(kind, kinds.DropPath):
        return range(3, 4) if kind.drop_prob is None else range(2, 3)
    return range(1, 2)


def settings_of(kind: Kind) -> dict[str, Any]:
    """Settings of a kind that differ from its defaults, with lists for tuples."""
    given: Any = kind
    return {
        field: _plain(value)
        for field, value in given._asdict().items()
        if field not in given._field_defaults or value != given._field_defaults[field]
    }


def kind_of(name: Any, settings: Any, where: str) -> Kind:
    """The kind of layer that a name and settings tell.

    Raises:
        ArchitectureError: There is no such kind, or a setting is missing, unknown or not of its type.
    """
    if not isinstance(name, str) or name not in KINDS:
        hint = did_you_mean(str(name), sorted(KINDS))
        raise ArchitectureError(f"{where}: unknown kind {name!r}; {hint}")
    cls = KINDS[name]
    if not isinstance(settings, Mapping):
        raise ArchitectureError(f"{where}: settings = {settings!r}: expected an object")
    for field in settings:
        if field not in cls._fields:
            raise ArchitectureError(
                f"{where}: {name} has no setting {field!r}; it has {', '.join(cls._fields) or 'none'}"
            )
    hints = get_type_hints(cls)
    values = {}
    for field in cls._fields:
        if field in settings:
            values[field] = _checked(settings[field], hints[field], field, f"{where}: {name} {field}")
        elif field not in cls._field_defaults:
            raise ArchitectureError(f"{where}: {name} needs the setting {field!r}")
    kind: Kind = cls(**values)
    return kind


def _checked(value: Any, hint: Any, field: str, where: str) -> Any:
    for choice in _choices(hint):
        found = _read(value, choice)
        if found is not _WRONG:
            _check_range(found, field, where)
            return found
    raise ArchitectureError(f"{where} = {value!r}: expected {_shown(hint)}")


def _check_range(value: Any, field: str, where: str) -> None:
    if isinstance(value, str):
        known = _NAMES.get(field)
        if known is not None and value not in known:
            raise ArchitectureError(f"{where} = {value!r}; {did_you_mean(value, known)}")
    elif value is not None and field not in _ANY_SIGN:
        least = 1 if field in _AT_LEAST_ONE else 0
        for number in value if isinstance(value, tuple) else (value,):
            if number < least:
                raise ArchitectureError(f"{where} = {_plain(value)!r}: expected at least {least}")


_WRONG = object()


def _read(value: Any, hint: Any) -> Any:
    """``value`` as one of the type ``hint``, or ``_WRONG``."""
    if get_origin(hint) is Literal:
        return value if isinstance(value, str) and value in get_args(hint) else _WRONG
    if get_origin(hint) is tuple:
        types = get_args(hint)
        if not isinstance(value, list):
            return _WRONG
        if types[-1] is Ellipsis:
            types = types[:1] * len(value)
        if len(types) != len(value):
            return _WRONG
        items = tuple(_read(item, type) for item, type in zip(value, types, strict=True))
        return _WRONG if any(item is _WRONG for item in items) else items
    return _SCALARS[hint](value)


def _float(value: Any) -> Any:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if fits else _WRONG  # as it was written: 1 and 1.0 have two hashes


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    int: lambda value: value if isinstance(value, int) and not isinstance(value, bool) else _WRONG,
    float: _float,
    bool: lambda value: value if isinstance(value, bool) else _WRONG,
    str: lambda value: value if isinstance(value, str) else _WRONG,
    type(None): lambda value: None if value is None else _WRONG,
}


def _choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _shown(hint: Any) -> str:
    """A type for messages."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_shown(choice) for choice in get_args(hint))
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    if get_origin(hint) is tuple:
        types = get_args(hint)
        what = {int: "whole numbers", float: "numbers"}.get(types[0], "values")
        return f"a list of {what}" if types[-1] is Ellipsis else f"a list of {len(types)} {what}"
    names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text", type(None): "null"}
    return names[hint]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
