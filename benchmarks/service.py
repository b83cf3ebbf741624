"""Candidates per second that a server gives to many clients and takes rewards for, here and in PaddleSlim.

    python benchmarks/service.py --paddleslim PYTHON

PYTHON is the interpreter of an environment with PaddleSlim 2.6.0, as tests/golden/record.py describes it. Each client
asks for a candidate and rewards it at once, so all of the time is that of the server and of the network. The record is
on disk: here a journal that is synchronised before a request is answered, there the checkpoint that is written, without
being synchronised, after each reward. Clients are threads of four processes, with the ControllerClient of either
library.

Quick clients end PaddleSlim's server: it changes a dictionary of their names while it goes through it. Here they all
have one name, which avoids that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONFIGS: list[Any] = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
PROCESSES = 4
SERVERS = {
    "sanas_spaces": """
import json, os, sys
from sanas_spaces import SANAS
folder, configs = sys.argv[1], [tuple(one) for one in json.loads(sys.argv[2])]
sanas = SANAS(configs, server_addr=("127.0.0.1", 0), search_steps=10**9, seed=1, algorithm=sys.argv[3],
              save_checkpoint=folder or None)
print(sanas.server_addr[1], flush=True)
sys.stdin.read()
info = sanas.server and [entry.reward for entry in sanas._engine.record.entries]
sanas.close()
os.write(1, (json.dumps(info) + "\\n").encode())
os._exit(0)
""",
    "paddleslim": """
import json, os, socket, sys, threading
out = os.dup(1)
os.dup2(2, 1)
from paddleslim.nas import SANAS
folder, configs = sys.argv[1], [tuple(one) for one in json.loads(sys.argv[2])]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
# a rate below 1 makes the temperature 0 after 4,590 rewards, which ends the server with a division by zero
sanas = SANAS(configs, server_addr=("127.0.0.1", port), search_steps=10**9, reduce_rate=1.0, init_temperature=1e9,
              save_checkpoint=folder or None)
os.write(out, f"{port}\\n".encode())
sys.stdin.read()
os.write(out, b"null\\n")
os._exit(0)
""",
}
CLIENTS = """
import json, os, sys, threading, time
out = os.dup(1)
os.dup2(2, 1)
package, port, threads, each, configs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
if package == "paddleslim":
    import logging
    logging.disable(logging.CRITICAL)
    from paddleslim.common.controller_client import ControllerClient
else:
    from sanas_spaces.nas.controller_client import ControllerClient
key = str([tuple(one) for one in json.loads(configs)])
done = [0] * threads
def work(number):
    name = "one for all" if package == "paddleslim" else f"client {os.getpid()} {number}"
    client = ControllerClient("127.0.0.1", port, key=key, client_name=name)
    for step in range(each):
        tokens = client.next_tokens()
        done[number] += bool(client.update(tokens, float(sum(tokens)), step + 1))
workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
os.write(out, b"ready\\n")
sys.stdin.readline()
for worker in workers: worker.start()
for worker in workers: worker.join()
os.write(out, f"{sum(done)}\\n".encode())
"""


def measure(package: str, python: str, clients: int, candidates: int, durable: bool, algorithm: str) -> dict[str, Any]:
    """Candidates per second of one server with so many clients; None if it did not survive them."""
    environment = {**os.environ, "FLAGS_enable_pir_api": "0", "GLOG_minloglevel": "2"}

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, "-W", "ignore", "-c", code, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    processes = min(PROCESSES, clients)
    each = candidates // clients
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "record") if durable else ""
        server = start(SERVERS[package], place, json.dumps(CONFIGS), algorithm)
        assert server.stdout
        assert server.stdin
        port = server.stdout.readline().strip()
        threads = [clients // processes + (number < clients % processes) for number in range(processes)]
        groups = [start(CLIENTS, package, port, str(count), str(each), json.dumps(CONFIGS)) for count in threads]
        for group in groups:
            assert group.stdout
            group.stdout.readline()
        began = time.monotonic()
        for group in groups:
            assert group.stdin
            group.stdin.write("\n")
            group.stdin.flush()
        rewarded = 0
        for group in groups:
            assert group.stdout
            rewarded += int(group.stdout.readline().strip() or 0)
            group.wait()
        seconds = time.monotonic() - began
        server.stdin.close()
        recorded = json.loads(server.stdout.readline() or "null")
        server.wait(60)
    found: dict[str, Any] = {
        "server": package, "clients": clients, "durable": durable, "rewarded": rewarded,
        "survived": rewarded == each * clients, "seconds": round(seconds, 1),
        "per_second": round(rewarded / seconds, 1),
    }  # fmt: skip
    if recorded is not None:
        found["recorded"] = len([reward for reward in recorded if reward is not None])
    return found


def main() -> None:
    """Print a line per measurement, and the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--algorithm", default="random")
    parser.add_argument("--paddleslim", metavar="PYTHON", help="interpreter with PaddleSlim 2.6.0")
    parser.add_argument("--paddleslim-clients", type=int, nargs="+", help="numbers to try; default: --clients and less")
    arguments = parser.parse_args()

    def show(found: dict[str, Any]) -> dict[str, Any]:
        print(json.dumps(found), flush=True)
        return found

    ours = {
        durable: show(measure("sanas_spaces", sys.executable, arguments.clients, arguments.candidates, durable,
                              arguments.algorithm))
        for durable in (True, False)
    }  # fmt: skip
    if not arguments.paddleslim:
        return
    for durable in (True, False):
        for clients in arguments.paddleslim_clients or (arguments.clients, 50, 20, 10, 4, 1):
            theirs = show(measure("paddleslim", arguments.paddleslim, clients, arguments.candidates, durable, ""))
            if theirs["survived"]:
                ratio = ours[durable]["per_second"] / theirs["per_second"]
                print(f"{'durable' if durable else 'in memory'}: {ratio:.2f} times PaddleSlim's with {clients} clients")
                break


if __name__ == "__main__":
    main()
