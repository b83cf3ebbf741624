"""A policy that clients share: batches of token lists, and its training with their rewards."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from .. import __version__
from ..searching.leases import LEASE_SECONDS
from .handouts import Clients
from .messages import RequestError, short
from .service import MAX_REQUESTS
from .status import MAX_POINTS, people, thinned

MAX_BATCH = 1000
"""Token lists in a batch."""
MAX_BATCHES = 10_000
"""Batches that are remembered, the last ones."""
MAX_REWARDS = 10_000
"""Rewards that are shown, the last ones."""


class Policy(Protocol):
    """What proposes and learns."""

    def draw(self, count: int) -> list[list[int]]:
        """Draw token lists."""

    def update(self, tokens: Sequence[Sequence[int]], rewards: Sequence[float]) -> None:
        """Learn from rewards."""

    def most_likely(self, count: int) -> list[list[int]]:
        """What it has come to prefer."""

    def save(self, batches: Sequence[str]) -> None:
        """Make what it has learnt durable, with the names of the batches it has learnt from."""


@dataclass
class Batch:
    """Token lists that were handed out together."""

    name: str
    client: str
    tokens: list[list[int]]
    rewards: list[float] | None = None


class RoundsService:
    """A policy that clients share. Only the thread of the server's writer calls its methods.

    Without rounds, the policy learns from each batch as its rewards come. With rounds, rewards wait until all clients
    that take part have given theirs, and the policy learns from all of them in one step. A client takes part from its
    first batch on, until it asks for the final architectures, leaves, or is silent for a lease.

    Args:
        policy: What proposes and learns.
        configs: The search spaces, for clients to compare with theirs.
        range_table: Number of options of each token.
        synchronous: Whether there are rounds.
        lease: Seconds after which a silent client is gone.
        learnt: Names of the batches that the policy has learnt from already.
        clock: What time it is, in seconds from any beginning.
    """

    kind = "rounds"

    def __init__(
        self,
        policy: Policy,
        configs: Sequence[Any],
        range_table: Sequence[int],
        *,
        synchronous: bool = False,
        lease: float = LEASE_SECONDS,
        learnt: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._configs = list(configs)
        self._range_table = list(range_table)
        self._synchronous = synchronous
        self._lease = lease
        self.clients = Clients(clock)
        self._batches: OrderedDict[str, Batch] = OrderedDict()
        self._learnt: OrderedDict[str, None] = OrderedDict.fromkeys(learnt)
        self._requests: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._members: dict[str, None] = {}  # in the order in which they came
        self._changed = False
        self._rewards = 0
        self._points: deque[list[float]] = deque(maxlen=MAX_REWARDS)
        self._best: dict[str, Any] | None = None

    @contextmanager
    def group(self) -> Iterator[None]:
        """Save once what was done inside; if that fails, the next group does it."""
        yield
        if self._changed:
            self._policy.save(list(self._learnt))
            self._changed = False

    def next(self, client: str, count: int, request: str | None) -> dict[str, Any]:
        """A batch of new token lists; the same one for the same request."""
        known = self.clients.hear(client)
        batch = self._batches.get(self._requests.get((client, request or ""), ""))
        if batch is None or request is None:
            batch = Batch(uuid.uuid4().hex, client, self._policy.draw(count))
            self._keep(batch)
            self._changed = True
            known.given += count
        if request is not None:
            self._requests[client, request] = batch.name
            if len(self._requests) > MAX_REQUESTS:
                self._requests.popitem(last=False)
        if self._synchronous:
            self._members.setdefault(client)
        return {"batch": batch.name, "tokens": batch.tokens, "lease": self._lease}

    def reward(
        self, name: str, client: str, rewards: Sequence[float], tokens: Sequence[Sequence[int]] | None
    ) -> dict[str, Any]:
        """Take the rewards of a batch, once; ask again with the same ones whether the round is over.

        A server that was restarted does not know the batches that were open, but their clients do.
        """
        self.clients.hear(client)
        recorded = False
        if name not in self._learnt:
            batch = self._batches.get(name) or self._told(name, client, tokens)
            if len(rewards) != len(batch.tokens):
                raise RequestError(
                    422, f"{len(rewards)} rewards for {len(batch.tokens)} token lists: expected one each", "RewardError"
                )
            if batch.rewards is None:
                batch.rewards = list(rewards)
                self._keep(batch)
                self.clients.hear(client).rewarded += len(rewards)
                recorded = True
            if self._synchronous:
                self._members.setdefault(client)
                self._end_round()
            else:
                self._learn([batch])
        return {"batch": name, "recorded": recorded, "waiting": name not in self._learnt}

    def final(self, client: str, count: int) -> dict[str, Any]:
        """The likeliest token lists; who asks for them takes part in no further round."""
        self.leave(client)
        return {"tokens": self._policy.most_likely(count)}

    def leave(self, client: str) -> dict[str, Any]:
        """Take part in no further round, unless with another batch."""
        self.clients.hear(client)
        self._members.pop(client, None)
        if self._synchronous:
            self._end_round()
        return {}

    def heartbeat(self, client: str) -> dict[str, Any]:
        """Note that a client is there."""
        self.clients.hear(client)
        return {"lease": self._lease}

    def search(self) -> dict[str, Any]:
        """What is searched for: what a client compares with its own configs."""
        return {
            "kind": self.kind,
            "version": __version__,
            "configs": self._configs,
            "range_table": self._range_table,
            "synchronous": self._synchronous,
            "lease": self._lease,
        }

    def status(self) -> dict[str, Any]:
        """What the page and the metrics show."""
        curve: list[list[float]] = []
        for number, reward in self._points:
            if not curve or reward > curve[-1][1]:
                curve.append([number, reward])
        waiting = [batch for batch in self._batches.values() if batch.rewards is None]
        return {
            "kind": self.kind,
            "title": " + ".join(name for name, _ in self._configs),
            "algorithm": "RLNAS, " + ("synchronous" if self._synchronous else "asynchronous"),
            "steps": None,
            "finished": self._rewards,
            "counts": {"open": sum(len(batch.tokens) for batch in waiting), "complete": self._rewards},
            "best": self._best,
            "points": thinned(list(self._points), MAX_POINTS),
            "curve": thinned(curve, MAX_POINTS),
            **people(self.clients, self._lease, [batch.client for batch in waiting]),
        }

    def _keep(self, batch: Batch) -> None:
        self._batches[batch.name] = batch
        if len(self._batches) > MAX_BATCHES:
            self._batches.popitem(last=False)

    def _told(self, name: str, client: str, tokens: Sequence[Sequence[int]] | None) -> Batch:
        if tokens is None:
            raise RequestError(404, f"there is no open batch {short(name)}", "NoBatch")
        for number, one in enumerate(tokens):
            fits = len(one) == len(self._range_table)
            if not fits or any(token >= options for token, options in zip(one, self._range_table, strict=True)):
                raise RequestError(
                    422, f"tokens[{number}] = {short(list(one))}: not of {self._range_table}", "TokenError"
                )
        return Batch(name, client, [list(one) for one in tokens])

    def _end_round(self) -> None:
        """Learn, if everybody who takes part and is still there has given rewards."""
        ready = [batch for batch in self._batches.values() if batch.rewards is not None]
        there = {batch.client for batch in ready}
        for client in list(self._members):
            if client not in there and self._is_gone(client):
                del self._members[client]
        if ready and all(client in there for client in self._members):
            order = list(self._members)
            self._learn(sorted(ready, key=lambda one: order.index(one.client) if one.client in order else len(order)))

    def _is_gone(self, client: str) -> bool:
        known = self.clients.get(client)
        return known is None or self.clients.clock() - known.heard > self._lease

    def _learn(self, batches: Sequence[Batch]) -> None:
        tokens = [one for batch in batches for one in batch.tokens]
        rewards = [reward for batch in batches for reward in batch.rewards or ()]
        self._policy.update(tokens, rewards)
        self._changed = True
        for batch in batches:
            self._batches.pop(batch.name, None)
            self._learnt[batch.name] = None
            if len(self._learnt) > MAX_BATCHES:
                self._learnt.popitem(last=False)
        for one, reward in zip(tokens, rewards, strict=True):
            self._points.append([self._rewards, reward])
            if self._best is None or reward > self._best["reward"]:
                self._best = {"number": self._rewards, "reward": reward, "tokens": list(one)}
            self._rewards += 1
