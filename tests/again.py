"""The tests of a file once more in another mode, in a process of its own: a process has one IR."""

from __future__ import annotations

import os
import subprocess
import sys

from sanas_spaces.testing.modes import VARIABLE, mode_environment


def run_again(mode: str, file: str, *selection: str) -> None:
    """Run a test file in a process for ``mode``, unless this one was started for a mode."""
    if VARIABLE in os.environ:
        return
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection, file],
        env={**os.environ, **mode_environment(mode)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
