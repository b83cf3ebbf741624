"""The HTTP interface: what all kinds of searches have in common."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import ConstraintError, RecordError, SanasError, SearchExhausted, SearchFinished
from .gate import App, Gate
from .messages import MAX_BODY_BYTES, Field, RequestError, client_name, parse
from .metrics import CONTENT_TYPE, Requests, exposition
from .page import page
from .settings import Settings
from .writer import Writer

_logger = logging.getLogger(__name__)
T = TypeVar("T")

BODY_SECONDS = 10.0
"""Time for the body of a request."""
MAX_DISCARDED_BYTES = 1024 * 1024
"""Length of a body that is read to its end, so that who has sent it reads the answer, although it is too long."""
STATUS_SECONDS = 1.0
"""For how long a status is shown before it is looked at anew; longer if that takes long."""
STATUS_SHARE = 20
RECORD_SECONDS = 2.0
"""After how long a client tries again while the record cannot be written."""
ENDS = SearchFinished, SearchExhausted, ConstraintError
"""Errors that end a search for a client."""

Handler = Callable[[Request], Awaitable[Response]]


class Service(Protocol):
    """What a server needs to know of any kind of search. Only the writer calls its methods."""

    def search(self) -> dict[str, Any]:
        """What is searched for."""

    def status(self) -> dict[str, Any]:
        """What the page and the metrics show."""


class Api:
    """Handlers of requests, and what they need.

    Args:
        service: The search.
        writer: The thread that works on it.
    """

    def __init__(self, service: Service, writer: Writer) -> None:
        self.service = service
        self.writer = writer
        self.requests = Requests()
        self._status: dict[str, Any] = {}
        self._status_until = -math.inf

    async def do(self, job: Callable[[], T]) -> T:
        """Let the writer do something, and wait until it is durable."""
        return await asyncio.wrap_future(self.writer.submit(job))

    async def read(
        self, request: Request, required: Mapping[str, Field], optional: Mapping[str, Field] | None = None
    ) -> dict[str, Any]:
        """The fields of a request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RequestError(415, "the header Content-Type has to be application/json")
        try:
            body = await asyncio.wait_for(_body(request), BODY_SECONDS)
        except asyncio.TimeoutError:
            raise RequestError(408, f"the body did not come within {BODY_SECONDS:g} s") from None
        except ClientDisconnect:
            raise RequestError(400, "the connection ended before the body") from None
        return parse(body, required, optional)

    async def status(self) -> dict[str, Any]:
        """What the page and the metrics show, not older than a second or 20 times what it takes to look."""
        now = time.monotonic()
        if now >= self._status_until:
            self._status_until = math.inf  # others get the old one meanwhile
            try:
                took = 0.0

                def look() -> dict[str, Any]:
                    nonlocal took
                    began = time.monotonic()
                    found = self.service.status()
                    took = time.monotonic() - began
                    return found

                self._status = await self.do(look)
            finally:
                self._status_until = time.monotonic() + max(STATUS_SECONDS, STATUS_SHARE * took)
        elif not self._status:
            return await self.do(self.service.status)
        return self._status

    def routes(self) -> list[Route]:
        """Routes of every kind of search."""

        async def show_page(request: Request) -> Response:
            content, policy = page()
            return Response(content, media_type="text/html", headers={"Content-Security-Policy": policy})

        async def health(request: Request) -> Response:
            return reply({"status": "ok"})

        async def show_status(request: Request) -> Response:
            return reply(await self.status())

        async def search(request: Request) -> Response:
            return reply(await self.do(self.service.search))

        async def metrics(request: Request) -> Response:
            text = exposition(await self.status(), self.requests, self.writer.waiting)
            return Response(text, headers={"Content-Type": CONTENT_TYPE})

        return [
            route("/", show_page),
            route("/health", health),
            route("/metrics", metrics),
            route("/v1/status", show_status),
            route("/v1/search", search),
        ]

    def app(self, routes: Sequence[Route], settings: Settings) -> App:
        """The application behind its gate."""

        async def http_error(request: Request, error: Exception) -> Response:
            status = error.status_code if isinstance(error, HTTPException) else 500
            told = {404: f"there is nothing at {request.url.path[:80]}", 405: f"{request.method[:20]} is not for this"}
            return refusal(RequestError(status, told.get(status, "the request cannot be understood")))

        inner = Starlette(
            routes=[*self.routes(), *routes], exception_handlers={HTTPException: http_error, 404: http_error}
        )
        inner.router.redirect_slashes = False
        return Gate(inner, settings, refusal, self.requests)


def route(path: str, handler: Handler, method: str = "GET") -> Route:
    """A route whose errors are answered as JSON."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except RequestError as error:
            return refusal(error)
        except ENDS as error:
            return refusal(RequestError(410, str(error), type(error).__name__))
        except RecordError as error:
            return refusal(RequestError(503, str(error), type(error).__name__, retry_after=RECORD_SECONDS))
        except SanasError as error:
            return refusal(RequestError(422, str(error), type(error).__name__))
        except Exception:
            _logger.exception("%s %s failed", request.method, request.url.path)
            return refusal(RequestError(500, "the server made a mistake; its log tells more", "InternalError"))

    return Route(path, answered, methods=[method])


def reply(content: Mapping[str, Any], status: int = 200) -> Response:
    """An answer in JSON."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, default=str)
    return Response(text, status, media_type="application/json")


def refusal(error: RequestError) -> Response:
    """The answer that tells an error."""
    response = reply({"error": {"type": error.kind, "message": str(error)}}, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def number_in(request: Request, name: str = "number") -> int:
    """A number in the path of a request."""
    text = request.path_params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise RequestError(404, f"there is no candidate {text[:20]!r}: expected its number", "NoCandidate")
    return int(text)


def client_in(request: Request) -> str | None:
    """The client that is named in the query of a request."""
    given = request.query_params.get("client")
    return None if given is None else client_name("client", given)


async def _body(request: Request) -> bytes:
    too_long = RequestError(413, f"the body has more than {MAX_BODY_BYTES} bytes", "TooLarge")
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > MAX_DISCARDED_BYTES:
        raise too_long
    body, count = bytearray(), 0
    async for part in request.stream():
        count += len(part)
        if count > MAX_DISCARDED_BYTES:
            break
        if count <= MAX_BODY_BYTES:
            body += part
    if count > MAX_BODY_BYTES:
        raise too_long
    return bytes(body)
