"""Loggers write with the real packages, and what they wrote is read back with them."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
from visualdl import LogReader

from sanas_spaces import SANAS, Candidate, search
from sanas_spaces.callbacks import MLflowLogger, SearchLogger, TensorBoardLogger, VisualDLLogger
from sanas_spaces.errors import CandidatePruned, ConfigError
from sanas_spaces.searching import SearchResult, read_result

SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
SMALL: dict[str, Any] = {"input_shape": (3, 16, 16), "seed": 3}


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Candidate 2 fails, candidate 4 is stopped."""
    for step in (1, 2):
        candidate.report(step / 10 + candidate.number, step)
    if candidate.number == 2:
        raise ValueError("too wide")
    if candidate.number == 4:
        raise CandidatePruned("not promising")
    return {"reward": 10.0 - candidate.number, "latency": 1.5}


class Log:
    """What a tool shows of a search."""

    course: dict[str, list[tuple[int, float]]]
    candidates: dict[int, dict[str, Any]]


@pytest.fixture(scope="session", autouse=True)
def _no_telemetry() -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Making the tables of MLflow takes seconds, so all tests share them and have an experiment each."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


class MLflow:
    def __init__(self, folder: Path, database: str) -> None:
        self.client = MlflowClient(database)
        self.database, self.experiment = database, str(folder)

    def logger(self) -> SearchLogger:
        return MLflowLogger(self.database, experiment=self.experiment)

    def runs(self, child: bool) -> list[Any]:
        experiment = self.client.get_experiment_by_name(self.experiment)
        found = self.client.search_runs([experiment.experiment_id])
        return [run for run in found if ("mlflow.parentRunId" in run.data.tags) is child]

    def course(self) -> dict[str, list[tuple[int, float]]]:
        (run,) = self.runs(child=False)
        history = self.client.get_metric_history
        return {
            name.replace("best ", "best_"): [(one.step, one.value) for one in history(run.info.run_id, name)]
            for name in run.data.metrics
        }

    def candidates(self) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for run in self.runs(child=True):
            number = int(run.data.tags["sanas.candidate"])
            assert number not in found
            scores = self.client.get_metric_history(run.info.run_id, "score")
            found[number] = {
                "state": run.data.tags["state"],
                "choices": dict(run.data.params),
                "metrics": {name: value for name, value in run.data.metrics.items() if name != "score"},
                "scores": [(one.step, one.value) for one in scores],
            }
        return found

    def failures(self) -> dict[int, str]:
        tags = [run.data.tags for run in self.runs(child=True)]
        return {int(one["sanas.candidate"]): one["reason"] for one in tags if "reason" in one}


class Folder:
    """A tool that reads a folder."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder / "log"

    def course(self) -> dict[str, list[tuple[int, float]]]:
        scalars = self.scalars(self.folder / "search")
        return {tag.removeprefix("search/"): points for tag, points in scalars.items()}

    def candidates(self) -> dict[int, dict[str, Any]]:
        found = {}
        for folder in sorted(self.folder.glob("*candidate-*")):
            choices, scalars = self.choices(folder), self.scalars(folder)
            assert all(len(points) == 1 for tag, points in scalars.items() if tag != "score")
            found[int(folder.name[-5:])] = {
                "state": choices.pop("state"),
                "choices": {name: f"{one:g}" for name, one in choices.items()},
                "metrics": {tag: points[0][1] for tag, points in scalars.items() if tag != "score"},
                "scores": scalars.get("score", []),
            }
        return found

    def scalars(self, folder: Path) -> dict[str, list[tuple[int, float]]]:
        raise NotImplementedError

    def choices(self, folder: Path) -> dict[str, Any]:
        raise NotImplementedError


class TensorBoard(Folder):
    def logger(self) -> SearchLogger:
        return TensorBoardLogger(self.folder)

    def events(self, folder: Path) -> Iterator[Any]:
        for file in sorted(folder.glob("*tfevents*")):
            content, at = file.read_bytes(), 0
            while at < len(content):
                (size,) = struct.unpack_from("<Q", content, at)
                yield Event.FromString(content[at + 12 : at + 12 + size])
                at += size + 16

    def scalars(self, folder: Path) -> dict[str, list[tuple[int, float]]]:
        found: dict[str, list[tuple[int, float]]] = {}
        for event in self.events(folder):
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
        return found

    def choices(self, folder: Path) -> dict[str, Any]:
        for event in self.events(folder):
            for value in event.summary.value:
                if value.tag == "_hparams_/session_start_info":
                    content = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                    picked = content.session_start_info.hparams
                    return {name: getattr(one, one.WhichOneof("kind")) for name, one in picked.items()}
        raise AssertionError(folder)

    def failures(self) -> dict[int, str]:
        return {
            event.step: value.tensor.string_val[0].decode()
            for event in self.events(self.folder / "search")
            for value in event.summary.value
            if value.tag.startswith("failures")
        }


class VisualDL(Folder):
    def logger(self) -> SearchLogger:
        return VisualDLLogger(self.folder)

    def reader(self, folder: Path) -> Any:
        (file,) = folder.glob("vdlrecords.*")
        return LogReader(file_path=str(file))

    def scalars(self, folder: Path) -> dict[str, list[tuple[int, float]]]:
        reader = self.reader(folder)
        tags = reader.get_tags().get("scalar", [])
        return {tag: [(one.id, one.value) for one in reader.get_data("scalar", tag)] for tag in tags}

    def choices(self, folder: Path) -> dict[str, Any]:
        (record,) = self.reader(folder).get_data("hyper_parameters", "hparam")
        kinds = ("int_value", "float_value", "string_value")
        return {
            info.name: next(getattr(info, kind) for kind in kinds if info.HasField(kind))
            for info in record.hparam.hparamInfos
        }

    def failures(self) -> dict[int, str]:
        reader = self.reader(self.folder / "search")
        tags = reader.get_tags().get("text", [])
        return {one.id: one.text.encoded_text_string for tag in tags for one in reader.get_data("text", tag)}


@pytest.fixture(params=[MLflow, TensorBoard, VisualDL])
def tool(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> Any:
    return request.param(tmp_path, database)


def check(tool: Any, result: SearchResult, *, in_order: bool = True) -> None:
    """The tool shows the search as its record has it, everything once.

    Candidates that end out of order were logged with the best that was known then.
    """
    rows = [row for row in result.history if row["state"] != "running"]
    course = tool.course()
    for name in ("flops", "params", "depth"):
        expected = [(row["number"], row[name]) for row in rows]
        assert sorted(course[name]) == [(n, pytest.approx(value)) for n, value in expected]
    done = [row for row in rows if row["reward"] is not None]
    assert sorted(course["reward"]) == [(row["number"], pytest.approx(row["reward"])) for row in done]
    if in_order:
        assert sorted(course["best_reward"]) == [(row["number"], pytest.approx(row["best"])) for row in rows]
    else:
        assert {row["number"] for row in done} <= {number for number, _ in course["best_reward"]}
        rewards = [row["reward"] for row in done]
        assert all(any(value == pytest.approx(reward) for reward in rewards) for _, value in course["best_reward"])
    assert not [name for name, points in course.items() if max(Counter(step for step, _ in points).values()) > 1]

    candidates = tool.candidates()
    assert sorted(candidates) == [row["number"] for row in rows]
    for row in rows:
        shown = candidates[row["number"]]
        assert shown["state"] == row["state"]
        picked = result.space.table.decode(row["tokens"])
        assert "block 1 kernel" in picked
        assert shown["choices"] == {label: str(option) for label, option in picked.items()}
        assert shown["metrics"]["flops"] == pytest.approx(row["flops"])
        assert shown["metrics"].get("latency") == row.get("latency")
        assert shown["metrics"].get("reward") == (row["reward"] and pytest.approx(row["reward"]))
        assert shown["scores"] == [(step, pytest.approx(score)) for step, score in row["scores"].items()]
    failed = {row["number"]: row["reason"] for row in rows if row["state"] == "fail"}
    told = tool.failures()
    assert told.keys() == failed.keys()
    assert all(reason in told[number] for number, reason in failed.items())


def test_everything_is_logged(tool: Any) -> None:
    with tool.logger() as logger:
        result = search(SPACE, evaluate, steps=6, pruner="median", callbacks=[logger], **SMALL)
    assert [row["state"] for row in result.history] == [
        "complete",
        "complete",
        "fail",
        "complete",
        "pruned",
        "complete",
    ]
    check(tool, result)


def test_a_resumed_search_goes_on_in_the_same_place(tool: Any, tmp_path: Path) -> None:
    def interrupted(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 3:
            raise KeyboardInterrupt
        return evaluate(candidate)

    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, interrupted, steps=6, pruner="median", folder=folder, callbacks=[tool.logger()], **SMALL)
    check(tool, read_result(folder))
    with tool.logger() as logger:
        result = search(SPACE, evaluate, steps=6, folder=folder, resume=True, callbacks=[logger], **SMALL)
    assert len(result.history) == 6
    check(tool, result)
    with tool.logger() as logger:
        logger.log(read_result(folder))
    check(tool, result)


def test_a_finished_search_can_be_logged(tool: Any) -> None:
    result = search(SPACE, evaluate, steps=4, **SMALL)
    with tool.logger() as logger:
        assert logger.log(result) == 4
        assert logger.log(result) == 0
    check(tool, result)


def test_sanas_logs(tool: Any, tmp_path: Path) -> None:
    for steps in (2, 4):  # the second one goes on
        logger = tool.logger()
        again = {} if steps == 2 else {"load_checkpoint": tmp_path / "run"}
        sanas = SANAS(SPACE, search_steps=steps, save_checkpoint=tmp_path / "run", callbacks=[logger], **SMALL, **again)
        while not sanas.finished:
            sanas.next_archs()
            for step in (1, 2):
                sanas.current.report(step / 10, step)
            if sanas.current.number == 1:
                sanas.fail("no memory")
            else:
                sanas.reward(0.5 * sanas.current.number)
        logger.close()
        sanas.close()
    result = read_result(tmp_path / "run")
    assert len(result.history) == 5
    check(tool, result)


def test_a_served_search_logs_candidates_of_clients(tmp_path: Path, database: str) -> None:
    tool = TensorBoard(tmp_path, database)
    with tool.logger() as logger:
        here = SANAS(SPACE, ("127.0.0.1", 0), search_steps=4, save_checkpoint=None, callbacks=[logger], **SMALL)
        there = SANAS(SPACE, here.server_addr, is_server=False)
        for sanas in (there, here, there, here):
            sanas.next_archs()
            sanas.current.report(0.5, 1)
            sanas.reward(0.1 * sanas.current.number)
        there.close()
        here.close()
    assert sorted(tool.candidates()) == [0, 1, 2, 3]
    with pytest.raises(ConfigError, match="callbacks are for the process that has the record"):
        SANAS(SPACE, ("127.0.0.1", 1), is_server=False, callbacks=[logger])


def test_several_goals(tool: Any) -> None:
    def both(candidate: Candidate) -> dict[str, float]:
        return {"accuracy": 0.1 * candidate.number, "delay": 5.0 - candidate.number % 2}

    goals = {"accuracy": "max", "delay": "min"}
    with tool.logger() as logger:
        search(SPACE, both, steps=3, objectives=goals, algorithm="random", callbacks=[logger], **SMALL)
    course = tool.course()
    assert sorted(course["best_accuracy"]) == [(n, pytest.approx(0.1 * n)) for n in range(3)]
    assert sorted(course["delay"]) == [(0, 5.0), (1, 4.0), (2, 5.0)]
    assert sorted(course["best_delay"]) == [(0, 5.0), (1, 4.0), (2, 4.0)]
    assert tool.candidates()[2]["metrics"]["delay"] == 5.0


def test_candidates_stopped_between_rounds_are_logged(tool: Any) -> None:
    with tool.logger() as logger:
        result = search(
            SPACE, lambda c: c.budget + sum(c.tokens) / 99, steps=6, budgets=[1, 3], callbacks=[logger], **SMALL
        )
    assert [row["state"] for row in result.history].count("pruned") == 4
    check(tool, result, in_order=False)


def test_a_folder_of_another_search_is_refused(tmp_path: Path) -> None:
    search(SPACE, evaluate, steps=1, callbacks=[TensorBoardLogger(tmp_path / "log")], **SMALL)
    with pytest.raises(ConfigError, match="is the log of another search"):
        search(SPACE, evaluate, steps=1, callbacks=[TensorBoardLogger(tmp_path / "log")], input_shape=(3, 16, 16))
    (tmp_path / "mine" / "search").mkdir(parents=True)
    with pytest.raises(ConfigError, match="no log of a search"):
        search(SPACE, evaluate, steps=1, callbacks=[VisualDLLogger(tmp_path / "mine")], **SMALL)
    with pytest.raises(ConfigError, match="a search without a folder needs one"):
        search(SPACE, evaluate, steps=1, callbacks=[VisualDLLogger()], **SMALL)


def test_the_folder_of_the_search_is_the_default(tmp_path: Path) -> None:
    search(SPACE, evaluate, steps=1, folder=tmp_path, callbacks=[TensorBoardLogger(), VisualDLLogger()], **SMALL)
    assert (tmp_path / "tensorboard" / "candidate-00000").is_dir()
    assert (tmp_path / "visualdl" / "candidate-00000").is_dir()


def test_another_process_is_refused(tmp_path: Path) -> None:
    search(SPACE, evaluate, steps=1, folder=tmp_path / "run", **SMALL)
    logger = TensorBoardLogger(tmp_path / "log")
    logger.log(read_result(tmp_path / "run"))
    script = f"""
from sanas_spaces.callbacks import TensorBoardLogger
from sanas_spaces.searching import read_result
TensorBoardLogger({str(tmp_path / "log")!r}).log(read_result({str(tmp_path / "run")!r}))
"""
    refused = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "another process logs a search there" in refused.stderr
    logger.close()
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_a_tool_that_is_away_later_does_not_end_the_search(
    tmp_path: Path, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    tool = TensorBoard(tmp_path, database)
    blocked = tool.folder / ".candidate-00001.part"

    def block(result: SearchResult, candidate: Candidate) -> None:
        if candidate.number == 0:
            (tool.folder / "candidate-00001").symlink_to(tmp_path / "nowhere")  # renaming a folder to it fails
        elif candidate.number == 1:
            assert "candidate 1 is logged later" in caplog.text
            (tool.folder / "candidate-00001").unlink()

    with tool.logger() as logger:
        result = search(SPACE, lambda c: 1.0, steps=3, callbacks=[logger, block], **SMALL)
    assert not blocked.exists()
    assert sorted(tool.candidates()) == [0, 1, 2]
    assert sorted(tool.course()["reward"]) == [(n, 1.0) for n in range(3)]
    assert len(result.history) == 3


def test_a_candidate_that_was_half_logged_is_logged_once(tmp_path: Path, database: str) -> None:
    """A process was killed between the values and the end of the run."""
    tool = MLflow(tmp_path, database)
    result = search(SPACE, evaluate, steps=4, **SMALL)
    tool.logger().log(result)  # and not closed
    half = next(run for run in tool.runs(child=True) if run.data.tags["sanas.candidate"] == "3")
    tool.client.update_run(half.info.run_id, status="RUNNING")
    with tool.logger() as logger:
        assert logger.log(result) == 1
    check(tool, result)
    assert {run.info.status for run in tool.runs(child=True)} == {"FINISHED", "FAILED"}
    assert [run.info.status for run in tool.runs(child=False)] == ["FINISHED"]
