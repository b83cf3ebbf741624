"""The way of a client to its server."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from sanas_spaces import SANAS
from sanas_spaces.distributed import Transport
from sanas_spaces.errors import ConfigError, ServiceError
from sanas_spaces.nas.controller_client import ControllerClient

from .conftest import Serve
from .serving import CONFIGS

ADDRESS = "127.0.0.1", 1


class Other(http.server.BaseHTTPRequestHandler):
    """A server of something else: HTML, a redirect, an error with a wrong type, and one that is away for a while."""

    protocol_version = "HTTP/1.1"
    away = 3

    def do_GET(self) -> None:
        status, content = {
            "/html": (200, b"<html>"),
            "/list": (200, b"[1]"),
            "/redirect": (302, b"{}"),
            "/error": (400, b'{"error": {"type": "SystemExit", "message": "go away"}}'),
            "/silent": (418, b"{}"),
            "/away": (503, b"<html>a proxy") if Other.away else (200, b'{"back": 1}'),
        }[self.path]
        Other.away -= self.path == "/away"
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def other() -> Iterator[Transport]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    transport = Transport(server.server_address[:2], patience=10)
    yield transport
    transport.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_servers_of_something_else(other: Transport) -> None:
    for path in ("/html", "/list"):
        with pytest.raises(ServiceError, match="is no server of a search: it answers 200 without JSON"):
            other.get(path)
    with pytest.raises(ServiceError, match="answers 400: go away"):
        other.get("/error")
    with pytest.raises(ServiceError, match="answers 418: no reason given"):
        other.get("/silent")
    assert other.get("/redirect") == {}  # and it goes nowhere else
    assert other.get("/away") == {"back": 1}
    assert Other.away == -1


def test_wrong_arguments(serve: Serve) -> None:
    for given, said in (
        ({"address": ("", 0)}, "needs the port"),
        ({"address": ADDRESS, "patience": -1}, "patience = -1"),
        ({"address": ADDRESS, "token": "short"}, "token: expected a text of at least 16"),
        ({"address": ADDRESS, "token": "with blanks in it, 16 and more"}, "token: expected printable ASCII"),
        ({"address": ADDRESS, "tls": "no such file"}, "tls = 'no such file'"),
    ):
        with pytest.raises(ConfigError, match=said):
            Transport(**given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="lease = 0"):
        serve(lease=0)
    with pytest.raises(ConfigError, match="tls = "):
        serve(tls=("no such file", "no such key"))


def test_tls_by_certificate_files(serve: Serve, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    trusted, chain, key = (tmp_path / name for name in ("ca.pem", "chain.pem", "key.pem"))
    authority.cert_pem.write_to_path(trusted)
    certificate.private_key_pem.write_to_path(key)
    for part in certificate.cert_chain_pems:
        part.write_to_path(chain, append=True)
    server = serve(tls=(chain, key))
    address = server.server_addr
    assert address
    assert server.server.url.startswith("https://")
    sanas = SANAS(CONFIGS, server_addr=address, is_server=False, tls=trusted)
    sanas.next_archs()
    sanas.reward(1.0)
    assert server.current_info()["best_reward"] == 1.0
    with pytest.raises(ServiceError, match=r"certificate of https://127.0.0.1:.* is not accepted"):
        SANAS(CONFIGS, server_addr=address, is_server=False, tls=True)
    with pytest.raises(ServiceError, match="no answer from http://"):
        SANAS(CONFIGS, server_addr=address, is_server=False, patience=0.5)


def test_controller_client_as_scripts_use_it(serve: Serve) -> None:
    server = serve()
    assert server.server_addr
    client = ControllerClient(*server.server_addr, key="any", client_name="one")
    tokens = client.next_tokens()
    assert client.update(tokens, 0.5, 1)
    assert client.request_current_info() == {"best_tokens": tokens, "best_reward": 0.5, "current_tokens": tokens}
    server.close()
    assert client.request_current_info() is None


def test_the_server_library_is_optional_and_clients_do_without(tmp_path: Path) -> None:
    """A process in which it cannot be imported: one process works on with a warning, and clients do not need it."""
    import subprocess
    import sys

    code = """
import sys, warnings
for name in ("starlette", "uvicorn", "httptools", "prometheus_client"):
    sys.modules[name] = None
from sanas_spaces import SANAS
from sanas_spaces.errors import MissingDependencyError, ServiceError
configs = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    sanas = SANAS(configs, server_addr=("", 8881), save_checkpoint=None)
assert ["nobody can join this search" in str(one.message) for one in caught] == [True], caught
sanas.next_archs()
assert sanas.server_addr is None
try:
    SANAS(configs, server_addr=("0.0.0.0", 8881), save_checkpoint=None, token="x" * 20)
except MissingDependencyError as error:
    assert "pip install 'sanas-spaces[server]'" in str(error)
else:
    raise AssertionError
try:
    SANAS(configs, server_addr=("127.0.0.1", 1), is_server=False, patience=0)
except ServiceError:
    print("fine")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.stdout == "fine\n", done.stderr[-2000:]
