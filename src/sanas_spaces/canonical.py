"""The hash of a network that does not depend on how it was written down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple


class Operation(NamedTuple):
    """One primitive operation of a network.

    Attributes:
        label: What it does.
        sources: Places of the operations whose values it takes, each before its own place.
        ordered: Whether the order of the sources counts.
        tensors: Names of its parameters, where operations share some.
    """

    label: str
    sources: tuple[int, ...]
    ordered: bool = True
    tensors: tuple[str, ...] = ()


def canonical_hash(operations: Sequence[Operation], outputs: Sequence[int]) -> str:
    """Hash of operations in the order in which a walk from the outputs meets them: 32 hexadecimal digits.

    The walk follows sources in their order. Where the order does not count it follows the order of what the sources
    compute; equal computations are told apart by what they are used for and by which operations were met before.
    Equal hashes mean equal networks, because what is hashed is the whole network and not a summary of it.
    """
    walk = _Walk(operations, outputs)
    numbers: dict[int, int] = {}
    tensors: dict[str, int] = {}
    lines: list[str] = []
    for output in outputs:
        stack = [(output, False)]
        while stack:
            place, sources_are_met = stack.pop()
            if place in numbers:
                continue
            operation = operations[place]
            if not sources_are_met:
                stack.append((place, True))
                stack += [(source, False) for source in reversed(walk.order(operation, numbers))]
                continue
            label, sources, ordered, names = operation
            met = [numbers[source] for source in sources]
            if not ordered:
                met.sort()
            shared = [tensors.setdefault(name, len(tensors)) for name in names]
            lines.append(f"{label} {met} {shared}")
            numbers[place] = len(numbers)
    lines.append(str([numbers[output] for output in outputs]))
    return _digest("\n".join(lines).encode()).hex()


class _Walk:
    """In which order to follow the sources of an operation."""

    def __init__(self, operations: Sequence[Operation], outputs: Sequence[int]) -> None:
        self._operations = operations
        self._outputs = outputs
        self._computed: list[bytes] = []
        self._used: list[bytes] = []

    def order(self, operation: Operation, numbers: dict[int, int]) -> Sequence[int]:
        sources = operation.sources
        if operation.ordered or len(set(sources)) < 2:
            return sources
        if not self._computed:
            self._computed = self._from_below()
        computed = self._computed
        if len({computed[source] for source in sources}) == len(sources):
            return sorted(sources, key=computed.__getitem__)
        if not self._used:
            self._used = self._from_above()
        views: dict[int, bytes] = {}
        return sorted(sources, key=lambda source: (computed[source], self._view(source, numbers, views)))

    def _from_below(self) -> list[bytes]:
        """Digest of what each operation computes."""
        found: list[bytes] = []
        for operation in self._operations:
            digests = [found[source] for source in operation.sources]
            if not operation.ordered:
                digests.sort()
            found.append(_digest(operation.label.encode(), *digests))
        return found

    def _from_above(self) -> list[bytes]:
        """Digest of what each operation computes and of what it is used for."""
        uses: list[list[bytes]] = [[] for _ in self._operations]
        for rank, output in enumerate(self._outputs):
            uses[output].append(b"output %d" % rank)
        found = [b""] * len(uses)
        for place in reversed(range(len(uses))):
            found[place] = _digest(self._computed[place], *sorted(uses[place]))
            operation = self._operations[place]
            for position, source in enumerate(operation.sources):
                uses[source].append(found[place] + (b"%d" % position if operation.ordered else b""))
        return found

    def _view(self, place: int, numbers: dict[int, int], views: dict[int, bytes]) -> bytes:
        """Digest of an operation that tells which of the operations below it were met before."""
        stack = [place]
        while stack:
            current = stack[-1]
            if current in views:
                stack.pop()
            elif current in numbers:
                views[current] = b"met %d" % numbers[current]
            else:
                operation = self._operations[current]
                missing = [source for source in operation.sources if source not in views]
                if missing:
                    stack += missing
                    continue
                below = [views[source] for source in operation.sources]
                views[current] = _digest(self._used[current], *(below if operation.ordered else sorted(below)))
        return views[place]


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()
