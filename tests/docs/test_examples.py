"""Every example runs and prints what it is about."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT, blocks
from .test_pages import run

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRINTS = {
    "costs": "FLOPs                312,339,328",
    "custom_space": "feature  [4, 128, 16, 16]",
    "custom_space_ops": "3,809,280",
    "detection_backbone": "after 60 steps",
    "ray_cluster": "best   ",
    "sanas_dygraph": "best   ",
    "sanas_static": "best   ",
}


def test_all_examples_are_known() -> None:
    assert {path.stem for path in EXAMPLES} == set(PRINTS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path: Path, tmp_path: Path) -> None:
    printed = run(path, tmp_path)
    assert PRINTS[path.stem] in printed
    for accuracy in re.findall(r"accuracy (0\.\d+)", printed):
        assert 0.1 < float(accuracy) <= 1  # ten classes: better than guessing


@pytest.mark.parametrize(("example", "suite"), [("custom_space", "Build"), ("custom_space_ops", "Space")])
def test_tutorial_passes_the_conformance_suite(example: str, suite: str, tmp_path: Path) -> None:
    """With the test classes on the page, in a process of its own, since registering a space is for good."""
    source = (ROOT / "examples" / f"{example}.py").read_text(encoding="utf-8").partition("def main")[0]
    shown = blocks(ROOT / "docs" / "custom-spaces.md", "python")
    tests = next(block.text for block in shown if f"({suite}Conformance):" in block.text)
    script = tmp_path / "test_tutorial.py"
    script.write_text(source + tests, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(("example", "name"), [("custom_space", "ResetBlockSpace"), ("custom_space_ops", "WithOps")])
def test_tutorial_shows_the_example(example: str, name: str) -> None:
    """The class on the page is the one in the example."""
    text = (ROOT / "examples" / f"{example}.py").read_text(encoding="utf-8")
    source = text[text.index("@SEARCHSPACE.register") : text.index("def main")].strip()
    assert name in source
    assert any(source in block.text for block in blocks(ROOT / "docs" / "custom-spaces.md", "python"))
