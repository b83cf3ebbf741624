"""The published scripts pass here, in both IRs, unless they call what Paddle itself removed under PIR.

Those that pass under PIR, Paddle's default, run in the legacy IR with ``--slow``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .run import result
from .scripts import NOT_UNDER_PIR, SCRIPTS

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
BOTH = [name for name in SCRIPTS if name not in NOT_UNDER_PIR]
CASES = [
    *(pytest.param(name, "pir") for name in BOTH),
    *(pytest.param(name, "legacy", marks=pytest.mark.slow) for name in BOTH),
    *(pytest.param(name, "legacy") for name in NOT_UNDER_PIR),
]


@pytest.mark.parametrize(("name", "ir"), CASES, ids=lambda value: str(value))
def test_script_passes(name: str, ir: str) -> None:
    assert result("sanas_spaces", name, ir) is None


def test_the_page_has_a_row_for_each_script() -> None:
    section = PAGE.split("\n## PaddleSlim's published scripts\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(.+?)` \| (.*) \|$", section, re.MULTILINE))
    listed = set()
    for label in rows:
        path, _, detail = label.partition(": ")
        names = [name for name in SCRIPTS if name == label or (not detail and name.startswith(path))]
        assert names, label
        listed |= set(names)
        ours = rows[label].split(" | ")[2:4]
        removed = any(name in NOT_UNDER_PIR for name in names)
        assert ours == ["passes", "calls what Paddle removed" if removed else "passes"], label
    assert listed == set(SCRIPTS)
