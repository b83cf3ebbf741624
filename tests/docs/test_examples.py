"""Every example runs and prints what it is about."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sanas_spaces.export.onnx_model import onnx_is_installed

from .pages import ROOT, blocks
from .test_pages import run

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRINTS = {
    "block_search": "best   ",
    "constraint": "no network of MobileNetV2BlockSpace was found that meets flops <= 1,000",
    "costs": "FLOPs                312,339,328",
    "custom_space": "feature  [4, 128, 16, 16]",
    "custom_space_ops": "3,809,280",
    "detection_backbone": "after 60 steps",
    "distributed": "best   ",
    "export": "Python source:",
    "pareto": "<- knee",
    "ray_cluster": "best   ",
    "resume": "stopped while candidate 2 was evaluated",
    "sanas_dygraph": "best   ",
    "sanas_static": "best   ",
    "whole_network": "on test images it has the accuracy",
}
SMALLER: dict[str, dict[str, object]] = {
    "block_search": {"CANDIDATES": 2, "EPOCHS": 1},
    "constraint": {"CANDIDATES": 2, "EPOCHS": 1},
    "distributed": {"CANDIDATES": 3, "EPOCHS": 1},
    "export": {"CANDIDATES": 1, "EPOCHS": 1},
    "pareto": {"CANDIDATES": 3, "EPOCHS": 1},
    "resume": {"CANDIDATES": 4, "STOP_AFTER": 2},
    "sanas_dygraph": {"CANDIDATES": 2, "EPOCHS": 2},
    "sanas_static": {"CANDIDATES": 2, "EPOCHS": 2},
    "whole_network": {"CANDIDATES": 1, "SIZE": 8, "FLOPS": 0.5e6},
}
"""What the examples are run with here, to take seconds."""


def test_all_examples_are_known() -> None:
    assert {path.stem for path in EXAMPLES} == set(PRINTS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path: Path, tmp_path: Path) -> None:
    printed = run(_smaller(path, tmp_path), tmp_path)
    assert PRINTS[path.stem] in printed
    for accuracy in re.findall(r"accuracy (0\.\d+)", printed):
        assert 0.1 < float(accuracy) <= 1  # ten classes: better than guessing
    if path.stem in FURTHER:
        FURTHER[path.stem](printed, tmp_path)


def _smaller(path: Path, folder: Path) -> Path:
    """The example with the smaller settings, or as it is."""
    if path.stem not in SMALLER:
        return path
    source = path.read_text(encoding="utf-8")
    for name, value in SMALLER[path.stem].items():
        source, found = re.subn(rf"^{name} = [\w.]+", f"{name} = {value!r}", source, flags=re.MULTILINE)
        assert found == 1, f"{path.name} has no setting {name}"
    script = folder / path.name
    script.write_text(source, encoding="utf-8")
    return script


def _constraint(printed: str, folder: Path) -> None:
    figures = re.findall(r"FLOPs +([\d,]+)  parameters +([\d,]+)", printed)
    assert len(figures) == 2
    for flops, params in figures:
        assert int(flops.replace(",", "")) <= 200_000
        assert 8_000 <= int(params.replace(",", "")) <= 16_000


def _pareto(printed: str, folder: Path) -> None:
    (front,) = (folder / "runs" / "pareto").iterdir()
    assert front.read_bytes().startswith(b"\x89PNG")
    flops = [int(number.replace(",", "")) for number in re.findall(r"FLOPs +([\d,]+)  tokens", printed)]
    assert flops == sorted(flops, reverse=True)  # less accurate ones are on the front because they are smaller


def _resume(printed: str, folder: Path) -> None:
    assert printed.count("same tokens as without the stop") == 4
    assert "OTHER" not in printed


def _export(printed: str, folder: Path) -> None:
    accuracies = re.findall(r"accuracy (0\.\d+)", printed)
    assert len(accuracies) == 3 + onnx_is_installed()  # trained, inference model, Python source, ONNX
    assert len(set(accuracies)) == 1


def _distributed(printed: str, folder: Path) -> None:
    assert sorted(re.findall(r"^candidate (\d)", printed, re.MULTILINE)) == ["0", "1", "2"]
    assert sum(map(int, re.findall(r"a client has evaluated (\d) candidates", printed))) == 3
    assert printed.count("a client has evaluated") == 2


FURTHER = {
    "constraint": _constraint,
    "pareto": _pareto,
    "resume": _resume,
    "export": _export,
    "distributed": _distributed,
}


@pytest.mark.parametrize("name", ["examples.md", "examples.zh-CN.md"])
def test_the_page_lists_all_examples(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    listed = re.findall(r"^\| `examples/(.+?)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_file())


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
