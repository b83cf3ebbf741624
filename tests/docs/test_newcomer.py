"""What a newcomer does, from nothing: README's commands, as they are printed, to an ONNX file that reads a digit."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .pages import READMES, ROOT, blocks, headings

SECTIONS = ("Run a search", "Take the network away")
SECONDS = 360
NEEDED = ("src", "pyproject.toml", "README.md", "LICENSE")

READ_A_DIGIT = """
import json
import numpy as np, onnxruntime
from PIL import Image
from sklearn.datasets import load_digits

digits = load_digits()
Image.fromarray((digits.images[0] * 255 / 16).astype(np.uint8)).save("digit.png")

session = onnxruntime.InferenceSession("runs/search/export/network.onnx")
metadata = session.get_modelmeta().custom_metadata_map
told = {key: json.loads(metadata[key]) for key in ("classes", "mean", "std")}


def read(pixels):
    (scores,) = session.run(None, {"image": ((pixels - told["mean"][0]) / told["std"][0]).astype(np.float32)})
    return [told["classes"][index] for index in scores.argmax(1)]


print(*read(np.asarray(Image.open("digit.png"))[None, None] / 255), digits.target[0])
print(np.mean([int(text) for text in read(digits.images[:, None] / 16)] == digits.target))
"""


def printed(heading: str) -> str:
    """The command under a heading of README.md."""
    text = READMES[0].read_text(encoding="utf-8")
    first = text[: text.index(f"\n## {heading}\n")].count("\n") + 1
    return next(block.text for block in blocks(READMES[0], "bash") if block.line > first)


def test_readme_has_the_commands() -> None:
    assert {heading for _, heading in headings(READMES[0])} >= set(SECTIONS)
    search, export = (printed(heading) for heading in SECTIONS)
    assert search.startswith("python3.11 -m venv .venv && ")
    assert search.endswith("sanas search\n")
    assert export.endswith("sanas export runs/search\n")


@pytest.mark.slow
def test_from_an_empty_folder_to_a_network_that_reads_a_digit(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    quiet = os.getloadavg()[0] < 1
    begin, busy = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for name in NEEDED:  # the copy of the repository
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for heading in SECTIONS:
        command = ["bash", "-c", printed(heading)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # on a busy machine the clock tells nothing; what was computed was computed by one core, or nearly so
    spent = time.monotonic() - begin if quiet else after.ru_utime + after.ru_stime - busy.ru_utime - busy.ru_stime
    record_property("seconds", spent)
    assert spent < SECONDS, f"{spent:.0f} s"
    script = tmp_path / "read_a_digit.py"
    script.write_text(READ_A_DIGIT, encoding="utf-8")
    python = tmp_path / ".venv" / "bin" / "python"
    told = subprocess.run([python, script.name], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    digit, share = told.stdout.splitlines()
    assert digit == "0 0"
    assert float(share) > 0.9
