"""The likeliest mistakes: each is answered by one line that names value, place and expectation, and by exit code 2."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from typer.testing import CliRunner

from sanas_spaces.cli.app import app

BLOCKS = "MobileNetV2BlockSpace"


class Mistake(NamedTuple):
    """What somebody types, and what the answer has to contain."""

    name: str
    typed: list[str]
    told: list[str]


MISTAKES = [
    Mistake("misspelt command", ["serach"], ["No such command 'serach'"]),
    Mistake("misspelt option", ["search", "--step", "3"], ["--step", "--steps"]),
    Mistake("misspelt space", ["search", "MobilenetV2Space"], ["'MobilenetV2Space'", "did you mean MobileNetV2Space"]),
    Mistake(
        "misspelt key of a config",
        ["search", BLOCKS, "--config", '{"block_maks": [0, 1]}'],
        [BLOCKS, "'block_maks'", "did you mean 'block_mask'?"],
    ),
    Mistake(
        "mask with 2",
        ["search", BLOCKS, "--config", '{"block_mask": [0, 2]}'],
        ["block_mask[1] = 2", "expected 0 (keep the size) or 1"],
    ),
    Mistake("config is no JSON", ["search", BLOCKS, "--config", "{block_mask: 1}"], ["--config '{block_mask: 1}'"]),
    Mistake("config is a file", ["search", "--config", "search.yaml"], ["--config 'search.yaml'", "given with -c"]),
    Mistake("one config too many", ["show", "ResNetSpace", *["--config", "{}"] * 2], ["2 configs for 1 spaces"]),
    Mistake("too few tokens", ["show", "ResNetSpace", "--tokens", "1,2"], ["too few tokens", "2", "8"]),
    Mistake("too many tokens", ["show", "ResNetSpace", "--tokens", "0" + ",0" * 8], ["too many tokens", "9", "8"]),
    Mistake(
        "token out of range",
        ["search", "ResNetSpace", "--tokens", "9,0,0,0,0,0,0,0"],
        ["token 0 = 9", "stage 1 filters has 7 choices"],
    ),
    Mistake("tokens are no numbers", ["search", "--tokens", "a,b"], ["--tokens 'a,b'", "expected whole numbers"]),
    Mistake("bad shape", ["show", "ResNetSpace", "--shape", "32x32"], ["--shape '32x32'", "expected CxHxW"]),
    Mistake(
        "impossible constraint",
        ["search", "--constraint", "flops=10"],
        [f"no network of {BLOCKS} was found", "flops"],
    ),
    Mistake("unknown metric", ["search", "--constraint", "flop=1e6"], ["unknown metric 'flop'", "flops"]),
    Mistake("constraint without a bound", ["search", "--constraint", "flops"], ["'flops'", "expected METRIC=HIGH"]),
    Mistake("no such data", ["search", "--data", "photos"], ["photos", "no such file or folder"]),
    Mistake("data without classes", ["search", "--data", "flat"], ["flat", "class"]),
    Mistake("folder holds a run", ["search", "--output", "done"], ["done holds a run already", "--resume", "--output"]),
    Mistake("nothing to resume", ["resume", "nothing"], ["nothing holds no run", "run.json is missing"]),
    Mistake("nothing to resume, by search", ["search", "--resume"], ["search holds no run", "run.json is missing"]),
    Mistake("damaged run.json", ["resume", "damaged"], ["run.json cannot be read", "line 1"]),
    Mistake("run.json of another kind", ["resume", "done"], ["run.json", "'configs' is missing"]),
    Mistake("unknown algorithm", ["search", "--algorithm", "anealing"], ["'anealing'", "did you mean 'annealing'?"]),
    Mistake("unknown pruner", ["search", "--pruner", "medium"], ["'medium'", "did you mean 'median'?"]),
    Mistake("bad budgets", ["search", "--budgets", "3"], ["expected at least two rising whole numbers"]),
    Mistake("zero steps", ["search", "--steps", "0"], ["'--steps'", "'0'", "1"]),
    Mistake("steps are no number", ["search", "--steps=few"], ["'--steps'", "'few'", "integer"]),
    Mistake("bad limit", ["search", "--workers", "2", "--time-limit", "-1"], ["time_limit = -1.0", "positive"]),
    Mistake("export before a run", ["export", "nothing"], ["nothing", "sanas search --output nothing"]),
    Mistake("train before a run", ["train", "nothing"], ["nothing holds no run"]),
    Mistake("report before a run", ["report", "nothing"], ["nothing", "no record of a search"]),
    Mistake("comparison of nothing", ["compare", "one", "two"], ["one", "expected a run folder"]),
    Mistake("no such file of settings", ["search", "-c", "none.yaml"], ["-c none.yaml", "sanas init"]),
    Mistake("unknown key in a file", ["search", "-c", "wrong.yaml"], ["wrong.yaml", "'step'", "did you mean 'steps'?"]),
    Mistake("wrong type in a file", ["search", "-c", "typed.yaml"], ["typed.yaml", "steps = 'few'", "whole number"]),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what people have lying about."""
    for name, settings in (("done", "{}"), ("damaged", '{"configs": [')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(settings)
    (tmp_path / "flat").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "flat" / "1.png")
    (tmp_path / "search.yaml").write_text("steps: 3\n")
    (tmp_path / "wrong.yaml").write_text("step: 3\n")
    (tmp_path / "typed.yaml").write_text("steps: few\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(typed: list[str]) -> str:
    """The one line of the answer, below the reminder of how a command is used."""
    done = CliRunner().invoke(app, typed)
    assert isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith(("Usage: ", "Try "))]
    assert len(lines) == 1, done.stderr
    assert lines[0].lower().startswith("error: ")
    return lines[0]


def test_there_are_twenty() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 20


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_answered_in_one_line(mistake: Mistake, folder: Path) -> None:
    line = answer(mistake.typed)
    assert [part for part in mistake.told if part not in line] == [], line


def test_a_mistake_leaves_no_run_behind(folder: Path) -> None:
    for typed in (["--data", "photos"], ["--algorithm", "anealing"], ["--config", '{"block_mask": [2]}']):
        answer(["search", *typed, "--output", "new"])
    assert not (folder / "new").exists()


def test_a_missing_package_is_named_with_what_installs_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "sklearn"] + ["sklearn", "sklearn.datasets"]:
        monkeypatch.setitem(sys.modules, module, None)  # Python's own way to say that a module is not there
    line = answer(["search"])
    assert "sklearn" in line
    assert "pip install 'sanas-spaces[search]'" in line


def test_answers_have_no_colours_in_a_pipe(folder: Path) -> None:
    assert "NO_COLOR" not in os.environ or os.environ["NO_COLOR"]
    assert "\x1b" not in answer(["show", "ResNetSpac"])
