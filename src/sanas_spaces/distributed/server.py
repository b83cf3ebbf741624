"""A server in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ServiceError
from ..optional import import_optional
from .settings import Settings
from .writer import Writer

if TYPE_CHECKING:
    from .app import Api, Service

_logger = logging.getLogger(__name__)

PURPOSE = "a server for searches over a network"
START_SECONDS = 60.0
GRACE_SECONDS = 2
"""Time for requests that are being answered when a server is closed."""


def check_installed() -> None:
    """Make sure that the packages of a server are there.

    Raises:
        MissingDependencyError: One is not installed.
    """
    for module in ("starlette", "uvicorn", "httptools", "prometheus_client"):
        import_optional(module, "server", PURPOSE)


class Server:
    """Listens from the beginning on, until it is closed or its process ends.

    Args:
        service: What is served.
        routes: The routes of its kind, given what handles requests.
        writer: The thread that works on it.
        settings: Where to listen, and for whom.
        on_close: Called once nothing is done any more.

    Attributes:
        host: Where it listens.
        port: Its port, also if it was to find one.

    Raises:
        ServiceError: It cannot listen there.
        MissingDependencyError: The packages of a server are not installed.
    """

    def __init__(
        self,
        service: Service,
        routes: Callable[[Api], Sequence[Any]],
        writer: Writer,
        settings: Settings,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        check_installed()
        import uvicorn

        from .app import Api
        from .guard import IDLE_SECONDS, GuardedProtocol

        self.writer = writer
        self.settings = settings
        self._on_close = on_close
        api = Api(service, writer)
        self._listener = settings.listen()
        self.host: str = settings.host
        self.port: int = self._listener.getsockname()[1]
        config = uvicorn.Config(
            api.app(routes(api), settings),
            http=GuardedProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=settings.certfile,
            ssl_keyfile=settings.keyfile,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="sanas server", daemon=True).start()
        began = time.monotonic()
        while not self._server.started:
            if self._ended.is_set() or time.monotonic() - began > START_SECONDS:
                raise ServiceError(f"the server at {self.url} did not start")
            time.sleep(0.005)
        _logger.info("listening at %s", self.url)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as clients need them."""
        return self.host, self.port

    @property
    def url(self) -> str:
        """The address in a browser."""
        scheme = "https" if self.settings.certfile else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is closed, or for some time; tell whether it is closed."""
        return self._ended.wait(seconds)

    def close(self) -> None:
        """Answer what has been asked, and end. The record is complete, and can be served again."""
        if self._ended.is_set():
            return
        self._server.should_exit = True
        self._ended.wait()
        self.writer.close()
        self._on_close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._ended.set()
