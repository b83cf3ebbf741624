"""Files of settings: ``sanas init`` and ``sanas search -c``."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sanas_spaces.cli.app import app
from sanas_spaces.cli.search import search_command
from sanas_spaces.cli.settings import SETTINGS, merge, read_file
from sanas_spaces.errors import ConfigError

from ..docs.pages import ROOT, blocks
from .test_commands import sanas

NOT_IN_FILES = {"file", "resume", "as_json", "config", "modules"}  # configs stand with spaces; a file runs no code
OTHER_NAMES = {"constraint": "constraints"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "search.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_from_init_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "search.yaml"
    done = CliRunner().invoke(app, ["init", str(path)])
    assert done.exit_code == 0, done.output
    found = read_file(path)
    assert list(found) == list(SETTINGS)
    assert merge(found, {}, [], []) == merge({}, {}, [], [])


def test_every_setting_of_a_search_can_stand_in_a_file_and_is_explained(tmp_path: Path) -> None:
    options = {OTHER_NAMES.get(name, name) for name in inspect.signature(search_command).parameters} - NOT_IN_FILES
    assert options == set(SETTINGS)
    path = tmp_path / "search.yaml"
    CliRunner().invoke(app, ["init", str(path)])
    lines = path.read_text().splitlines()
    for key in SETTINGS:
        (at,) = (number for number, line in enumerate(lines) if line.startswith(f"{key}:"))
        assert lines[at - 1].startswith("# ")
    assert max(map(len, lines)) <= 100


def test_init_writes_over_a_file_only_if_told(tmp_path: Path) -> None:
    path = written(tmp_path, "steps: 3\n")
    refused = CliRunner().invoke(app, ["init", str(path)])
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    assert path.read_text() == "steps: 3\n"
    assert CliRunner().invoke(app, ["init", str(path), "--force"]).exit_code == 0
    assert read_file(path)["steps"] == 20


def test_options_go_before_the_file_and_the_file_before_defaults(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "spaces: [MobileNetV2BlockSpace: {block_mask: [1, 1]}]\n"
        "constraints: {flops: 6e4, params: [1, 1e6]}\n"
        "epochs: 1\nseed: 5\nsteps: 2\n",
    )
    done = sanas("search", "-c", str(path), "--steps", "1", "--output", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    told = {key: settings[key] for key in ("configs", "constraints", "epochs", "seed", "steps", "batch_size")}
    assert told == {
        "configs": [["MobileNetV2BlockSpace", {"block_mask": [1, 1]}]],
        "constraints": {"flops": 6e4, "params": [1, 1e6]},
        "epochs": 1,
        "seed": 5,
        "steps": 1,
        "batch_size": 64,
    }


def test_other_spaces_leave_the_first_candidate_of_the_file(tmp_path: Path) -> None:
    of_file = read_file(written(tmp_path, "tokens: [0, 1]\nconstraints: {flops: 5}\n"))
    assert merge(of_file, {}, [], [])["tokens"] == [0, 1]
    typed = merge(of_file, {}, ["ResNetSpace"], [])
    assert (typed["spaces"], typed["tokens"], typed["constraints"]) == ([("ResNetSpace", {})], None, {"flops": 5.0})
    assert merge({}, {}, ["ResNetSpace"], [])["constraints"] is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("step: 3", "unknown key 'step'; did you mean 'steps'?"),
        ("batch-size: 3", "unknown key 'batch-size'; did you mean 'batch_size'?"),
        ("7: 3", "unknown key 7; known are spaces, tokens"),
        ("steps: many", "steps = 'many': expected a whole number of at least 1"),
        ("steps: 0", "steps = 0: expected a whole number of at least 1"),
        ("steps: true", "steps = True: expected a whole number of at least 1"),
        ("steps: null", "steps = None: expected a whole number of at least 1"),
        ("data: 3", "data = 3: expected text"),
        ("budgets: 1,3", "budgets = '1,3': expected a list of whole numbers"),
        ("spaces: ResNetSpace", "expected a list of spaces, each a NAME or NAME: {KEY: VALUE}"),
        ("spaces: [ResNetSpace: 3]", "expected a list of spaces"),
        ("constraints: {flops: few}", "expected bounds, such as {flops: 2e6"),
        ("constraints: {flops: [1, 2, 3]}", "expected bounds"),
        ("time_limit: soon", "time_limit = 'soon': expected a number"),
        ("- 1", "expected lines of KEY: VALUE, not [1]"),
        ("steps: [", "is not YAML"),
        ("steps: 1\nsteps: 2", "is not YAML: key 'steps' stands there twice, the second time in line 2"),
        ("data: !!python/object/apply:os.getcwd []", "is not YAML: could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read_file(path)
    assert str(error.value).startswith(str(path))
    assert told in " ".join(str(error.value).split())
    done = CliRunner().invoke(app, ["search", "-c", str(path)])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert merge(read_file(written(tmp_path, "# nothing\n")), {}, [], []) == merge({}, {}, [], [])


def test_the_file_in_the_docs_is_read(tmp_path: Path) -> None:
    (block,) = blocks(ROOT / "docs" / "terminal.md", "yaml")
    found = merge(read_file(written(tmp_path, block.text)), {}, [], [])
    assert found["spaces"] == [("MobileNetV1BlockSpace", {"block_mask": [1, 0, 1]})]
    assert found["constraints"] == {"flops": 2e6, "params": (1e4, 1e5)}
    assert (found["tokens"], found["steps"], found["image_size"]) == (None, 40, 32)
