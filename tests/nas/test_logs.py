"""The logger of PaddleSlim's scripts."""

from __future__ import annotations

import logging

import pytest

from sanas_spaces.nas import get_logger


def test_lines_are_written_once(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        logger = get_logger("a script", logging.INFO, "%(levelname)s: %(message)s")
    logger.info("step %d", 3)
    logger.debug("not this")
    logger.handlers[0].flush()
    assert capsys.readouterr().err == "INFO: step 3\n"
    assert not caplog.records
