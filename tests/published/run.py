"""One script in a process of its own, since PaddleSlim's servers never end and the IR is chosen at the start."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

IRS = ("legacy", "pir")
CLIENT_MODULE = {"paddleslim": "common.controller_client", "sanas_spaces": "nas.controller_client"}
PASSED = 42
"""Exit status of a script that ran; PaddleSlim ends processes with 0."""


def result(package: str, name: str, ir: str) -> str | None:
    """None if the script passes, else its last error."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.published.run", package, name],
        env={**os.environ, "FLAGS_enable_pir_api": str(IRS.index(ir))},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if ran.returncode == PASSED:
        return None
    lines = [line for line in ran.stderr.splitlines() if "Error" in line and not line.startswith(" ")]
    return (lines[-1] if lines else f"ends with status {ran.returncode}")[:160].replace("|", "/")


def main(package: str, name: str) -> None:
    """Run a script and leave at once."""
    from .scripts import SCRIPTS

    warnings.simplefilter("ignore")
    status = 1
    try:
        import paddle

        paddle.enable_static()
        parts = ("nas", "nas.early_stop", "analysis", CLIENT_MODULE[package])
        modules = {part.rpartition(".")[2]: import_module(f"{package}.{part}") for part in parts}
        SCRIPTS[name](SimpleNamespace(**modules))
        status = PASSED
    except Exception:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
