"""Ctrl-C at a moment when nothing is in the middle of a computation."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from .terminal import errors


class Interrupt:
    """Turns a first Ctrl-C into a request that is answered between training steps; a second one acts at once.

    An exception in the middle of a step could end the process inside Paddle, without a word on how to go on.
    """

    def __init__(self) -> None:
        self._requested = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise KeyboardInterrupt if it was asked for."""
        if self._requested:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        errors.print("\nstopping after this training step; press again to stop at once")
