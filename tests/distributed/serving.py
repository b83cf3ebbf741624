"""A server in a process of its own: ``python -m tests.distributed.serving FOLDER PORT STEPS``; ends with its input.

The token, if it should have one, is in the environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONFIGS: list[Any] = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]


class ServerProcess:
    """Starts it and knows its port."""

    def __init__(self, folder: Path, *, port: int = 0, steps: int = 10**6, lease: float = 60.0, **env: str) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]), **env}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.distributed.serving", str(folder), str(port), str(steps), str(lease)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().split()
        assert line, "the server did not start"
        self.port = int(line[0])
        self.address = "127.0.0.1", self.port

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def main(folder: str, port: str, steps: str, lease: str) -> None:
    """Serve."""
    from sanas_spaces import SANAS

    again = folder if Path(folder).exists() and any(Path(folder).glob("*.journal")) else None
    sanas = SANAS(
        CONFIGS,
        server_addr=("", int(port)),
        search_steps=int(steps),
        save_checkpoint=folder,
        load_checkpoint=again,
        seed=3,
        algorithm="random",
        lease=float(lease),
    )
    sys.stdout.write(f"{sanas.server_addr[1] if sanas.server_addr else 0}\n")
    sys.stdout.flush()
    sys.stdin.read()
    sanas.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
