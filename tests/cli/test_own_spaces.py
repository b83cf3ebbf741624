"""Spaces of one's own in every command: ``--import`` of a file or of a module."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import load_arch
from sanas_spaces.evaluate import load_dataset
from sanas_spaces.export.onnx_model import onnx_is_installed

from .running import sanas

OWN = """
from sanas_spaces import SEARCHSPACE, BlockSpace, TokenRow, choice, ops


@SEARCHSPACE.register
class OwnBlocks(BlockSpace):
    \"\"\"A convolution a block.\"\"\"

    class Row(TokenRow):
        channels = choice(8, 12, 16)
        kernel = choice(3, 5)

    prefix = "own"

    def block(self, x, row, stride, name):
        y = ops.conv_bn(x, row.channels, row.kernel, stride=stride, act="relu", name=name)
        return y, y
"""
RAW = """
import paddle

from sanas_spaces import SEARCHSPACE, SearchSpaceBase


@SEARCHSPACE.register
class RawSpace(SearchSpaceBase):
    def init_tokens(self):
        return [0, 0]

    def range_table(self):
        return [3, 3]

    def token2arch(self, tokens=None):
        widths = [4 * (token + 1) for token in tokens or self.init_tokens()]

        def net_arch(input):
            y = paddle.nn.functional.relu(paddle.nn.Conv2D(input.shape[1], widths[0], 3, stride=2)(input))
            return paddle.nn.functional.relu(paddle.nn.Conv2D(widths[0], widths[1], 3)(y))

        return net_arch
"""
CONFIG = '{"block_mask": [1, 1]}'
IMPORT = ["--import", "own_spaces.py"]
TOKENS = "2,1,1,0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of spaces, a run of one of them, and a search that a script began."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_spaces.py").write_text(OWN)
    (folder / "raw_spaces.py").write_text(RAW)
    options = ["--config", CONFIG, "--epochs", "1", "--steps", "2", "--output", "run"]
    done = sanas("search", "OwnBlocks", *options, *IMPORT, folder=folder)
    assert done.returncode == 0, done.stderr
    script = (
        "import own_spaces, sanas_spaces; sanas_spaces.search([('OwnBlocks', {'block_mask': [1, 1]})], "
        "lambda one: -one.cost.params, steps=2, folder='script', seed=0, input_shape=(1, 8, 8))"
    )
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)
    return folder


def told(folder: Path, *typed: str) -> Any:
    done = sanas(*typed, "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_is_shown_and_drawn(folder: Path, tmp_path: Path) -> None:
    drawing = tmp_path / "network.svg"
    done = sanas("show", "run", *IMPORT, "--draw", str(drawing), folder=folder)
    assert done.returncode == 0, done.stderr
    best = json.loads((folder / "run" / "best.json").read_text())
    assert [line.split()[0] for line in done.stdout.splitlines()[1:5]] == [str(token) for token in best["tokens"]]
    assert "OwnBlocks on 1x8x8" in done.stdout
    assert "OwnBlocks" in drawing.read_text()
    shown = told(folder, "show", "OwnBlocks", *IMPORT, "--config", CONFIG, "--tokens", TOKENS, "--shape", "1x8x8")
    assert shown["choices"]["block 1 channels"] == 16
    assert "OwnBlocks" in {row["name"] for row in told(folder, "spaces", "--import", "own_spaces")}


def test_a_run_is_exported_without_its_space_and_other_tokens_with_it(folder: Path, tmp_path: Path) -> None:
    """What was trained is kept as layers; other tokens need the space."""
    written = told(folder, "export", "run", "--output", str(tmp_path / "best"))
    best = json.loads((folder / "run" / "best.json").read_text())
    assert load_arch(written["json"]).tokens == best["tokens"]
    assert {"paddle", "weights", "json"} <= set(written)
    other = ["export", "run", "--tokens", TOKENS, "--output", str(tmp_path / "other")]
    written = told(folder, *other, *IMPORT)
    assert load_arch(written["json"]).cost().output_shape == (10,)
    without = sanas(*other, folder=folder)
    assert without.returncode == 2
    assert "'OwnBlocks' is not registered" in without.stderr
    assert "--import MODULE or FILE.py" in without.stderr


def test_a_run_is_trained(folder: Path, tmp_path: Path) -> None:
    command = ["train", "run", *IMPORT, "--epochs", "1", "--warm-up", "0"]
    done = sanas(*command, "--output", str(tmp_path), folder=folder)
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout
    again = sanas("train", "run", *IMPORT, "--output", str(tmp_path), "--resume", folder=folder)
    assert again.returncode == 0, again.stderr


def test_a_run_is_continued_by_workers(folder: Path) -> None:
    """Modules reach the processes of workers."""
    done = sanas("resume", "run", "--steps", "3", "--workers", "2", *IMPORT, folder=folder)
    assert done.returncode == 0, done.stderr
    assert told(folder, "status", "run")["candidates"]["complete"] == 3
    without = sanas("resume", "run", folder=folder)
    assert without.returncode == 2
    assert "--import MODULE or FILE.py" in without.stderr


def test_runs_are_compared_and_reported(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert told(folder, "report", "run", *IMPORT, "--output", str(page)) == {"report": str(page)}
    assert "sanas-net" in page.read_text()
    beside = told(folder, "compare", "run", "script", *IMPORT)
    assert beside["settings"]["input"] == ["1x8x8", "1x8x8"]
    written = told(folder, "export", "run", "--format", "json", "--output", str(tmp_path))["json"]
    beside = told(folder, "compare", "run", written, *IMPORT)
    assert beside["choices"]["block 1 kernel"][0] == beside["choices"]["block 1 kernel"][1]
    assert beside["figures"]["params"][1] > beside["figures"]["params"][0]  # with its classifier
    without = sanas("compare", "run", written, folder=folder)
    assert without.returncode == 2
    assert "'OwnBlocks' is not registered" in without.stderr


def test_a_search_of_a_script_is_exported_and_trained(folder: Path, tmp_path: Path) -> None:
    formats = ["--format", "json", "--format", "python"]
    written = told(folder, "export", "script", *formats, *IMPORT, "--output", str(tmp_path))
    network = load_arch(written["json"])
    assert network.tokens == told(folder, "status", "script")["best"][0]["tokens"]
    assert network.cost().output_shape[1:] == (2, 2)
    chosen = told(folder, "export", "script", "--tokens", TOKENS, *formats, *IMPORT, "--output", str(tmp_path))
    assert load_arch(chosen["json"]).tokens == [2, 1, 1, 0]
    refused = sanas("export", "script", "--format", "onnx", *IMPORT, folder=folder)
    assert refused.returncode == 2
    assert "have no trained weights, which onnx needs" in refused.stderr
    assert "sanas train script --tokens" in refused.stderr
    refused = sanas("train", "script", *IMPORT, folder=folder)
    assert refused.returncode == 2
    assert "tell them with --data" in refused.stderr
    training = ["--data", "digits", "--epochs", "1", "--warm-up", "0", "--output", str(tmp_path / "trained")]
    done = sanas("train", "script", *IMPORT, *training, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "weights" in told(folder, "export", str(tmp_path / "trained"))


def test_a_space_that_calls_paddle_itself(folder: Path) -> None:
    """It has no description: searched, reported, exported from its inference model; the rest says why not."""
    raw = ["--import", "raw_spaces.py"]
    done = sanas("search", "RawSpace", "--epochs", "1", "--steps", "1", "--output", "raw", *raw, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "FLOPs" not in done.stdout
    assert json.loads((folder / "raw" / "best.json").read_text())["cost"] == {}
    assert (folder / "raw" / "report.html").is_file()
    assert (folder / "raw" / "model" / "network.pdiparams").is_file()
    written = told(folder, "export", "raw")
    assert Path(written["paddle"]).name == "network.json"
    if onnx_is_installed():
        import onnxruntime

        test = load_dataset("digits", seed=0).test
        session = onnxruntime.InferenceSession(str(folder / written["onnx"]))
        (scores,) = session.run(["output"], {"image": test.images})
        expected = json.loads((folder / "raw" / "best.json").read_text())["test_accuracy"]
        assert (scores.argmax(1) == test.labels).mean() == pytest.approx(expected, abs=1e-9)
        assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == list("0123456789")
    for command in (["show", "raw"], ["export", "raw", "--format", "json"], ["export", "raw", "--tokens", "0,0"]):
        done = sanas(*command, *raw, folder=folder)
        assert done.returncode == 2, done.stdout
        assert "Paddle itself" in done.stderr or "can be called but not described" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "code", "message"),
    [
        ("nothing.py", None, "--import nothing.py: there is no such file"),
        ("no_such_module", None, "--import no_such_module: it cannot be imported (ModuleNotFoundError"),
        ("broken.py", "x = 1\nraise ValueError('no luck')\n", "(broken.py line 2: ValueError: no luck)"),
        ("syntax.py", "def f(:\n", "SyntaxError"),
        ("json.py", "x = 1\n", "'json' is the name of another module"),
        ("taken.py", "from sanas_spaces import SEARCHSPACE\n\n\n@SEARCHSPACE.register\nclass DartsSpace:\n    pass\n",
         "the name is taken by module"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_told_in_one_line(
    tmp_path: Path, module: str, code: str | None, message: str
) -> None:
    if code is not None:
        (tmp_path / module).write_text(code)
    command = [str(Path(sys.executable).with_name("sanas")), "spaces", "--import", module]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
