"""Choices, and the token lists that pick one option from each of them.

A token is the index of an option. A :class:`TokenRow` declares the choices of one block as class attributes,
whose order is the order of the tokens; a :class:`TokenTable` is the whole list of choices of a search space.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

import numpy as np

from .errors import TokenError

T = TypeVar("T")


class Choice(Generic[T]):
    """One choice of a :class:`TokenRow`; on a row instance it reads as the option that was picked."""

    __slots__ = ("index", "name", "options", "ordered")

    def __init__(self, options: tuple[T, ...], ordered: bool) -> None:
        self.options = options
        self.ordered = ordered
        self.name = ""
        self.index = -1

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, row: None, owner: type) -> Choice[T]: ...
    @overload
    def __get__(self, row: TokenRow, owner: type) -> T: ...
    def __get__(self, row: TokenRow | None, owner: type) -> Choice[T] | T:
        if row is None:
            return self
        return self.options[row.tokens[self.index]]


def choice(*options: T, ordered: bool | None = None) -> Choice[T]:
    """Declare a choice between ``options``; a token is the index of one of them.

    Args:
        options: At least one option.
        ordered: Whether a larger token means more of the same thing, as channels do and pool types do not.
            By default numbers in increasing order are ordered, unless there are only two of them.
    """
    if not options:
        raise TokenError("a choice needs at least one option")
    return Choice(options, are_ordered(options) if ordered is None else ordered)


def are_ordered(options: Sequence[Any]) -> bool:
    """Whether options read as more and more of one thing: at least three numbers in increasing order."""
    numbers = [option for option in options if isinstance(option, int | float)]
    return len(numbers) == len(options) > 2 and numbers == sorted(numbers)


class TokenRow:
    """The choices of one block, declared as class attributes in the order of their tokens."""

    __slots__ = ("tokens",)
    choices: ClassVar[tuple[Choice[Any], ...]] = ()

    def __init_subclass__(cls) -> None:
        own = tuple(value for value in vars(cls).values() if isinstance(value, Choice))
        cls.choices = cls.choices + own
        for index, declared in enumerate(cls.choices):
            declared.index = index

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = tokens

    def __repr__(self) -> str:
        values = ", ".join(f"{c.name}={c.options[t]!r}" for c, t in zip(self.choices, self.tokens, strict=True))
        return f"{type(self).__name__}({values})"


class TokenField(NamedTuple):
    """One position of a token list: what it decides and what it can be."""

    label: str
    options: tuple[Any, ...]
    ordered: bool


@dataclass(frozen=True)
class TokenTable:
    """All choices of a search space, in the order of its tokens."""

    fields: tuple[TokenField, ...]

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, type[TokenRow]]]) -> TokenTable:
        """Build the table of labelled rows: ``[("block 1", Row), ("block 2", Row)]``."""
        return cls(
            tuple(
                TokenField(f"{label} {c.name.replace('_', ' ')}", c.options, c.ordered)
                for label, row in rows
                for c in row.choices
            )
        )

    @classmethod
    def from_range_table(cls, range_table: Iterable[int]) -> TokenTable:
        """Build the table of a space that tells only how many options each token has."""
        fields = []
        for position, count in enumerate(range_table):
            size = as_index(count)
            if size is None or size < 1:
                raise TokenError(f"range_table entry {position} = {count!r}: expected a positive number of choices")
            fields.append(TokenField(f"token {position}", tuple(range(size)), False))
        return cls(tuple(fields))

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def range_table(self) -> list[int]:
        """Number of options of each token; a token t is valid if ``0 <= t < range_table[i]``."""
        return [len(field.options) for field in self.fields]

    @property
    def size(self) -> int:
        """Number of token lists."""
        return math.prod(self.range_table)

    def check(self, tokens: object) -> list[int]:
        """Return ``tokens`` as a list of plain ints.

        Raises:
            TokenError: Wrong length, type, sign or range; the message names the value, its position and meaning.
        """
        if isinstance(tokens, str | bytes | Mapping) or not isinstance(tokens, Iterable):
            raise TokenError(f"tokens = {tokens!r}: expected a list of {len(self.fields)} integers")
        given = list(tokens)
        if len(given) != len(self.fields):
            kind = "too few" if len(given) < len(self.fields) else "too many"
            raise TokenError(f"{kind} tokens: {len(given)} given, {len(self.fields)} expected")
        checked = []
        for position, (token, field) in enumerate(zip(given, self.fields, strict=True)):
            index = token if type(token) is int else as_index(token)
            if index is None:
                raise TokenError(f"token {position} = {token!r}: {field.label} needs an integer, not {_kind(token)}")
            if not 0 <= index < len(field.options):
                raise TokenError(f"token {position} = {index}: {field.label} has {_count(field.options)}")
            checked.append(index)
        return checked

    def random(self, rng: np.random.Generator) -> list[int]:
        """Draw a token list uniformly."""
        return [int(token) for token in rng.integers(0, self.range_table)] if self.fields else []

    def decode(self, tokens: object) -> dict[str, Any]:
        """Return what each token picks: ``{"block 1 kernel": 5, ...}``."""
        return {field.label: field.options[t] for field, t in zip(self.fields, self.check(tokens), strict=True)}

    def encode(self, values: Mapping[str, Any]) -> list[int]:
        """Return the tokens that pick ``values``; the inverse of :meth:`decode`."""
        unknown = set(values) - {field.label for field in self.fields}
        if unknown:
            raise TokenError(f"unknown choices {sorted(unknown)}; known are {[f.label for f in self.fields]}")
        tokens = []
        for field in self.fields:
            if field.label not in values:
                raise TokenError(f"no value for {field.label!r}")
            value = values[field.label]
            if value not in field.options:
                raise TokenError(f"{field.label} = {value!r}: expected one of {field.options}")
            tokens.append(field.options.index(value))
        return tokens

    def neighbours(self, tokens: Sequence[int]) -> Iterator[list[int]]:
        """Yield every token list that differs from ``tokens`` in exactly one position."""
        for position, field in enumerate(self.fields):
            for value in range(len(field.options)):
                if value != tokens[position]:
                    neighbour = list(tokens)
                    neighbour[position] = value
                    yield neighbour


def as_index(value: object) -> int | None:
    """Return ``value`` as an int if it is one (numpy integers and 0-d arrays of them included), else None."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, np.ndarray) and value.ndim:
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _kind(value: object) -> str:
    return type(value).__name__


def _count(options: tuple[Any, ...]) -> str:
    noun = "choice" if len(options) == 1 else "choices"
    listed = ", ".join(map(str, options)) if len(options) <= 6 else f"{options[0]} to {options[-1]}"
    return f"{len(options)} {noun} ({listed})"
