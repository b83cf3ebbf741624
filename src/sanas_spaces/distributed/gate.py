"""Who is let in, and what every answer has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .messages import RequestError
from .metrics import Requests
from .settings import Settings, is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refuse = Callable[[RequestError], App]

OPEN_PATHS = ("/", "/health")
"""What needs no token: a page without any data, and whether the server lives."""
CLOSE_AFTER = (400, 401, 408, 413, 415, 421)
"""Statuses of answers after which the rest of a request is of no interest."""
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Gate:
    """Asks for the token before anything of a request is read.

    A server without a token is for this machine only. Pages of other people in a browser of this machine must not use
    it either, whatever name they give it: requests have to name this machine, and a body has to be called JSON, which
    browsers do not let such pages send.

    Args:
        app: What it stands before.
        settings: Who may use the server.
        refuse: Makes the answer to a request that is not let in.
        requests: Counts answers.
    """

    def __init__(self, app: App, settings: Settings, refuse: Refuse, requests: Requests) -> None:
        self._app = app
        self._settings = settings
        self._refuse = refuse
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._requests.by_status[message["status"]] += 1
                message["headers"] = [*message.get("headers", ()), *HEADERS]
                if message["status"] in CLOSE_AFTER:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            self._check(scope)
        except RequestError as error:
            await self._refuse(error)(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)

    def _check(self, scope: Scope) -> None:
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in (b"authorization", b"host") and name in headers:
                raise RequestError(400, f"the header {name.decode()} is there twice")
            headers[name] = value
        if self._settings.token is not None:
            if scope["path"] not in OPEN_PATHS and not self._settings.admits(headers.get(b"authorization", b"")):
                raise RequestError(
                    401, "a token is needed, as the header 'Authorization: Bearer TOKEN'", "Unauthorized"
                )
        elif not self._names_this_machine(headers.get(b"host", b"")):
            raise RequestError(
                421, "the header Host names another machine: this server has no token and is for its own machine only"
            )

    def _names_this_machine(self, host: bytes) -> bool:
        name = host.decode("latin-1").lower()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        return is_loopback(name) or name == self._settings.host.lower()
