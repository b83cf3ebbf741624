"""Which client works on which candidate, until when."""

from __future__ import annotations

import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..searching import Candidate

MAX_CLIENTS = 10_000
"""Clients that are remembered, those heard of last."""
MAX_FAILURES = 50
"""Failures that are shown."""
SHOWN_REASON = 2000


@dataclass
class Handout:
    """A candidate and who has it.

    Attributes:
        candidate: The candidate.
        client: Name of who has it, None if that is not known.
        until: When it is handed out again unless its client is heard of, None if it is held in this process.
        holder: What holds it in this process, None for a client.
    """

    candidate: Candidate
    client: str | None
    until: float | None
    holder: weakref.ref[Any] | None = None


@dataclass
class Client:
    """What is known about a client.

    Attributes:
        name: Its name.
        heard: When it was heard of.
        given: Number of candidates it was given.
        rewarded: Number of rewards from it.
        failed: Number of candidates it could not evaluate.
        current: Number of the candidate it was given last.
    """

    name: str
    heard: float
    given: int = 0
    rewarded: int = 0
    failed: int = 0
    current: int | None = None


@dataclass
class Failure:
    """A candidate that could not be evaluated, and why."""

    when: float
    number: int | None
    client: str
    reason: str


@dataclass
class Clients:
    """The clients heard of, and what went wrong lately."""

    clock: Callable[[], float] = time.monotonic
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=MAX_FAILURES))

    def __post_init__(self) -> None:
        self._known: OrderedDict[str, Client] = OrderedDict()

    def hear(self, name: str) -> Client:
        """Note that a client was heard of."""
        client = self._known.pop(name, None) or Client(name, self.clock())
        client.heard = self.clock()
        self._known[name] = client
        if len(self._known) > MAX_CLIENTS:
            self._known.popitem(last=False)
        return client

    def get(self, name: str) -> Client | None:
        """What is known about a client."""
        return self._known.get(name)

    def failed(self, name: str, reason: str, number: int | None = None) -> None:
        """Note what a client could not do."""
        self.hear(name).failed += 1
        self.failures.append(Failure(self.clock(), number, name, reason[-SHOWN_REASON:]))

    def within(self, seconds: float) -> int:
        """Number of clients heard of in so many last seconds."""
        return sum(self.clock() - one.heard <= seconds for one in self._known.values())

    def __iter__(self) -> Iterator[Client]:
        return reversed(self._known.values())


class Handouts:
    """Open candidates by number.

    Args:
        lease: Seconds after which the candidate of a silent client is handed out again.
        clock: What time it is, in seconds from any beginning.
    """

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lease = lease
        self._clock = clock
        self._open: dict[int, Handout] = {}

    def give(self, candidate: Candidate, client: str | None, holder: Any = None) -> None:
        """Note who has a candidate."""
        until = None if holder is not None else self._clock() + self.lease
        reference = None if holder is None else weakref.ref(holder)
        self._open.pop(candidate.number, None)  # oldest first
        self._open[candidate.number] = Handout(candidate, client, until, reference)

    def get(self, number: int) -> Handout | None:
        """Who has an open candidate."""
        return self._open.get(number)

    def renew(self, number: int, client: str) -> bool:
        """Extend the lease of whoever has a candidate; of nobody else, unless its client is not known."""
        handout = self._open.get(number)
        if handout is None or handout.client not in (None, client) or handout.holder is not None:
            return False
        handout.client = client
        handout.until = self._clock() + self.lease
        return True

    def close(self, number: int) -> None:
        """Forget a candidate that has its result."""
        self._open.pop(number, None)

    def lapsed(self) -> Candidate | None:
        """A candidate whose client has been silent for too long, or whose holder in this process is gone."""
        now = self._clock()
        for handout in self._open.values():
            gone = handout.holder is not None and handout.holder() is None
            if gone or (handout.until is not None and handout.until < now):
                return handout.candidate
        return None

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Handout]:
        return iter(self._open.values())
