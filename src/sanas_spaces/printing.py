"""Text that may stand in a file whatever it was made of."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """The text with a question mark in a box for all letters that XML and UTF-8 files may not hold."""
    return _FORBIDDEN.sub("\ufffd", text)
