"""Where a server listens, and who may use it."""

from __future__ import annotations

import hmac
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError, ServiceError

TOKEN_VARIABLE = "SANAS_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable with the token, where none is given."""
MIN_TOKEN = 16
"""Length of the shortest token for a server."""
LOOPBACK = "127.0.0.1"
BACKLOG = 512

Address = tuple[str | None, int]
TLS = str | Path | tuple[str | Path, str | Path] | bool | ssl.SSLContext | None


def checked_address(address: Any) -> tuple[str, int]:
    """Host and port; no host, or "", is this machine only.

    Raises:
        ConfigError: It is something else.
    """
    try:
        host, port = address
    except (TypeError, ValueError):
        raise ConfigError(f"server_addr = {address!r}: expected (host, port)") from None
    if not isinstance(host, str | None) or isinstance(port, bool) or not hasattr(port, "__index__"):
        raise ConfigError(f"server_addr = {address!r}: expected (host, port), such as ('127.0.0.1', 8881)")
    number = port.__index__()  # also NumPy's
    if not 0 <= number < 2**16:
        raise ConfigError(f"server_addr = {address!r}: expected a port from 0 to 65535")
    return host or LOOPBACK, number


def checked_token(token: Any) -> str | None:
    """The token given, or that of the environment.

    Raises:
        ConfigError: It is too short, or cannot stand in a header. The message does not show it.
    """
    name = "token" if token is not None else TOKEN_VARIABLE
    found = os.environ.get(TOKEN_VARIABLE) if token is None else token
    if found is None or found == "":
        return None
    if not isinstance(found, str) or len(found) < MIN_TOKEN:
        raise ConfigError(f"{name}: expected a text of at least {MIN_TOKEN} characters")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigError(f"{name}: expected printable ASCII without blanks")
    return found


def is_loopback(host: str) -> bool:
    """Whether a host can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Settings:
    """Where a server listens, and who may use it.

    Args:
        host: Host name or address.
        port: Port; 0 for any that is free.
        token: What requests have to know; None for everybody on this machine.
        certfile: File of a certificate, and of those that vouch for it, for TLS.
        keyfile: File of its key, if it is another one.

    Raises:
        ConfigError: The host can be reached from other machines, and there is no token; or files are missing.
    """

    host: str = LOOPBACK
    port: int = 0
    token: str | None = field(default=None, repr=False)
    certfile: str | None = None
    keyfile: str | None = None

    @classmethod
    def of(cls, address: Any, *, token: Any = None, tls: TLS = None) -> Settings:
        """Settings from what users give."""
        host, port = checked_address(address)
        if tls is None or tls is False:
            certificate: tuple[str | None, str | None] = None, None
        elif isinstance(tls, tuple) and len(tls) == 2:
            certificate = str(tls[0]), str(tls[1])
        elif isinstance(tls, str | Path):
            certificate = str(tls), None
        else:
            raise ConfigError(f"tls = {tls!r}: expected (file of the certificate, file of its key)")
        return cls(host, port, checked_token(token), *certificate)

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(
                f"server_addr: {self.host!r} can be reached from other machines, so the server needs a token: give "
                f"token=, or set {TOKEN_VARIABLE}, here and for the clients; 127.0.0.1 needs none"
            )
        if self.certfile is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certfile, self.keyfile)
            except (OSError, ssl.SSLError) as error:
                raise ConfigError(f"tls = {self.certfile!r}, {self.keyfile!r}: {error}") from error

    def admits(self, header: bytes) -> bool:
        """Whether the ``Authorization`` header of a request has the token; takes as long for any of one length."""
        if self.token is None:
            return True
        scheme, _, given = header.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self.token.encode())

    def listen(self) -> socket.socket:
        """A socket that listens; a port that was in use a moment ago is no obstacle.

        Raises:
            ServiceError: The port is in use, or the host is not one of this machine.
        """
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, protocol)
            try:
                if os.name == "posix":
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen(BACKLOG)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            raise ServiceError(f"cannot listen on {self.host}:{self.port}: {error}; port 0 finds a free one") from error
        return listener
