"""What ``--json`` writes is the tables of docs/terminal.md, for real runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from sanas_spaces.cli.app import app

from .running import TINY, sanas

PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("terminal.md", "terminal.zh-CN.md")]


def exactly(**properties: Any) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def optional(kind: str) -> dict[str, Any]:
    return {"type": [kind, "null"]}


def array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT, WHOLE, NUMBER, TRUTH, OBJECT = ({"type": k} for k in ("string", "integer", "number", "boolean", "object"))
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
TOKENS = array({"type": "integer", "minimum": 0})
CONFIGS = array({"type": "array", "prefixItems": [TEXT, OBJECT], "minItems": 2, "maxItems": 2})
COST = {"type": "object", "required": ["flops", "params"], "additionalProperties": WHOLE}
PAIRS = {"type": "object", "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2}}
LAYER = exactly(name=TEXT, operation=TEXT, output=TEXT, params=WHOLE, flops=WHOLE)
DATA = exactly(name=TEXT, image_shape=array(WHOLE), classes=array(TEXT), mean=array(NUMBER), std=array(NUMBER))

SCHEMAS: dict[str, dict[str, Any]] = {
    "spaces": array(
        exactly(
            name=TEXT,
            about=TEXT,
            per_block=TRUTH,
            tokens=optional("integer"),
            networks=optional("number"),
            initial_flops=optional("integer"),
            error=optional("string"),
        )
    ),
    "show": exactly(
        configs=CONFIGS,
        tokens=TOKENS,
        choices=OBJECT,
        input_shape=array(WHOLE),
        output_shape=array(WHOLE),
        cost=COST,
        hash=TEXT,
        layers=array(LAYER),
    ),
    "status": exactly(
        record=TEXT,
        configs=CONFIGS,
        algorithm=TEXT,
        seed=optional("integer"),
        constraints=optional("object"),
        version=optional("string"),
        candidates={"type": "object", "additionalProperties": WHOLE},
        best=array(exactly(number=WHOLE, values={"type": "object", "additionalProperties": NUMBER}, tokens=TOKENS)),
        open=array(exactly(number=WHOLE, worker=optional("string"), alive=optional("boolean"))),
        last_failure=optional("object"),
        began=optional("string"),
        last=optional("string"),
    ),
    "compare": exactly(names=array(TEXT), figures=PAIRS, choices=PAIRS, settings=PAIRS),
    "report": exactly(report=TEXT),
    "export": {"type": "object", "minProperties": 1, "additionalProperties": TEXT},
    "train": exactly(
        folder=TEXT,
        test_accuracy=SHARE,
        test_images=WHOLE,
        interval_95=array(SHARE),
        exported_accuracy=SHARE,
        tokens=TOKENS,
        configs=CONFIGS,
        data=DATA,
    ),
    "search": exactly(
        folder=TEXT,
        number=WHOLE,
        valid_accuracy=SHARE,
        test_accuracy=SHARE,
        exported_accuracy=SHARE,
        cost=COST,
        model=TEXT,
        configs=CONFIGS,
        tokens=TOKENS,
        choices=OBJECT,
        data=DATA,
        candidates=WHOLE,
        seed=WHOLE,
        version=TEXT,
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, str]:
    """The folder of a run, its summary, and what it told on stderr."""
    folder = tmp_path_factory.mktemp("runs")
    done = sanas("search", *TINY, "--steps", "2", "--output", "run", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), done.stderr


def written(*typed: str) -> Any:
    done = CliRunner().invoke(app, [*typed, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def check(command: str, value: Any) -> None:
    jsonschema.validate(value, SCHEMAS[command], jsonschema.Draft202012Validator)


def test_a_search(found: tuple[Path, Any, str]) -> None:
    folder, summary, told = found
    check("search", summary)
    assert (summary["folder"], summary["candidates"]) == ("run", 2)
    assert summary["test_accuracy"] == json.loads((folder / "run" / "best.json").read_text())["test_accuracy"]
    assert [line.split()[0] for line in told.splitlines() if re.match(r"#\d", line)] == ["#0", "#1"]


def test_spaces() -> None:
    rows = written("spaces")
    check("spaces", rows)
    told = {row["name"]: row for row in rows}
    assert told["MobileNetV2Space"]["tokens"] == 25
    assert told["InceptionCBlockSpace"]["tokens"] == 11
    assert told["InceptionCBlockSpace"]["per_block"]


def test_show() -> None:
    value = written("show", "MobileNetV2Space")
    check("show", value)
    assert value["cost"]["flops"] == 312_339_328


def test_readings_of_a_run(found: tuple[Path, Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(found[0])
    status = written("status", "run")
    check("status", status)
    assert status["candidates"]["complete"] == 2
    check("compare", written("compare", "run", "run"))
    report = written("report", "run")
    check("report", report)
    assert Path(report["report"]).read_text(encoding="utf-8").startswith("<!")
    files = written("export", "run", "--format", "json", "--format", "weights")
    check("export", files)
    assert list(files) == ["json", "weights"]
    assert all(Path(path).exists() for path in files.values())


def test_a_training(found: tuple[Path, Any, str]) -> None:
    done = sanas("train", "run", "--epochs", "1", "--warm-up", "0", "--json", folder=found[0])
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    check("train", value)
    assert value["folder"] == str(Path("run") / "trained")
    assert value["interval_95"][0] < value["test_accuracy"] < value["interval_95"][1]
    assert "epoch 1 of 1" in done.stderr


def test_networks_side_by_side() -> None:
    options = ["--space", "MobileNetV2BlockSpace", "--config", '{"block_mask": [1]}', "--shape", "3x16x16"]
    value = written("compare", "0,0,0,0", "1,1,1,1", *options)
    jsonschema.validate(value, {"type": "object", "required": ["names", "figures", "choices"]})
    assert all(len(pair) == 2 for part, lines in value.items() if part != "names" for pair in lines.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_keys_are_documented(page: Path) -> None:
    rows = re.findall(r"^\| `sanas (\w+)[^|]*\|([^\n]*)\|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {command: set(re.findall(r"`(\w+)`", keys)) for command, keys in rows}
    for command, schema in SCHEMAS.items():
        keys = set(schema.get("items", schema).get("properties", ()))
        assert keys <= documented[command], (command, keys - documented[command])
