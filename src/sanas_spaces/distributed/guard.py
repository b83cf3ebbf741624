"""Connections that say nothing, or too slowly, or too much, are ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 512
"""Connections at a time; further ones are closed at once."""
MAX_HEAD_BYTES = 16 * 1024
"""Length of a request's first line and headers."""
HEAD_SECONDS = 15.0
"""Time for them, from the beginning of the connection or from their first byte."""
IDLE_SECONDS = 30
"""Time between two requests of a connection."""


class _Calm(logging.LoggerAdapter[logging.Logger]):
    """Says of malformed requests what uvicorn says, but not as a warning: anybody can send them."""

    level = logging.INFO

    def warning(self, msg: object, *arguments: object, **options: Any) -> None:
        self.debug(msg, *arguments, **options)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on connections and headers, which it leaves to a proxy in front of it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _Calm(_logger, {})  # type: ignore[assignment]
        self._head_bytes: int | None = 0  # None while a body is read or a request is answered
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            _logger.debug("connection refused: there are %d", MAX_CONNECTIONS)
            transport.abort()
            return
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._head_bytes is not None:
            if self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_SECONDS, self._end)
            self._head_bytes += len(data)  # at most 256 KiB at a time
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._end()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._stop()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        self._head_bytes = 0
        super().on_response_complete()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        self._stop()
        if not self.transport.is_closing():
            self.transport.abort()
