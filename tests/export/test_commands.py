"""``sanas export`` and ``sanas train`` on a real run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sanas_spaces import load_arch
from sanas_spaces.evaluate import load_dataset
from sanas_spaces.export import onnx_model, read_saved

from ..cli.running import TINY, sanas
from .networks import as_module

OTHER = "0,0,0,0,0,0,0,0"
TRAIN = ["--epochs", "2", "--warm-up", "1", "--learning-rate", "0.2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    done = sanas("search", *TINY, "--steps", "2", "--seed", "1", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def trained(run: Path) -> tuple[Path, str]:
    done = sanas("train", str(run), *TRAIN)
    assert done.returncode == 0, done.stderr
    return run / "trained", done.stdout


def test_the_exported_network_is_the_tested_one(run: Path, tmp_path: Path) -> None:
    """With its weights, from each format: the test accuracy that the search has told."""
    import paddle

    formats = ["weights", "json", "python", *(["onnx"] if onnx_model.onnx_is_installed() else [])]
    done = sanas("export", str(run), *(f"--format={name}" for name in formats), "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == formats
    best = json.loads((run / "best.json").read_text())
    test = load_dataset("digits", seed=1).test
    state = paddle.load(str(tmp_path / "weights.pdparams"))
    for layer in (
        as_module((tmp_path / "network.py").read_text()).Network(),
        load_arch(tmp_path / "architecture.json").layer(),
    ):
        layer.set_state_dict(state)
        layer.eval()
        found = layer(paddle.to_tensor(test.images)).numpy().argmax(1)
        assert (found == test.labels).mean() == pytest.approx(best["test_accuracy"], abs=1e-9)
    if "onnx" in formats:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"))
        (scores,) = session.run(["output"], {"image": test.images})
        assert (scores.argmax(1) == test.labels).mean() == pytest.approx(best["test_accuracy"], abs=1e-9)
        told = session.get_modelmeta().custom_metadata_map
        assert json.loads(told["classes"]) == list("0123456789")
        assert json.loads(told["mean"]) == best["data"]["mean"]


def test_other_tokens_have_no_weights(run: Path, tmp_path: Path) -> None:
    done = sanas("export", str(run), "--tokens", OTHER, "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["architecture.json"]
    loaded = load_arch(tmp_path / "architecture.json")
    assert loaded.tokens == [0] * 8
    assert loaded.cost().output_shape == (10,)
    done = sanas("export", str(run), "--tokens", OTHER, "--format", "paddle")
    assert done.returncode == 2
    assert "have no trained weights" in done.stderr
    assert f"sanas train {run} --tokens {OTHER}" in done.stderr


def test_old_and_missing_runs_say_what_to_do(run: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(run, old)
    (old / "model" / "weights.npz").unlink()
    for folder in (old, tmp_path / "none"):
        done = sanas("export", str(folder))
        assert done.returncode == 2
        assert f"sanas search --output {folder} --resume" in done.stderr
        assert "Traceback" not in done.stderr


def test_train_tells_accuracy_and_interval(trained: tuple[Path, str]) -> None:
    folder, printed = trained
    best = json.loads((folder / "best.json").read_text())
    low, high = best["interval_95"]
    assert 0.3 < low < best["test_accuracy"] < high < 1
    assert best["exported_accuracy"] == pytest.approx(best["test_accuracy"])
    assert f"{100 * low:.2f} % to {100 * high:.2f} %" in printed
    assert "epoch 2 of 2" in printed
    settings = json.loads((folder / "run.json").read_text())
    assert settings["recipe"]["flip"] is False
    assert settings["recipe"]["seed"] == 1
    assert sanas("export", str(folder), "--format", "json").returncode == 0


def test_an_interrupted_training_ends_as_the_other(trained: tuple[Path, str], run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    command = [sys.executable, "-m", "sanas_spaces.cli", "train", str(run), *TRAIN, "--output", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (folder / "checkpoint.npz").exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate()
    assert child.returncode in (130, 0)  # 0: it was quicker than the signal
    if child.returncode:
        assert f"--output {folder} --resume" in told
    assert sanas("train", str(run), "--output", str(folder)).returncode == 2  # without --resume
    assert sanas("train", str(run), "--output", str(folder), "--resume").returncode == 0
    expected, found = read_saved(trained[0]).weights, read_saved(folder).weights
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["export", "RUN", "--format", "onx"], "did you mean 'onnx'", 2),
        (["export", "RUN", "--tokens", "9"], "too few", 2),
        (["train", "RUN", "--tokens", "a"], "expected whole numbers", 2),
        (["train", "RUN", "--label-smoothing", "2", "--output", "x"], "label_smoothing = 2.0", 2),
        (["train", "RUN", "--data", "nothing", "--output", "x"], "no such file or folder", 2),
        (["train", "nothing"], "holds no run", 2),
        (["train", "RUN", "--resume", "--output", "nothing"], "holds no run", 2),
    ],
)
def test_mistakes_are_one_line(run: Path, arguments: list[str], message: str, code: int) -> None:
    done = sanas(*(str(run) if argument == "RUN" else argument for argument in arguments))
    assert done.returncode == code
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
