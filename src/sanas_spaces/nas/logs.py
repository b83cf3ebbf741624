"""The logger that PaddleSlim's scripts write with."""

from __future__ import annotations

import logging

FORMAT = "%(asctime)s-%(levelname)s: %(message)s"


def get_logger(name: str, level: int, fmt: str = FORMAT) -> logging.Logger:
    """A logger of a script that writes to the terminal, and to no other logger.

    Args:
        name: Its name.
        level: Least level that is written.
        fmt: Format of a line.
    """
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler())
    for handler in logger.handlers:
        handler.setFormatter(logging.Formatter(fmt))
    return logger
