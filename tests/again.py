"""The tests of a file in another mode, in a process of its own: a process has one IR."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sanas_spaces.testing.modes import VARIABLE, mode_environment

TESTS = Path(__file__).parent
BUILT = "(trains or cost) and (initial or smallest)"
"""Of the conformance suite, what a mode can change, for two networks of each space."""


def run_in(mode: str, file: str, *selection: str) -> str:
    """Run a test file in a process for ``mode``, and return what pytest prints."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection, file],
        env={**os.environ, **mode_environment(mode)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    return done.stdout


def run_again(mode: str, file: str, *selection: str) -> None:
    """Run a test file once more in a process for ``mode``, unless this one was started for a mode."""
    if VARIABLE not in os.environ:
        run_in(mode, file, *selection)


def run_whole(mode: str, file: str, request: pytest.FixtureRequest, quick: str = "") -> None:
    """Run all tests of a file in a process for ``mode``, or those that match ``quick`` unless slow ones are wanted."""
    selection = ["--slow"] if request.config.getoption("--slow") else ["-k", quick]
    assert "skipped" not in run_in(mode, str(TESTS / file), *selection)
