"""Send a server what no client sends, and look whether it minds.

    python -m tests.distributed --requests 100000

Malformed, oversized, half-open and unauthenticated requests go to a server of its own on the loopback address. In the
end it has to answer as before, nothing may be recorded, and its memory has to be what it was after the first tenth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from sanas_spaces.distributed import Transport

from .serving import ServerProcess

HOST = "127.0.0.1"
TIMEOUT = 20.0
PATHS = ("/v1/candidates", "/v1/candidates/0/reward", "/v1/candidates/0/failure", "/v1/candidates/0/heartbeat",
         "/v1/candidates/0/score", "/v1/candidates/0/pruned")  # fmt: skip
READ = ("/v1/status", "/v1/search", "/v1/info", "/metrics", "/v1/candidates/0", "/health", "/")
MOST_GROWTH_BYTES = 16 * 2**20
"""How much more memory a server may have than after the first tenth of the requests."""
Attack = Callable[[random.Random, str], tuple[bytes, bool]]


def request(method: str, path: str, body: bytes = b"", token: str = "", *headers: str) -> bytes:
    """A whole request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body)}", *headers]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def malformed(rng: random.Random, token: str) -> tuple[bytes, bool]:
    """A client that knows the token, and nothing else."""
    client, none = '"client":"x"', "null"
    bodies = [
        b"", b"{", b"[]", b"null", b'"text"', b"12", b"{}", b"\xff\xfe{}", b"[" * 5000, b'{"a":' * 3000,
        b'{"client":"x","client":2}', f"{{{client},\"more\":1}}".encode(), b'{"client":""}', b'{"client":"\\ud800"}',
        f'{{"client":"{"x" * 101}"}}'.encode(), b'{"client":["x"]}', b'{"client":"line\\nbreak"}',
        *(f'{{{client},"reward":{value}}}'.encode() for value in
          ("NaN", "Infinity", "-Infinity", "1e999", "9" * 500, "9" * 5000, '"1"', none, "true", "[1]", "{}",
           '{"hash":"x"}', '{"reward":NaN}')),
        f'{{{client},"reason":""}}'.encode(), f'{{{client},"reason":{none}}}'.encode(),
        f'{{{client},"step":-1,"score":1}}'.encode(), f'{{{client},"step":0.5,"score":1}}'.encode(),
        f'{{{client},"reward":1,"tokens":[-1]}}'.encode(), f'{{{client},"reward":1,"tokens":"0"}}'.encode(),
        rng.randbytes(rng.randrange(1, 300)),
    ]  # fmt: skip
    kind = rng.randrange(4)
    if kind == 0:
        noise = rng.randbytes(rng.randrange(1, 400))
        return noise, True
    if kind == 1:
        wrong = ["POST", "GET", "BREW", "OPTIONS", "DELETE", "TRACE", "CONNECT"]
        paths = [
            "/v1/candidates/-1/reward", f"/v1/candidates/{'9' * 5000}/reward", "/v1/candidates/999999/reward",
            "/v1/%00", "/../../etc/passwd", "//", "*", "/v1/candidates/1e3", "/" + "a" * 3000,
        ]  # fmt: skip
        return request(rng.choice(wrong), rng.choice(paths), b'{"client":"x","reward":1}', token), False
    if kind == 2:
        headers = ["Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded",
                   "Transfer-Encoding: chunked", "Content-Length: 7", "Expect: 100-continue", "Content-Length: -1",
                   "Upgrade: websocket\r\nConnection: Upgrade", "Authorization: Basic eA=="]  # fmt: skip
        return request("POST", rng.choice(PATHS[1:]), rng.choice(bodies), token, rng.choice(headers)), True
    path = rng.choice(PATHS)
    valid = [body for body in bodies if body != b'{"client":"x","client":2}']
    return request("POST", path, rng.choice(valid), token), False


def oversized(rng: random.Random, token: str) -> tuple[bytes, bool]:
    """Bodies and headers that are too long, announced or not."""
    kind = rng.randrange(5)
    if kind == 0:
        return request("POST", rng.choice(PATHS), b" " * rng.choice((65_537, 200_000)), token), True
    if kind == 1:
        lines = f"POST {PATHS[0]} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        lines += f"Content-Type: application/json\r\nContent-Length: {rng.choice((10**9, 10**18, 10**30))}\r\n\r\n"
        return lines.encode() + b"x" * 100, True
    if kind == 2:
        lines = f"POST {PATHS[0]} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        lines += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        return lines.encode() + b"8000\r\n" + b"x" * 0x8000 + b"\r\n" + b"9000\r\n" + b"x" * 0x9000 + b"\r\n", True
    if kind == 3:
        return request(
            "POST", PATHS[0], b"{}", token, *(f"X-{n}: {'y' * 900}" for n in range(rng.choice((30, 150))))
        ), True
    return b"GET /" + b"a" * rng.choice((20_000, 150_000)) + b" HTTP/1.1\r\n\r\n", True


def half_open(rng: random.Random, token: str) -> tuple[bytes, bool]:
    """The beginning of a request, or not even that; the rest never comes."""
    whole = request("POST", rng.choice(PATHS), b'{"client":"x","reward":1,"reason":"x","step":1,"score":1}', token)
    return whole[: rng.choice((0, 1, 20, len(whole) // 2, len(whole) - 1))], True


def unauthenticated(rng: random.Random, token: str) -> tuple[bytes, bool]:
    """Good requests of somebody who does not know the token."""
    given = rng.choice(("", token[:-1], token + "x", token.swapcase() + "1", "x" * len(token), "é" * 20, "null"))
    body = b'{"client":"x","reward":1}'
    method, path = rng.choice([*(("POST", path) for path in PATHS), *(("GET", path) for path in READ[:-2])])
    return request(method, path, body if method == "POST" else b"", given), False


ATTACKS: dict[str, Attack] = {
    "malformed": malformed, "oversized": oversized, "half-open": half_open, "unauthenticated": unauthenticated,
}  # fmt: skip


def attack(port: int, token: str, kind: str, seed: int, count: int, answers: Counter[str]) -> None:
    """Send ``count`` requests of one kind."""
    rng = random.Random(seed)
    left_open: list[socket.socket] = []
    for _ in range(count):
        data, ends = ATTACKS[kind](rng, token)
        connection = socket.socket()
        connection.settimeout(TIMEOUT)
        try:
            connection.connect((HOST, port))
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(data)
            if kind == "half-open":
                left_open.append(connection)
                answers["no answer expected"] += 1
                if len(left_open) > 30:
                    left_open.pop(rng.randrange(len(left_open))).close()
                continue
            if ends:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
            status = connection.recv(12)
            answers[status[9:12].decode("ascii", "replace") or "closed"] += 1
        except TimeoutError:
            answers["no answer"] += 1
        except OSError as error:
            answers[type(error).__name__] += 1
        if kind != "half-open":
            connection.close()
    for one in left_open:
        one.close()


def run(
    requests: int, folder: Path, *, seed: int = 0, tell: Callable[[str], object] = lambda text: None
) -> dict[str, object]:
    """Send the requests and return what was found.

    Args:
        requests: How many.
        folder: For the record.
        seed: Seed of the requests.
        tell: Called with a line on the way.
    """
    token = secrets.token_urlsafe(24)
    server = ServerProcess(folder / "record", SANAS_TOKEN=token)
    client = Transport(server.address, token=token, patience=30.0)
    memory = psutil.Process(server.process.pid).memory_info
    answers = {kind: Counter[str]() for kind in ATTACKS}
    try:
        before, first, began, rss = client.get("/v1/status")["counts"], memory().rss, time.monotonic(), []
        for tenth in range(10):
            threads = [
                threading.Thread(
                    target=attack,
                    args=(server.port, token, kind, seed + tenth, requests // 10 // len(ATTACKS), answers[kind]),
                )
                for kind in ATTACKS
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            rss.append(memory().rss)
            assert client.get("/health") == {"status": "ok"}
            tell(f"{(tenth + 1) * 10} %: {rss[-1] / 2**20:.1f} MiB, {time.monotonic() - began:.0f} s\n")
        after = client.get("/v1/status")["counts"]
        journal = sum(b'"op_code":4' in line for path in (folder / "record").glob("*.journal")
                      for line in path.read_bytes().splitlines())  # fmt: skip
    finally:
        server.kill()
    return {
        "requests": sum(sum(one.values()) for one in answers.values()),
        "seconds": round(time.monotonic() - began, 1),
        "answers": {kind: dict(found.most_common()) for kind, found in answers.items()},
        "rss_before": first,
        "rss_after_a_tenth": rss[0],
        "rss_after": rss[-1],
        "recorded": journal,
        "counts_before": before,
        "counts_after": after,
    }


def clean(found: dict[str, object]) -> bool:
    """Whether nothing was recorded, everybody was refused, and memory is flat."""
    accepted = {"200", "201", "202", "500", "no answer", "ConnectionRefusedError"}
    answers: dict[str, dict[str, int]] = found["answers"]  # type: ignore[assignment]
    return (
        found["recorded"] == 0
        and found["counts_before"] == found["counts_after"]
        and not accepted & set(answers["unauthenticated"])
        and not {"500", "no answer", "ConnectionRefusedError"} & {status for one in answers.values() for status in one}
        and int(str(found["rss_after"])) - int(str(found["rss_after_a_tenth"])) < MOST_GROWTH_BYTES
    )


def main() -> None:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(arguments.requests, Path(folder), seed=arguments.seed, tell=sys.stderr.write)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    sys.stdout.flush()
    os._exit(not clean(found))


if __name__ == "__main__":
    main()
