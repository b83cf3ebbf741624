"""What requests may hold: how large they are, and which fields of which kind."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ..errors import SanasError

MAX_BODY_BYTES = 64 * 1024
"""Length of the longest body that is read."""
MAX_NAME = 100
"""Length of the longest name of a client or request."""
MAX_REASON = 16 * 1024
"""Length of the longest reason of a failure, which may be a traceback."""
MAX_NUMBER = 2**53

Field = Callable[[str, Any], Any]
"""Checks the value of a field, given its name, and returns it."""


class RequestError(SanasError, ValueError):
    """A request is refused.

    Args:
        status: HTTP status.
        message: What is wrong with it.
        kind: Name of the error for programs; by default that of this class.
        retry_after: Seconds after which it can be repeated.
    """

    def __init__(
        self, status: int, message: str, kind: str = "RequestError", *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after


def parse(body: bytes, required: Mapping[str, Field], optional: Mapping[str, Field] | None = None) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        body: The body of a request.
        required: Fields that it has to have.
        optional: Fields that it may have; they are None without a value.

    Raises:
        RequestError: It is no JSON (400), or has other fields or values (422).
    """
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is no JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise RequestError(422, f"the body is {short(found)}: expected a JSON object")
    known = {**required, **(optional or {})}
    for name in found:
        if name not in known:
            raise RequestError(422, f"unknown field {short(name)}: known are {', '.join(known)}")
    for name in required:
        if name not in found:
            raise RequestError(422, f"the field {name!r} is missing")
    return {name: None if found.get(name) is None and name not in required else check(name, found[name])
            for name, check in known.items()}  # fmt: skip


def short(value: Any) -> str:
    """A value for a message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def text(limit: int) -> Field:
    """A field with a text of up to ``limit`` characters."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or not value or len(value) > limit:
            _refuse(name, value, f"a text of 1 to {limit} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            _refuse(name, value, "characters of Unicode")
        return str(value)

    return check


def client_name(name: str, value: Any) -> str:
    """A field with the name of a client or a request: printable ASCII."""
    found: str = text(MAX_NAME)(name, value)
    if not found.isascii() or not found.isprintable():
        _refuse(name, value, "printable ASCII")
    return found


def whole(low: int, high: int = MAX_NUMBER) -> Field:
    """A field with a whole number from ``low`` to ``high``."""

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            _refuse(name, value, f"a whole number from {low} to {high}")
        return int(value)

    return check


def number(name: str, value: Any) -> float:
    """A field with a finite number."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        found = float(value)
    except (TypeError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        _refuse(name, value, "a finite number")
    return found


def reward(name: str, value: Any) -> float | dict[str, float]:
    """A field with a finite number, or an object of such numbers by the names of goals."""
    if isinstance(value, dict) and 0 < len(value) <= MAX_NAME:
        return {client_name(name, key): number(f"{name}[{short(key)}]", value[key]) for key in value}
    return number(name, value)


def tokens(name: str, value: Any) -> list[int]:
    """A field with a list of tokens."""
    if not isinstance(value, list) or not value:
        _refuse(name, value, "a list of tokens")
    check = whole(0)
    return [check(f"{name}[{position}]", token) for position, token in enumerate(value)]


def list_of(field: Field) -> Field:
    """A field with a list, not empty, of what another field holds."""

    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or not value:
            _refuse(name, value, "a list that is not empty")
        return [field(f"{name}[{position}]", one) for position, one in enumerate(value)]

    return check


def _refuse(name: str, value: Any, expected: str) -> NoReturn:
    raise RequestError(422, f"{name} = {short(value)}: expected {expected}")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")
