"""The command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FLOPS = 20_000
SPACE = ["MobileNetV2BlockSpace", "--config", '{"block_mask": [1, 1]}', "--constraint", f"flops={FLOPS}"]
TINY = [*SPACE, "--epochs", "1"]
"""A search on the digits whose networks are trained in about a second."""


def sanas(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``sanas`` with these arguments, in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "sanas_spaces.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )
