"""What a server does for its clients: candidates, rewards, failures and signs of life over one record."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from .. import __version__
from ..errors import EvaluationError, RewardError, SearchExhausted, SearchFinished
from ..searching import Candidate, Engine
from ..searching.leases import LEASE_SECONDS
from .handouts import Clients, Handouts
from .messages import RequestError, short
from .status import search_status

PAUSE_SECONDS = 0.5
"""After how long a client that has to wait asks again."""
MAX_REQUESTS = 10_000
"""Requests for a candidate that are remembered, in case that their answer is lost and they are repeated."""
REASON = "reason"
LOCAL = "server"
"""Name of what works in the process of the server."""


class SearchService:
    """A search that clients share. Only the thread of the server's writer calls its methods.

    Args:
        engine: The search.
        steps: Number of rewards after which it is over, None for no end.
        lease: Seconds after which the candidate of a silent client is handed out again.
        clock: What time it is, in seconds from any beginning.
    """

    kind = "search"

    def __init__(
        self,
        engine: Engine,
        *,
        steps: int | None = None,
        lease: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.steps = steps
        self.clients = Clients(clock)
        self.open = Handouts(lease, clock)
        self._requests: OrderedDict[tuple[str, str], int] = OrderedDict()
        # what was open when a server ended is perhaps still worked on: its clients have one lease to be heard of
        while (candidate := engine.take(steps=0)) is not None:
            self.open.give(candidate, None)

    @property
    def finished(self) -> bool:
        """Whether all steps are used."""
        return self.steps is not None and self.engine.finished >= self.steps

    def take(self, client: str, holder: Any = None) -> Candidate | None:
        """The next candidate: of a client that is gone, or a new one; None if there may be one later.

        Raises:
            SearchFinished: All steps are used.
            SearchExhausted: Every network of the space was proposed.
        """
        known = self.clients.hear(client)
        if self.finished:
            raise SearchFinished(f"all {self.steps} steps are used; best: {self.best()}")
        candidate = self.open.lapsed()
        if candidate is None and (self.steps is None or self.engine.finished + len(self.open) < self.steps):
            candidate = self._propose()
        if candidate is None:
            return None
        self.open.give(candidate, client, holder)
        known.given += 1
        known.current = candidate.number
        return candidate

    def _propose(self) -> Candidate | None:
        try:
            return self.engine.take()
        except SearchExhausted:
            if len(self.open):
                return None  # a client may turn out to be gone
            raise

    def next(self, client: str, request: str | None) -> dict[str, Any] | None:
        """The next candidate for a client over the network; the same one for the same request."""
        handout = self.open.get(self._requests.get((client, request or ""), -1))
        if request is not None and handout is not None and self.open.renew(handout.candidate.number, client):
            return self._describe(handout.candidate)
        candidate = self.take(client)
        if candidate is None:
            return None
        if request is not None:
            self._requests[client, request] = candidate.number
            if len(self._requests) > MAX_REQUESTS:
                self._requests.popitem(last=False)
        return self._describe(candidate)

    def _describe(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "number": candidate.number,
            "tokens": candidate.tokens,
            "choices": candidate.choices,
            "cost": None if candidate.cost is None else candidate.cost.metrics(),
            "budget": candidate.budget,
            "lease": self.open.lease,
        }

    def reward(
        self, number: int, client: str, value: float | dict[str, float], tokens: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """Record a reward; if the candidate has its result already, tell that result."""
        candidate = self._open(number, client, tokens)
        if candidate is not None:
            for name in value if isinstance(value, dict) else ():
                if name in candidate.entry.attrs or name == REASON:
                    raise RequestError(422, f"reward[{name!r}]: this is known of the candidate, not measured")
            try:
                self.tell(candidate, client, value)
            except (RewardError, EvaluationError) as error:
                raise RequestError(422, str(error), type(error).__name__) from None
        return self._outcome(number, recorded=candidate is not None)

    def failure(self, number: int, client: str, reason: str, tokens: Sequence[int] | None = None) -> dict[str, Any]:
        """Record that a candidate could not be evaluated."""
        candidate = self._open(number, client, tokens)
        if candidate is not None:
            self.fail(candidate, client, reason)
        return self._outcome(number, recorded=candidate is not None)

    def prune(self, number: int, client: str) -> dict[str, Any]:
        """Record that a candidate was stopped early."""
        candidate = self._open(number, client)
        if candidate is not None:
            self.stop(candidate, client)
        return self._outcome(number, recorded=candidate is not None)

    def tell(self, candidate: Candidate, client: str, value: Any) -> None:
        """Record the reward of an open candidate."""
        self.engine.tell(candidate, value)
        self._closed(candidate)
        self.clients.hear(client).rewarded += 1

    def fail(self, candidate: Candidate, client: str, reason: str) -> None:
        """Record that an open candidate could not be evaluated."""
        self.engine.fail(candidate, reason)
        self._closed(candidate)
        self.clients.failed(client, reason, candidate.number)

    def stop(self, candidate: Candidate, client: str) -> None:
        """Record that an open candidate was stopped early."""
        self.engine.prune(candidate)
        self._closed(candidate)
        self.clients.hear(client)

    def score(self, number: int, client: str, step: int, score: float) -> dict[str, Any]:
        """Record a score on the way, and tell whether to stop."""
        candidate = self._open(number, client)
        if candidate is None:
            return {"prune": True}
        try:
            self.engine.report(candidate, score, step)
        except RewardError as error:
            raise RequestError(422, str(error), type(error).__name__) from None
        return {"prune": self.engine.should_prune(candidate)}

    def heartbeat(self, number: int, client: str) -> dict[str, Any]:
        """Note that a client still works on a candidate; tell whether it is still the one to do so."""
        self._entry(number)
        self.clients.hear(client)
        return {"yours": self.open.renew(number, client), "lease": self.open.lease}

    def best(self) -> dict[str, Any]:
        """Best tokens and reward so far."""
        entry = self.engine.best_entry
        return {
            "best_tokens": None if entry is None else list(entry.tokens),
            "best_reward": None if entry is None else entry.reward,
        }

    def info(self, client: str | None) -> dict[str, Any]:
        """Best tokens and reward so far, and the tokens a client was given last."""
        known = None if client is None else self.clients.get(client)
        entry = None if known is None or known.current is None else self.engine.record.entries[known.current]
        return {**self.best(), "current_tokens": None if entry is None else list(entry.tokens)}

    def candidate(self, number: int) -> dict[str, Any]:
        """What is known about a candidate."""
        entry = self._entry(number)
        handout = self.open.get(number)
        return {
            "number": number,
            "tokens": list(entry.tokens),
            **self._state(number),
            "client": None if handout is None else handout.client,
            "reason": entry.attrs.get("reason"),
        }

    def search(self) -> dict[str, Any]:
        """What is searched for: what a client compares with its own configs."""
        header = self.engine.record.header
        return {
            "kind": self.kind,
            "version": __version__,
            "configs": header["configs"],
            "range_table": header["range_table"],
            "input_shape": header["input_shape"],
            "constraints": header["constraints"],
            "algorithm": header["algorithm"],
            "objectives": header.get("objectives"),
            "prunable": self.engine.pruner is not None,
            "steps": self.steps,
            "lease": self.open.lease,
        }

    def status(self) -> dict[str, Any]:
        """What the page and the metrics show."""
        return search_status(self)

    def _entry(self, number: int) -> Any:
        if number >= len(self.engine.record.entries):
            raise RequestError(404, f"there is no candidate {number} in this search", "NoCandidate")
        return self.engine.record.entries[number]

    def _open(self, number: int, client: str, tokens: Sequence[int] | None = None) -> Candidate | None:
        """An open candidate, None if it has its result already."""
        entry = self._entry(number)
        if tokens is not None and list(entry.tokens) != list(tokens):
            raise RequestError(
                409,
                f"candidate {number} of this search has the tokens {short(list(entry.tokens))}, not "
                f"{short(list(tokens))}: it belongs to another search",
                "AnotherSearch",
            )
        self.clients.hear(client)
        handout = self.open.get(number)
        if handout is None or not handout.candidate.is_open:
            self.open.close(number)
            return None
        return handout.candidate

    def _closed(self, candidate: Candidate) -> None:
        if not candidate.is_open or self.engine.halving is not None:
            self.open.close(candidate.number)

    def _state(self, number: int) -> dict[str, Any]:
        entry = self.engine.record.entries[number]
        state = "open" if entry.state.name == "RUNNING" else entry.state.name.lower()
        return {"state": state, "reward": entry.reward, "values": None if entry.values is None else list(entry.values)}

    def _outcome(self, number: int, *, recorded: bool) -> dict[str, Any]:
        return {"number": number, "recorded": recorded, **self._state(number)}
