"""Searches over a network: a server over one record, and clients that know HTTP.

Importing this imports no server library; starting a server does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import ConfigError
from ..searching.leases import LEASE_SECONDS
from .desks import RemoteDesk, ServedDesk
from .server import Server, check_installed
from .service import SearchService
from .settings import TLS, TOKEN_VARIABLE, Settings
from .transport import PATIENCE_SECONDS, Transport
from .writer import Writer

if TYPE_CHECKING:
    from ..searching import Engine

__all__ = [
    "LEASE_SECONDS",
    "PATIENCE_SECONDS",
    "TLS",
    "TOKEN_VARIABLE",
    "RemoteDesk",
    "SearchService",
    "ServedDesk",
    "Server",
    "Settings",
    "Transport",
    "Writer",
    "check_installed",
    "join",
    "serve",
    "serve_here",
]


def serve(
    engine: Engine,
    address: Any = ("", 0),
    *,
    steps: int | None = None,
    lease: float = LEASE_SECONDS,
    token: str | None = None,
    tls: TLS = None,
) -> Server:
    """Serve a search to clients; nobody else may use its engine from now on.

    Args:
        engine: The search.
        address: Host and port to listen on. No host is this machine only; others need a token. Port 0 finds a free one.
        steps: Number of rewards after which the search is over, None for no end.
        lease: Seconds after which the candidate of a silent client is handed out again.
        token: What clients have to know; by default from the environment variable ``SANAS_TOKEN``.
        tls: Files of a certificate and of its key.

    Returns:
        The server, which listens already.
    """
    return serve_here(engine, address, steps=steps, lease=lease, token=token, tls=tls).server


def serve_here(
    engine: Engine,
    address: Any,
    *,
    steps: int | None,
    lease: float = LEASE_SECONDS,
    token: str | None = None,
    tls: TLS = None,
) -> ServedDesk:
    """Serve a search, and work on it in this process, too."""
    settings = Settings.of(address, token=token, tls=tls)
    if isinstance(lease, bool) or not lease > 0:
        raise ConfigError(f"lease = {lease!r}: expected a positive number of seconds")
    check_installed()
    from .search_api import search_routes

    writer = Writer(engine.group)
    try:
        service = writer.call(lambda: SearchService(engine, steps=steps, lease=lease))
        server = Server(service, lambda api: search_routes(api, service), writer, settings, on_close=engine.close)
    except BaseException:
        writer.close()
        raise
    return ServedDesk(service, server)


def join(
    configs: Sequence[Any],
    address: Any,
    *,
    token: str | None = None,
    tls: TLS = None,
    patience: float = PATIENCE_SECONDS,
    input_shape: ImageShape | None = None,
) -> RemoteDesk:
    """Become a client of a search.

    Args:
        configs: The search spaces, which have to be those of the server.
        address: Host and port of the server.
        token: What the server wants to know; by default from the environment variable ``SANAS_TOKEN``.
        tls: True, or a file with the certificate of the authority that has signed that of the server.
        patience: Seconds for which the server may be away.
        input_shape: Image shape [C, H, W] that costs refer to; by default that of the search.
    """
    space = CombinedSpace(configs)
    transport, beats = (Transport(address, token=token, tls=tls, patience=wait) for wait in (patience, 0.0))
    return RemoteDesk(space, transport, beats, input_shape=input_shape)
