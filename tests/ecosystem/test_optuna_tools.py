"""Optuna's plots and its dashboard read our records, and show names that people understand."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import optuna
import pytest
from optuna import visualization
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from sanas_spaces import Candidate, search

SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
NAMES = [f"block {n} {choice}" for n in (1, 2) for choice in ("expansion", "channels", "repeats", "kernel")]
SMALL: dict[str, Any] = {"input_shape": (3, 16, 16), "seed": 0, "algorithm": "random"}


def evaluate(candidate: Candidate) -> dict[str, float]:
    if candidate.number == 2:
        raise ValueError("too wide")
    accuracy = sum(candidate.tokens) / 50
    for epoch in (1, 2):
        candidate.report(accuracy * epoch / 2, epoch)
    return {"accuracy": accuracy, "reward": accuracy}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search in a run folder, and one with two goals in a database."""
    folder = tmp_path_factory.mktemp("records")
    search(SPACE, evaluate, steps=9, folder=folder / "run", **SMALL)
    goals = {"accuracy": "max", "flops": "min"}
    search(SPACE, lambda c: sum(c.tokens) / 50, steps=9, objectives=goals, storage=folder / "two.db", **SMALL)
    return folder


@pytest.fixture(scope="module")
def study(folder: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(folder / "run" / "search.journal")))
    return optuna.load_study(study_name="sanas", storage=storage)


@pytest.fixture(scope="module")
def two(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name="sanas", storage=f"sqlite:///{folder}/two.db")


def test_parameters_and_goals_have_names(study: optuna.Study, two: optuna.Study) -> None:
    assert list(study.trials[0].params) == NAMES
    assert study.trials[0].params["block 2 kernel"] in (3, 5)
    assert study.metric_names == ["reward"]
    assert two.metric_names == ["accuracy", "flops"]
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE"] * 2 + ["FAIL"] + ["COMPLETE"] * 6
    assert study.trials[3].intermediate_values.keys() == {1, 2}


def test_history_draws(study: optuna.Study) -> None:
    figure = visualization.plot_optimization_history(study, target_name="reward")
    points = next(one for one in figure.data if one.mode == "markers")
    assert list(points.x) == [n for n in range(9) if n != 2]
    assert figure.layout.yaxis.title.text == "reward"


def test_importances_draw(study: optuna.Study) -> None:
    figure = visualization.plot_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    assert set(figure.data[0].y) <= set(NAMES)
    assert "block 2 channels" in figure.data[0].y


def test_parallel_coordinates_draw(study: optuna.Study) -> None:
    figure = visualization.plot_parallel_coordinate(study, params=["block 1 kernel", "block 2 channels"])
    names = ["block 1 kernel", "block 2 channels"]
    if figure.data[0].type == "parcoords":  # before Optuna 5
        assert [dimension.label for dimension in figure.data[0].dimensions][1:] == names
    else:
        assert list(figure.layout.xaxis.ticktext)[1:] == names


def test_slices_and_scores_draw(study: optuna.Study) -> None:
    figure = visualization.plot_slice(study, params=["block 1 kernel", "block 2 repeats"])
    assert [axis.title.text for axis in (figure.layout.xaxis, figure.layout.xaxis2)] == [
        "block 1 kernel",
        "block 2 repeats",
    ]
    assert len(visualization.plot_intermediate_values(study).data) == 8


def test_pareto_front_draws(two: optuna.Study) -> None:
    figure = visualization.plot_pareto_front(two)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("accuracy", "flops")
    assert sum(len(one.x) for one in figure.data) == 9


def get(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:  # of this machine
        return json.load(answer)


@pytest.fixture
def dashboard(folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    record = request.param if "://" in request.param else str(folder / request.param)
    record = record.replace("FOLDER", str(folder))
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()"]
    server = subprocess.Popen(
        [*command, record, "--host", "127.0.0.1", "--port", str(port)], stdout=subprocess.DEVNULL, env=os.environ
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize(
    ("dashboard", "goals"),
    [("run/search.journal", ["reward"]), ("sqlite:///FOLDER/two.db", ["accuracy", "flops"])],
    indirect=["dashboard"],
    ids=["journal", "sqlite"],
)
def test_dashboard_shows_the_search(dashboard: str, goals: list[str]) -> None:
    for _ in range(240):
        try:
            (summary,) = get(f"{dashboard}/api/studies")["study_summaries"]
            break
        except URLError:
            time.sleep(0.25)
    else:
        raise AssertionError("optuna-dashboard did not start")
    assert summary["study_name"] == "sanas"
    shown = get(f"{dashboard}/api/studies/{summary['study_id']}?after=0")
    assert len(shown["trials"]) == 9
    assert [param["name"] for param in shown["trials"][0]["params"]] == NAMES
    assert [one["name"] for one in shown["union_search_space"]] == sorted(NAMES)
    assert shown["objective_names"] == goals
    with urlopen(f"{dashboard}/dashboard/") as page:
        assert b"<html" in page.read().lower()
