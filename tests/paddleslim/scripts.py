"""Scripts that use the real PaddleSlim, each in a process of its own: its servers never end by themselves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

_BEGINNING = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
def leave(found):
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)
    os._exit(0)
"""


def free_port() -> int:
    """A port that no server uses now; PaddleSlim keeps a port busy for a minute after its end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(script: str, folder: Path, **environment: str) -> Any:
    """Run a script that ends with ``leave(found)``, and return what it found."""
    result = folder / "found.json"
    ran = subprocess.run(
        [sys.executable, "-c", _BEGINNING + script, str(result)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        cwd=folder,
    )
    assert result.exists(), ran.stderr[-3000:]
    return json.loads(result.read_text())
