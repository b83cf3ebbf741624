"""A server in this process, and plain requests to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sanas_spaces import SANAS

from .serving import CONFIGS


class Plain:
    """Sends exactly what it is told to, as curl does."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON and headers of the answer."""
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            content = response.read()
            found = json.loads(content) if response.headers["Content-Type"] == "application/json" else {}
            return response.status, found, {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
        status, found, _ = self.send("GET", path, headers=headers)
        return status, found

    def post(self, path: str, fields: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        status, found, _ = self.send(
            "POST", path, json.dumps(fields).encode(), {"Content-Type": "application/json", **headers}
        )
        return status, found


Serve = Callable[..., SANAS]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts servers and closes them in the end."""
    monkeypatch.delenv("SANAS_TOKEN", raising=False)
    started: list[SANAS] = []

    def start(**options: Any) -> SANAS:
        given = {"server_addr": ("", 0), "save_checkpoint": None, "seed": 1, "algorithm": "random", **options}
        started.append(SANAS(given.pop("configs", CONFIGS), **given))
        return started[-1]

    yield start
    for sanas in started:
        sanas.close()


def plain(sanas: SANAS) -> Plain:
    """Plain requests to the server of a search."""
    assert sanas.server_addr is not None
    return Plain(sanas.server_addr)
