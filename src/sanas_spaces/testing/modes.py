"""The three ways in which Paddle runs a network; each process tests one."""

from __future__ import annotations

import os

MODES = ("pir", "legacy", "dygraph")
VARIABLE = "SANAS_TEST_MODE"
PADDLE_VARIABLE = "FLAGS_enable_pir_api"


def mode() -> str:
    """The mode of this process, from the environment variable ``SANAS_TEST_MODE``; ``pir`` by default.

    Raises:
        ValueError: The variable has another value, or Paddle's own variable does not fit it.
    """
    chosen = os.environ.get(VARIABLE, "pir")
    if chosen not in MODES:
        raise ValueError(f"{VARIABLE} = {chosen!r}: expected one of {', '.join(MODES)}")
    if mode_environment(chosen)[PADDLE_VARIABLE] != os.environ.get(PADDLE_VARIABLE, "1"):
        raise ValueError(f"{VARIABLE} = {chosen!r} needs {PADDLE_VARIABLE} = {0 if chosen == 'legacy' else 1}")
    return chosen


def mode_environment(chosen: str) -> dict[str, str]:
    """Environment variables that a process needs to test ``chosen``."""
    return {VARIABLE: chosen, PADDLE_VARIABLE: "0" if chosen == "legacy" else "1"}
