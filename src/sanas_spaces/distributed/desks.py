"""Where SANAS gets candidates and leaves rewards: at a search that is served here, or at a server elsewhere."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from optuna.trial import TrialState

from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import ConfigError, CostError, RecordError, RewardError, ServiceError
from ..searching import Candidate
from ..searching.candidate import finite_number
from ..searching.leases import LEASE_SECONDS
from ..searching.record import Entry
from .heart import Heart
from .messages import MAX_REASON
from .server import Server
from .service import LOCAL, PAUSE_SECONDS, SearchService
from .transport import Transport

T = TypeVar("T")


class ServedDesk:
    """The desk of the process that serves a search.

    Args:
        service: The search.
        server: Its server.
    """

    def __init__(self, service: SearchService, server: Server) -> None:
        self._service = service
        self.server = server
        self.space: Any = service.engine.space
        self.pruner = service.engine.pruner

    def next(self) -> Candidate:
        """The next candidate, once there is one."""
        while (candidate := self._do(lambda: self._service.take(LOCAL, holder=self))) is None:
            time.sleep(PAUSE_SECONDS)
        return Candidate(candidate.entry, candidate.archs, candidate.cost, budget=candidate.budget, reports=self)

    def tell(self, candidate: Candidate, score: Any) -> None:
        """Record a reward."""
        self._do(lambda: self._service.tell(candidate, LOCAL, score))

    def fail(self, candidate: Candidate, reason: str) -> None:
        """Record a failure."""
        self._do(lambda: self._service.fail(candidate, LOCAL, reason))

    def prune(self, candidate: Candidate) -> None:
        """Record that a candidate was stopped early."""
        self._do(lambda: self._service.stop(candidate, LOCAL))

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        """Record a score on the way."""
        self._do(lambda: self._service.engine.report(candidate, score, step))

    def should_prune(self, candidate: Candidate) -> bool:
        """Whether a candidate should be stopped."""
        return self._do(lambda: self._service.engine.should_prune(candidate))

    def best(self) -> dict[str, Any]:
        """Best tokens and reward so far."""
        return self._do(self._service.best)

    def look(self, job: Callable[[], None]) -> None:
        """Do something that reads the record, while clients wait."""
        self._do(job)

    @property
    def study(self) -> Any:
        """The Optuna study that records the search."""
        return self._service.engine.record.study

    def close(self) -> None:
        """Close the server."""
        self.server.close()

    def _do(self, job: Callable[[], T]) -> T:
        return self.server.writer.call(job)


class RemoteDesk:
    """The desk of a client.

    While a candidate is worked on, a thread tells the server every quarter of a lease that the client is still there.

    Args:
        space: The search space, which has to be that of the server.
        transport: The way to the server.
        beats: The same for the thread.
        name: Name of the client on the page of the server; by default its host and process.
        input_shape: Image shape [C, H, W] that costs refer to; by default that of the search.

    Raises:
        ConfigError: The server searches another space.
        ServiceError: The server does not answer.
    """

    server = None

    def __init__(
        self,
        space: CombinedSpace,
        transport: Transport,
        beats: Transport,
        *,
        name: str | None = None,
        input_shape: ImageShape | None = None,
    ) -> None:
        self.space: Any = space
        self.name = name or own_name()
        self.pruner: Any = None
        self._transport = transport
        self._should_prune: dict[int, bool] = {}
        self._search = transport.get("/v1/search")
        check_same(self._search, space, transport.url)
        self.pruner = True if self._search.get("prunable") else None
        self._shape: Any = tuple(input_shape or self._search.get("input_shape") or space.input_shape)
        self._heart = Heart(beats, self.name, float(self._search.get("lease", LEASE_SECONDS)))

    def next(self) -> Candidate:
        """The next candidate, once there is one."""
        request = uuid.uuid4().hex
        while True:
            answer = self._transport.post("/v1/candidates", {"client": self.name, "request": request})
            if not answer.get("waiting"):
                break
            time.sleep(min(float(answer.get("retry_after", PAUSE_SECONDS)), 60.0))
        tokens = [int(token) for token in answer["tokens"]]
        archs = self.space.token2arch(tokens)
        try:
            cost = archs.cost(self._shape)
        except CostError:
            cost = None
        entry = Entry(int(answer["number"]), tuple(tokens), TrialState.RUNNING)
        self._heart.keep([f"/v1/candidates/{entry.number}/heartbeat"])
        return Candidate(entry, archs, cost, budget=answer.get("budget"), reports=self)

    def tell(self, candidate: Candidate, score: Any) -> None:
        """Give a reward."""
        if isinstance(score, Mapping):
            value: Any = {str(name): finite_number(one, str(name)) for name, one in score.items()}
        else:
            value = finite_number(score)
        self._close(candidate, "reward", {"reward": value})

    def fail(self, candidate: Candidate, reason: str) -> None:
        """Tell a failure."""
        self._close(candidate, "failure", {"reason": str(reason)[-MAX_REASON:] or "no reason given"})

    def prune(self, candidate: Candidate) -> None:
        """Tell that a candidate was stopped early."""
        self._close(candidate, "pruned", {}, with_tokens=False)

    def report(self, candidate: Candidate, score: Any, step: int) -> None:
        """Tell a score on the way."""
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise RewardError(f"step = {step!r}: expected a whole number from 0")
        self._check_open(candidate)
        answer = self._transport.post(
            f"/v1/candidates/{candidate.number}/score",
            {"client": self.name, "step": step, "score": finite_number(score, "score")},
        )
        candidate.entry.scores[step] = float(score)
        self._should_prune[candidate.number] = bool(answer.get("prune"))

    def should_prune(self, candidate: Candidate) -> bool:
        """What the server said of the last score."""
        return self._should_prune.get(candidate.number, False)

    def best(self) -> dict[str, Any]:
        """Best tokens and reward so far."""
        answer = self._transport.get("/v1/info")
        return {key: answer.get(key) for key in ("best_tokens", "best_reward")}

    @property
    def study(self) -> Any:
        """There is none here.

        Raises:
            RecordError: Always.
        """
        raise RecordError(f"the record is at {self._transport.url}; a client has no study")

    def close(self) -> None:
        """Say nothing more to the server."""
        self._heart.stop()
        self._transport.close()

    def _close(self, candidate: Candidate, how: str, fields: dict[str, Any], *, with_tokens: bool = True) -> None:
        self._check_open(candidate)
        told = {"tokens": candidate.tokens} if with_tokens else {}
        path = f"/v1/candidates/{candidate.number}/{how}"
        answer = self._transport.post(path, {"client": self.name, **fields, **told})
        self._heart.keep([])
        self._should_prune.pop(candidate.number, None)
        state = str(answer.get("state", "complete")).upper()
        candidate.entry.state = TrialState[state] if state in TrialState.__members__ else TrialState.COMPLETE
        values = answer.get("values")
        candidate.entry.values = tuple(map(float, values)) if values else None

    def _check_open(self, candidate: Candidate) -> None:
        if not candidate.is_open:
            raise RewardError(f"candidate {candidate.number} has its result already ({candidate.entry.state.name})")


def own_name() -> str:
    """A name for a client that nobody else has."""
    host = "".join(c for c in socket.gethostname() if c.isascii() and c.isprintable())[:60]
    return f"{host}/{os.getpid()}/{uuid.uuid4().hex[:6]}"


def check_same(search: Mapping[str, Any], space: CombinedSpace, url: str, kind: str = "search") -> None:
    """Make sure that a server searches the space of its client.

    Raises:
        ConfigError: It does not; both are shown.
        ServiceError: It is a server of something else.
    """
    if search.get("kind") != kind:
        raise ServiceError(f"{url} serves {search.get('kind')!r}, not {kind!r}")
    ours = {"configs": json.loads(json.dumps(space.configs, default=str)), "range_table": space.range_table()}
    for key, value in ours.items():
        if key in search and search[key] != value:
            raise ConfigError(f"{url} is the server of another search: its {key} are {search[key]}, not {value}")
