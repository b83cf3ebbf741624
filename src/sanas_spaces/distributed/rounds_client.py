"""The client of a policy that clients share."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..combine import CombinedSpace
from ..errors import SanasError
from ..searching.leases import LEASE_SECONDS
from .desks import check_same, own_name
from .heart import Heart
from .messages import MAX_BODY_BYTES
from .rounds import RoundsService
from .transport import Transport

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class RemotePolicy:
    """A policy at a server.

    Args:
        space: The search space, which has to be that of the server.
        transport: The way to the server.
        beats: The same for signs of life.

    Raises:
        ConfigError: The server searches another space.
        ServiceError: The server does not answer.
    """

    def __init__(self, space: CombinedSpace, transport: Transport, beats: Transport) -> None:
        self.name = own_name()
        self._transport, self._beats = transport, beats
        search = transport.get("/v1/search")
        check_same(search, space, transport.url, RoundsService.kind)
        self._heart = Heart(beats, self.name, float(search.get("lease", LEASE_SECONDS)))
        self._batch = ""

    def draw(self, count: int) -> list[list[int]]:
        """Ask for token lists."""
        fields = {"client": self.name, "count": count, "request": uuid.uuid4().hex}
        answer = self._transport.post("/v1/batches", fields)
        self._batch = str(answer["batch"])
        self._heart.keep(["/v1/heartbeat"])
        return [[int(token) for token in tokens] for tokens in answer["tokens"]]

    def reward(self, tokens: Sequence[Sequence[int]], rewards: Sequence[float]) -> None:
        """Give the rewards of what was drawn last, and wait for the others of the round, if there are rounds."""
        fields: dict[str, Any] = {
            "client": self.name,
            "rewards": list(rewards),
            "tokens": [list(one) for one in tokens],
        }
        if len(json.dumps(fields)) > MAX_BODY_BYTES:
            del fields["tokens"]
        pause = FIRST_PAUSE_SECONDS
        while self._transport.post(f"/v1/batches/{self._batch}/reward", fields).get("waiting"):
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self._heart.keep([])

    def most_likely(self, count: int) -> list[list[int]]:
        """Ask for the likeliest token lists."""
        answer = self._transport.post("/v1/final", {"client": self.name, "count": count})
        return [[int(token) for token in tokens] for tokens in answer["tokens"]]

    def close(self) -> None:
        """Tell the server that this client takes part in no further round."""
        self._heart.stop()
        with suppress(SanasError):
            self._beats.post("/v1/leave", {"client": self.name})
        self._transport.close()
