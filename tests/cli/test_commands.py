"""The ``sanas`` command as a person types it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pytest

from sanas_spaces import CombinedSpace
from sanas_spaces.evaluate import load_dataset, score_inference_model

from .running import FLOPS, SPACE, TINY, sanas


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run of four candidates, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    done = sanas("search", *TINY, "--steps", "4", "--seed", "1", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_terminal_shows_candidates_and_result(run: tuple[Path, str]) -> None:
    folder, output = run
    assert "digits: 1151 train, 287 valid, 359 test; 10 classes" in output
    lines = [line for line in output.splitlines() if line.startswith("#") and " % " in line]
    assert [line.split()[0] for line in lines] == ["#0", "#1", "#2", "#3"]
    assert max(map(len, output.splitlines())) <= 100
    assert "oneDNN" not in output
    best = json.loads((folder / "best.json").read_text())
    assert f"{100 * best['test_accuracy']:.2f} %" in output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--budgets", "1,2", "--steps", "5"], ["after 1 epochs"] * 5 + ["best so far", "best"]),
        (["--pruner", "median", "--steps", "3", "--epochs", "2"], ["best", "best", "best"]),
    ],
    ids=["budgets", "pruner"],
)
def test_cheaper_evaluations_are_told(tmp_path: Path, options: list[str], told: list[str]) -> None:
    done = sanas("search", *SPACE, *options, "--algorithm", "random", "--output", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("#") and " % " in line]
    assert [part in line for line, part in zip(lines, told, strict=True)] == [True] * len(told)
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    assert all(row["scores"].startswith("1:0.") for row in rows)
    assert "%" in done.stdout.split("test accuracy")[1]


def test_folder_holds_the_whole_run(run: tuple[Path, str]) -> None:
    folder, _ = run
    best = json.loads((folder / "best.json").read_text())
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert len(rows) == 4
    rewards = [float(row["reward"]) for row in rows]
    assert rewards[best["number"]] == max(rewards) == best["valid_accuracy"]
    assert [int(token) for token in rows[best["number"]]["tokens"].split()] == best["tokens"]
    assert all(int(row["flops"]) <= FLOPS for row in rows)
    assert best["cost"]["flops"] == int(rows[best["number"]]["flops"])
    assert best["choices"]["block 1 kernel"] in (3, 5)
    assert "total" in (folder / "best.txt").read_text()
    for plot in ("progress.png", "accuracy_flops.png"):
        assert (folder / plot).read_bytes().startswith(b"\x89PNG")


def test_exported_network_scores_the_test_split_the_same(run: tuple[Path, str]) -> None:
    folder, _ = run
    best = json.loads((folder / "best.json").read_text())
    digits = load_dataset("digits", seed=1)
    np.testing.assert_allclose(best["data"]["mean"], digits.mean)
    assert (
        score_inference_model(folder / best["model"], digits.test) == best["test_accuracy"] == best["exported_accuracy"]
    )


def test_record_opens_as_an_optuna_study(run: tuple[Path, str]) -> None:
    folder, _ = run
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "search.journal"))
    study = optuna.load_study(study_name="sanas", storage=optuna.storages.JournalStorage(backend))
    assert len(study.trials) == 4
    assert "block 2 expansion" in study.best_params


def test_a_folder_with_a_run_is_not_overwritten(run: tuple[Path, str]) -> None:
    done = sanas("search", *TINY, "--output", str(run[0]))
    assert done.returncode == 2
    assert "holds a run already: add --resume" in done.stderr.replace("\n", " ")


def test_more_steps_can_be_added(run: tuple[Path, str]) -> None:
    folder, _ = run
    before = (folder / "history.csv").read_text().splitlines()
    done = sanas("search", "--resume", "--steps", "5", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    after = (folder / "history.csv").read_text().splitlines()
    assert after[:5] == before
    assert len(after) == 6


def recorded(folder: Path) -> list[str]:
    journal = folder / "search.journal"
    return [line for line in journal.read_text().splitlines() if '"state":1' in line] if journal.exists() else []


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_goes_on_without_losing_a_reward(tmp_path: Path, kind: signal.Signals) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "sanas_spaces.cli", "search", *TINY, "--steps", "6", "--output", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also where the tests run in the background
    )
    deadline = time.monotonic() + 120
    while len(recorded(folder)) < 2:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(kind)
    errors = process.communicate()[1]
    if kind is signal.SIGINT:
        assert process.returncode == 130
        assert f"continue with: sanas resume {folder}" in errors.replace("\n", "")
    before = recorded(folder)
    done = sanas("search", "--resume", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    assert recorded(folder)[: len(before)] == before
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["complete"] * 6
    assert len({row["hash"] for row in rows}) == 6


def test_default_folder_is_numbered(tmp_path: Path) -> None:
    (tmp_path / "runs" / "search").mkdir(parents=True)
    done = sanas("search", *TINY, "--steps", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "search-2" / "best.json").exists()


def test_list_of_spaces() -> None:
    done = sanas("spaces")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert "25" in lines["MobileNetV2Space"]
    assert "312M" in lines["MobileNetV2Space"]
    assert "11 a block" in lines["InceptionCBlockSpace"]


def test_show_one_network() -> None:
    network = ["MobileNetV2BlockSpace", "--config", '{"block_mask": [0, 1]}', "--tokens", "5,6,1,0,5,8,2,1"]
    done = sanas("show", *network, "--shape", "3x32x32")
    assert done.returncode == 0, done.stderr
    assert "block 2 kernel" in done.stdout
    blocks = " ".join(done.stdout.split("MobileNetV2BlockSpace on 3x32x32\n")[1].split())
    assert "16x16 mobilenetv2_2_1 1x1:192 → dw 5x5:192 /2 → 1x1:64 64x16x16 24,128 10,665,984 16.7 %" in blocks
    assert "mobilenetv2_2_2–3 2 times: 1x1:384 → " in blocks
    assert "+ shortcut" in blocks
    assert "mobilenetv2_2_3_dwise" not in blocks
    cost = CombinedSpace([(network[0], {"block_mask": [0, 1]})]).token2arch([5, 6, 1, 0, 5, 8, 2, 1]).cost((3, 32, 32))
    assert f"FLOPs {cost.flops:,}" in done.stdout
    layers = sanas("show", *network, "--shape", "3x32x32", "--layers")
    assert "mobilenetv2_2_3_dwise" in layers.stdout


def test_a_network_is_drawn(tmp_path: Path) -> None:
    done = sanas("show", "MobileNetV2Space", "--draw", "network.svg", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "drawing network.svg"
    assert (tmp_path / "network.svg").read_text(encoding="utf-8").startswith("<svg")
    for options, message in (
        (["--draw", "network.png"], "expected a file that ends in .svg"),
        (["--draw", str(tmp_path / "network.svg" / "x.svg")], "--draw"),
    ):
        done = sanas("show", "MobileNetV2Space", *options, folder=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["show", "MobilenetV2Space"], "did you mean MobileNetV2Space", 2),
        (["show", "ResNetSpace", "--tokens", "9,0,0,0,0,0,0,0"], "token 0 = 9: stage 1 filters has 7 choices", 2),
        (["show", "ResNetSpace", "--tokens", "a"], "expected whole numbers", 2),
        (["show", "runs/none"], "expected a run folder", 2),
        (["show", "none.json"], "none.json cannot be read", 2),
        (["show", "ResNetSpace", "--shape", "3x8"], "expected CxHxW", 2),
        (["show", "ResNetSpace", "--config", "{"], "is not JSON", 2),
        (["show", "ResNetSpace", "--config", "[]"], "expected a JSON object", 2),
        (["show", "ResNetSpace", "--config", "{}", "--config", "{}"], "2 configs for 1 spaces", 2),
        (["search", "--data", "nothing"], "no such file or folder", 2),
        (["search", "--constraint", "flops"], "expected METRIC=HIGH", 2),
        (["search", "--constraint", "speed=3"], "unknown metric 'speed'", 2),
        (["search", "--constraint", "flops=10"], "no network of MobileNetV2BlockSpace was found", 2),
        (["search", "--pruner", "medium"], "did you mean 'median'", 2),
        (["search", "--budgets", "3"], "expected at least two rising whole numbers", 2),
        (["search", "--budgets", "few,many"], "expected whole numbers", 2),
        (["search", "--resume"], "holds no run", 2),
    ],
)
def test_errors_are_one_line_and_an_exit_code(tmp_path: Path, arguments: list[str], message: str, code: int) -> None:
    done = sanas(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_version_and_help() -> None:
    assert sanas("--version").stdout.strip().count(".") == 2
    assert "--constraint" in sanas("search", "--help").stdout
