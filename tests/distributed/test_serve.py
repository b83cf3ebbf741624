"""``sanas serve``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from sanas_spaces import SANAS

from .serving import CONFIGS

COMMAND = ["serve", "MobileNetV2BlockSpace", "--config", '{"block_mask": [0, 1]}', "--port", "0", "--seed", "1"]


def start(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """The command, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "sanas_spaces.cli", *COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    found = re.search(r"listening at http://127\.0\.0\.1:(\d+), ", process.stdout.readline())
    assert found
    return process, int(found[1])


def test_serve_until_finished_and_go_on(tmp_path: Path) -> None:
    process, port = start(tmp_path, "--steps", "5", "--output", "run")
    client = SANAS(CONFIGS, server_addr=("127.0.0.1", port), is_server=False)
    for _ in range(3):
        client.next_archs()
        client.reward(1.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "best reward 1.0, tokens [" in output
    process, port = start(tmp_path, "--steps", "5", "--output", "run", "--resume", "--until-finished")
    client = SANAS(CONFIGS, server_addr=("127.0.0.1", port), is_server=False)
    for _ in range(2):
        client.next_archs()
        client.reward(2.0)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "best reward 2.0" in output


def test_serve_says_what_is_wrong(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SANAS_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "sanas_spaces.cli", *COMMAND, "--host", "0.0.0.0"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "so the server needs a token" in done.stderr.replace("\n", " ")
