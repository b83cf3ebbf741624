"""Ctrl-C while something is written that should be written whole."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Shield:
    """Lets a first Ctrl-C wait until the end of the ``with`` block; a second one acts at once.

    Only Python's own handler is put off: who has a handler of their own, or runs the search in another thread, decides
    themselves.
    """

    def __enter__(self) -> Shield:
        self._pressed = False
        self._before: Any = None
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._pressed and kind is None:
                raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True
