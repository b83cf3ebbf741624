"""Requests to a server, patient while it is away. Needs the standard library only."""

from __future__ import annotations

import http.client
import json
import logging
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any

from .. import errors
from ..errors import ConfigError, SanasError, ServiceError
from .settings import LOOPBACK, TLS, checked_address, checked_token, is_loopback

_logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""For how long a server may be away."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
TIMEOUT_SECONDS = 60.0
"""Time for one answer."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
REPEATED = (408, 429, 500, 502, 503, 504)
"""Statuses after which a request is repeated: all requests can be."""
KNOWN_ERRORS = (
    "ConfigError",
    "ConstraintError",
    "EvaluationError",
    "RecordError",
    "RewardError",
    "SearchExhausted",
    "SearchFinished",
    "TokenError",
)
"""Errors of a server that are raised here under their names; others are a ServiceError."""


class Transport:
    """A connection to one server, opened again where that is needed.

    Args:
        address: Host and port of the server.
        token: What the server wants to know; by default from the environment variable ``SANAS_TOKEN``.
        tls: True for a server whose certificate is signed by an authority that this machine knows, or the path of a
            file with the certificate of the authority, or a context of ``ssl``.
        patience: Seconds for which the server may be away.
    """

    def __init__(
        self, address: Any, *, token: str | None = None, tls: TLS = None, patience: float = PATIENCE_SECONDS
    ) -> None:
        self.host, self.port = checked_address(address)
        if not self.port:
            raise ConfigError(f"server_addr = {address!r}: a client needs the port of the server")
        if isinstance(patience, bool) or not patience >= 0:
            raise ConfigError(f"patience = {patience!r}: expected a number of seconds from 0")
        self._token = checked_token(token)
        self._context = _context(tls)
        self._patience = patience
        self._connection: http.client.HTTPConnection | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address in a browser."""
        return f"{'https' if self._context else 'http'}://{self.host}:{self.port}"

    def get(self, path: str) -> dict[str, Any]:
        """The answer to a GET request."""
        return self.call("GET", path)

    def post(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST request."""
        return self.call("POST", path, {name: value for name, value in fields.items() if value is not None})

    def call(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a request, which is repeated while the server is away.

        Raises:
            ServiceError: The server is away for too long, refuses the request, or is none of this library.
            SanasError: What the server says, such as :class:`~sanas_spaces.errors.SearchFinished`.
        """
        body = None if fields is None else json.dumps(fields, allow_nan=False).encode()
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        while True:
            try:
                status, answer = self._once(method, path, body)
                if status < 400:
                    return answer
                if status not in REPEATED:
                    raise _error_of(status, answer, self.url)
                why = str(_error_of(status, answer, self.url))
            except ssl.SSLCertVerificationError as error:
                raise ServiceError(f"the certificate of {self.url} is not accepted: {error}") from error
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, SanasError):
                    raise
                why = str(error) or type(error).__name__
            left = self._patience - (time.monotonic() - began)
            if left <= 0:
                raise ServiceError(f"no answer from {self.url} in {self._patience:g} s: {why}")
            _logger.info("%s is away (%s); trying again in %.2g s", self.url, why, pause)
            time.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - clients should not come all at once
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._drop()

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, Any]]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        with self._lock:
            try:
                try:
                    return self._exchange(method, path, body, headers)
                except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                    self._drop()  # the server has ended a connection that was not in use
                    return self._exchange(method, path, body, headers)
            except BaseException:
                self._drop()
                raise

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        if self._connection is None or self._process != os.getpid():
            self._connection, self._process = self._connect(), os.getpid()
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        content = response.read(MAX_ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self._drop()
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            if response.status in REPEATED:  # a proxy whose server is away
                return response.status, {}
            raise ServiceError(f"{self.url} is no server of a search: it answers {response.status} without JSON")
        return response.status, answer

    def _connect(self) -> http.client.HTTPConnection:
        """Connect; a name of this machine is also tried as its loopback address, where servers listen by default."""
        try:
            return self._connected(self.host)
        except ConnectionRefusedError:
            if self._context is not None or is_loopback(self.host) or not _is_this_machine(self.host):
                raise
            return self._connected(LOOPBACK)

    def _connected(self, host: str) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self._context is None:
            connection = http.client.HTTPConnection(host, self.port, timeout=TIMEOUT_SECONDS)
        else:
            connection = http.client.HTTPSConnection(host, self.port, timeout=TIMEOUT_SECONDS, context=self._context)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _drop(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None


def _context(tls: TLS) -> ssl.SSLContext | None:
    if tls is None or tls is False:
        return None
    if isinstance(tls, ssl.SSLContext):
        return tls
    try:
        return ssl.create_default_context(cafile=None if tls is True else os.fspath(tls))  # type: ignore[arg-type]
    except (OSError, TypeError) as error:
        raise ConfigError(f"tls = {tls!r}: expected True, or a file with certificates: {error}") from error


def _error_of(status: int, answer: Mapping[str, Any], url: str) -> SanasError:
    told = answer.get("error")
    told = told if isinstance(told, dict) else {}
    message = str(told.get("message", "no reason given"))[:2000]
    if told.get("type") in KNOWN_ERRORS:
        kind: type[SanasError] = getattr(errors, told["type"])
        return kind(message)
    return ServiceError(f"{url} answers {status}: {message}")


def _is_this_machine(host: str) -> bool:
    """Whether an address is one of this machine: only those can be bound."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True
