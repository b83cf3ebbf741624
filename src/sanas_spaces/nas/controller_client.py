"""What scripts import from ``paddleslim.common.controller_client``: a search's server without its search space."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from ..distributed import Transport
from ..errors import RewardError, ServiceError


class ControllerClient:
    """Asks the server of a SANAS search, as PaddleSlim's class of this name does.

    Args:
        server_ip: Host of the server.
        server_port: Port of the server.
        key: Not used: the server is asked what it searches for.
        client_name: Name of the client; by default drawn.
        token: What the server wants to know; by default from the environment variable ``SANAS_TOKEN``.
        patience: Seconds for which the server may be away when tokens are asked for or rewarded.
    """

    def __init__(
        self,
        server_ip: str | None = None,
        server_port: int | None = None,
        key: str | None = None,
        client_name: str | None = None,
        *,
        token: str | None = None,
        patience: float = 120.0,
    ) -> None:
        address = server_ip, server_port or 0
        self._name = client_name or uuid.uuid4().hex
        self._transport = Transport(address, token=token, patience=patience)
        self._at_once = Transport(address, token=token, patience=0.0)
        self._number: int | None = None

    def next_tokens(self) -> list[int]:
        """Tokens of the next candidate."""
        fields = {"client": self._name, "request": uuid.uuid4().hex}
        answer = self._transport.post("/v1/candidates", fields)
        self._number = answer.get("number")
        return [int(token) for token in answer.get("tokens", ())]

    def update(self, tokens: Sequence[int], reward: float, iter: int = 0) -> bool:
        """Give the reward of the tokens that were asked for last; whether it is recorded.

        Raises:
            RewardError: No tokens were asked for.
        """
        if self._number is None:
            raise RewardError("update() without tokens: call next_tokens() first")
        fields = {"client": self._name, "reward": float(reward), "tokens": [int(token) for token in tokens]}
        answer = self._transport.post(f"/v1/candidates/{self._number}/reward", fields)
        return bool(answer.get("state") == "complete")

    def request_current_info(self) -> dict[str, Any] | None:
        """Best tokens and reward so far and the tokens of this client; None if there is no server."""
        try:
            return self._at_once.get(f"/v1/info?client={self._name}")
        except ServiceError:
            return None
