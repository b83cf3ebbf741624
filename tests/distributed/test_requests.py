"""What a server answers to good, wrong and hostile requests."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sanas_spaces import SANAS
from sanas_spaces.distributed import Settings
from sanas_spaces.distributed.guard import MAX_CONNECTIONS
from sanas_spaces.distributed.messages import MAX_BODY_BYTES, MAX_REASON
from sanas_spaces.errors import ConfigError, ServiceError

from .__main__ import clean, run
from .conftest import Serve, plain
from .serving import CONFIGS

TOKEN = "correct-horse-battery-staple"
JSON = {"Content-Type": "application/json"}


def test_the_whole_conversation(serve: Serve) -> None:
    ask = plain(serve(search_steps=3))
    assert ask.get("/health") == (200, {"status": "ok"})
    _, search = ask.get("/v1/search")
    assert search["configs"] == json.loads(json.dumps(CONFIGS))
    assert (search["range_table"], search["steps"]) == ([6, 20, 6, 2, 6, 20, 6, 2], 3)
    status, one = ask.post("/v1/candidates", {"client": "a", "request": "1"})
    assert status == 200
    assert ask.post("/v1/candidates", {"client": "a", "request": "1"}) == (200, one), "the answer was lost"
    _, two = ask.post("/v1/candidates", {"client": "b"})
    _, three = ask.post("/v1/candidates", {"client": "c"})
    assert [one["number"], two["number"], three["number"]] == [0, 1, 2]
    assert len(one["tokens"]) == len(one["choices"]) == 8
    assert one["cost"]["flops"] > 0
    assert ask.post("/v1/candidates", {"client": "d"}) == (202, {"waiting": True, "retry_after": 0.5})
    assert ask.post("/v1/candidates/0/heartbeat", {"client": "a"})[1]["yours"]
    assert not ask.post("/v1/candidates/0/heartbeat", {"client": "b"})[1]["yours"]
    told = {"number": 0, "recorded": True, "state": "complete", "reward": 0.5, "values": [0.5]}
    assert ask.post("/v1/candidates/0/reward", {"client": "a", "reward": 0.5, "tokens": one["tokens"]}) == (200, told)
    assert ask.post("/v1/candidates/0/reward", {"client": "a", "reward": 0.75}) == (200, {**told, "recorded": False})
    _, failed = ask.post("/v1/candidates/1/failure", {"client": "b", "reason": "out of memory"})
    assert (failed["recorded"], failed["state"], failed["reward"]) == (True, "fail", None)
    assert ask.get("/v1/candidates/1")[1]["reason"] == "out of memory"
    assert ask.post("/v1/candidates/2/pruned", {"client": "c"})[1]["state"] == "pruned"
    for number in (3, 4):
        assert ask.post("/v1/candidates", {"client": "a"})[1]["number"] == number
        ask.post(f"/v1/candidates/{number}/reward", {"client": "a", "reward": number})
    status, ended = ask.post("/v1/candidates", {"client": "a"})
    assert (status, ended["error"]["type"]) == (410, "SearchFinished")
    info = ask.get("/v1/info?client=a")[1]
    assert (info["best_reward"], info["best_tokens"]) == (4, info["current_tokens"])


def test_page_status_and_metrics(serve: Serve) -> None:
    server = serve(search_steps=100)
    ask = plain(server)
    for value in (0.5, 0.25, 0.75):
        _, found = ask.post("/v1/candidates", {"client": "worker <1>"})
        ask.post(f"/v1/candidates/{found['number']}/reward", {"client": "worker <1>", "reward": value})
    ask.post("/v1/candidates", {"client": "b"})
    ask.post("/v1/candidates/3/failure", {"client": "b", "reason": "Traceback <script>"})
    status = ask.get("/v1/status")[1]
    assert status["counts"] == {"open": 0, "complete": 3, "failed": 1, "pruned": 0}
    assert (status["best"]["number"], status["best"]["reward"]) == (2, 0.75)
    assert (status["points"], status["curve"]) == ([[0, 0.5], [1, 0.25], [2, 0.75]], [[0, 0.5], [2, 0.75]])
    assert [(one["name"], one["rewarded"], one["failed"]) for one in status["workers"]] == [
        ("b", 0, 1), ("worker <1>", 3, 0),
    ]  # fmt: skip
    assert status["errors"][0]["reason"] == "Traceback <script>"
    code, _, headers = ask.send("GET", "/")
    assert code == 200
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    page = (Path(__file__).parents[2] / "src/sanas_spaces/distributed/page.html").read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\s\"']+", page) == ["http://www.w3.org/2000/svg"], "nothing from elsewhere"
    assert "innerHTML" not in page
    connection = socket.create_connection(server.server_addr or ("", 0))
    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    connection.close()
    for line in ('sanas_candidates{state="complete"} 3.0', "sanas_best_reward 0.75", "sanas_steps 100.0",
                 "sanas_workers 2.0", 'sanas_requests_total{status="200"}'):  # fmt: skip
        assert line in text, text


@pytest.mark.parametrize(
    ("path", "fields", "status", "said"),
    [
        ("/v1/candidates", {}, 422, "'client' is missing"),
        ("/v1/candidates", {"client": ""}, 422, "a text of 1 to 100 characters"),
        ("/v1/candidates", {"client": "x" * 101}, 422, "a text of 1 to 100 characters"),
        ("/v1/candidates", {"client": "a\nb"}, 422, "printable ASCII"),
        ("/v1/candidates", {"client": "x", "moer": 1}, 422, "unknown field 'moer': known are client, request"),
        ("/v1/candidates", [], 422, "expected a JSON object"),
        ("/v1/candidates/0/reward", {"client": "x"}, 422, "'reward' is missing"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": "1"}, 422, "reward = '1': expected a finite number"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": True}, 422, "expected a finite number"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": None}, 422, "expected a finite number"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": 10**400}, 422, "expected a finite number"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": float("nan")}, 400, "NaN is no number in JSON"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": {"hash": 1}}, 422, "known of the candidate"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": {"loss": 1}}, 422, "which of them to improve"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": 1, "tokens": [0]}, 409, "belongs to another search"),
        ("/v1/candidates/0/reward", {"client": "x", "reward": 1, "tokens": [-1]}, 422, "a whole number from 0"),
        ("/v1/candidates/1/reward", {"client": "x", "reward": 1}, 404, "there is no candidate 1"),
        ("/v1/candidates/-1/reward", {"client": "x", "reward": 1}, 404, "expected its number"),
        (f"/v1/candidates/{'9' * 5000}/reward", {"client": "x", "reward": 1}, 404, "expected its number"),
        ("/v1/candidates/0/failure", {"client": "x", "reason": ""}, 422, "a text of 1 to"),
        ("/v1/candidates/0/failure", {"client": "x", "reason": "x" * (MAX_REASON + 1)}, 422, "a text of 1 to"),
        ("/v1/candidates/0/score", {"client": "x", "step": -1, "score": 1}, 422, "step = -1"),
        ("/v1/candidates/0/score", {"client": "x", "step": 1.5, "score": 1}, 422, "step = 1.5"),
        ("/v1/nothing", {"client": "x"}, 404, "there is nothing at /v1/nothing"),
        ("/v1/status", {"client": "x"}, 405, "POST is not for this"),
    ],
)  # fmt: skip
def test_wrong_requests_are_told_what_is_wrong(serve: Serve, path: str, fields: Any, status: int, said: str) -> None:
    server = serve()
    server.next_archs()
    code, answer = plain(server).post(path, fields)
    assert code == status
    assert said in answer["error"]["message"]
    assert [trial.state.name for trial in server.study.trials] == ["RUNNING"]


def test_bodies_are_bounded_and_have_to_be_json(serve: Serve) -> None:
    ask = plain(serve())
    for body, headers, status in (
        (b"{", JSON, 400),
        (b"\xff", JSON, 400),
        (b"[" * 60_000, JSON, 400),
        (b"9" * 10_000, JSON, 400),
        (b"{}", {}, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"client=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b" " * (MAX_BODY_BYTES + 1), JSON, 413),
        (b"", {**JSON, "Content-Length": str(10**12)}, 413),
    ):
        code, answer, _ = ask.send("POST", "/v1/candidates", body, headers)
        assert (code, list(answer)) == (status, ["error"])
    assert ask.send("POST", "/v1/candidates", iter([b" " * 40_000] * 3), JSON)[0] == 413  # type: ignore[arg-type]
    assert ask.get("/v1/status")[1]["counts"]["open"] == 0


def test_without_a_token_only_this_machine_is_meant(serve: Serve) -> None:
    ask = plain(serve())
    for host in ("evil.example", "evil.example:80", "192.168.1.5", "127.0.0.1.evil.example"):
        assert ask.get("/v1/status", Host=host)[0] == 421
    for host in ("localhost", "localhost:8881", "127.0.0.1:1", "[::1]:80"):
        assert ask.get("/v1/status", Host=host)[0] == 200


def test_other_addresses_need_a_token(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("0.0.0.0", "192.168.1.5", "example.org", "::"):
        with pytest.raises(ConfigError, match="so the server needs a token: give token=, or set SANAS_TOKEN"):
            serve(server_addr=(host, 0))
    with pytest.raises(ConfigError, match="token: expected a text of at least 16 characters") as error:
        serve(server_addr=("0.0.0.0", 0), token="too short")
    assert "too short" not in str(error.value)
    monkeypatch.setenv("SANAS_TOKEN", TOKEN)
    server = serve(server_addr=("0.0.0.0", 0))
    assert server.server_addr
    port = server.server_addr[1]
    SANAS(CONFIGS, server_addr=("127.0.0.1", port), is_server=False).next_archs()
    SANAS(CONFIGS, server_addr=(socket.gethostname(), port), is_server=False).next_archs()
    monkeypatch.delenv("SANAS_TOKEN")
    with pytest.raises(ServiceError, match="401: a token is needed"):
        SANAS(CONFIGS, server_addr=("127.0.0.1", port), is_server=False)


def test_a_token_is_asked_for_and_never_told(
    serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(token=TOKEN)
    ask = plain(server)
    for path in ("/v1/status", "/v1/search", "/v1/info", "/metrics", "/v1/nothing"):
        for header in ("", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN):
            status, answer, headers = ask.send("GET", path, headers={"Authorization": header})
            assert (status, answer["error"]["type"]) == (401, "Unauthorized")
            assert headers["www-authenticate"] == "Bearer"
    assert ask.post("/v1/candidates", {"client": "x"})[0] == 401
    assert ask.get("/health")[0] == ask.send("GET", "/")[0] == 200
    assert ask.get("/v1/status", Authorization=f"Bearer {TOKEN}", Host="any.example")[0] == 200
    assert ask.post("/v1/candidates", {"client": "x"}, Authorization=f"bearer {TOKEN}")[0] == 200
    wrong = SANAS(CONFIGS, server_addr=server.server_addr or ("", 0), is_server=False, token=TOKEN)
    wrong.next_archs()
    with pytest.raises(ServiceError, match="401") as error:
        SANAS(CONFIGS, server_addr=server.server_addr or ("", 0), is_server=False, token="another-long-token")
    shown = "".join(capfd.readouterr()) + caplog.text + str(error.value) + repr(Settings.of(("", 1), token=TOKEN))
    assert TOKEN not in shown
    assert "another-long-token" not in shown


def test_silent_slow_and_half_open_connections_hold_nobody_up(serve: Serve) -> None:
    server = serve()
    address = server.server_addr or ("", 0)
    head = (
        b"POST /v1/candidates HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n"
    )
    opened = []
    for start in (b"", b"P", head, head + b"\r\n", head + b'\r\n{"client"'):
        for _ in range(20):
            connection = socket.create_connection(address, timeout=40)
            connection.sendall(start)
            opened.append(connection)
    ask = plain(server)
    began = time.monotonic()
    for _ in range(20):
        assert ask.get("/v1/info")[0] == 200
    assert time.monotonic() - began < 5
    for connection in opened:  # all of them are ended in the end
        try:
            answer = connection.recv(1000)
        except ConnectionError:
            answer = b""
        assert answer == b"" or b" 408 " in answer
        connection.close()
    assert ask.get("/v1/status")[1]["counts"]["open"] == 0


def test_connections_are_bounded(serve: Serve) -> None:
    address = serve().server_addr or ("", 0)
    opened = [socket.create_connection(address, timeout=20) for _ in range(MAX_CONNECTIONS)]
    time.sleep(0.5)
    with pytest.raises(OSError), socket.create_connection(address, timeout=20) as further:
        further.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if further.recv(100) == b"":
            raise ConnectionResetError
    for connection in opened:
        connection.close()
    time.sleep(0.5)
    assert plain_at(address) == b"HTTP/1.1 200"


def plain_at(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(12)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["client", "reward", "reason", "tokens", "step", "score", "request"]) | st.text(max_size=6)
ENDINGS = st.sampled_from(["", "/0/reward", "/0/failure", "/0/score", "/0/pruned", "/0/heartbeat", "/7/reward"])


@pytest.fixture(scope="module")
def server() -> Iterator[SANAS]:
    sanas = SANAS(CONFIGS, server_addr=("", 0), save_checkpoint=None, seed=1, algorithm="random")
    yield sanas
    sanas.close()


class TestFuzzed:
    """Whatever is sent, the answer is one of HTTP's for a request that is wrong, and nothing becomes of it."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(ENDINGS, st.dictionaries(NAMES, VALUES, max_size=5).filter(lambda fields: "client" not in fields))
    def test_fields(self, server: SANAS, ending: str, fields: dict[str, Any]) -> None:
        status, answer = plain(server).post(f"/v1/candidates{ending}", fields)
        assert status in (400, 422)
        assert answer["error"]["message"]
        assert not server.study.trials

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=300), st.booleans())
    def test_bytes(self, server: SANAS, noise: bytes, in_body: bool) -> None:
        head = b"POST /v1/candidates HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        data = head + f"Content-Length: {len(noise)}\r\n\r\n".encode() + noise if in_body else noise
        with socket.create_connection(server.server_addr or ("", 0), timeout=20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            try:
                status = connection.recv(12)[9:12]
            except ConnectionError:
                status = b""
        assert status in (b"", b"400", b"404", b"405", b"421", b"422")
        assert not server.study.trials

    def test_the_server_is_as_before(self, server: SANAS) -> None:
        assert plain(server).get("/health") == (200, {"status": "ok"})


def test_two_thousand_hostile_requests(tmp_path: Path) -> None:
    """The same as ``python -m tests.distributed`` with 100,000, whose figures are in docs/many-machines.md."""
    found = run(2000, tmp_path)
    assert clean(found), found
    assert found["requests"] == 2000


def test_numpy_ports_and_wrong_addresses(serve: Serve) -> None:
    assert serve(server_addr=("", np.int64(0))).server_addr
    for address in (("", -1), ("", 70_000), ("", "8881"), (1, 2), "localhost", ("",), None):
        with pytest.raises(ConfigError, match="server_addr"):
            serve(server_addr=address)


def test_a_server_leaves_no_thread_behind(serve: Serve) -> None:
    before = threading.active_count()
    server = serve()
    assert threading.active_count() == before + 2
    server.close()
    server.close()
    assert threading.active_count() == before
