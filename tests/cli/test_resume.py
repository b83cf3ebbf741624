"""``sanas search`` with workers and storages, ``sanas resume`` and ``sanas status``."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sanas_spaces import search

from .running import SPACE, TINY, sanas
from .test_commands import recorded


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sanas_spaces.cli", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also where the tests run in the background
    )


def wait_for(folder: Path, rewards: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(recorded(folder)) < rewards:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def test_ctrl_c_ends_workers_with_everything_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(tmp_path, "search", *TINY, "--steps", "6", "--workers", "2", "--output", "run")
    wait_for(run, 1, process)
    status = json.loads(sanas("status", "run", "--json", folder=tmp_path).stdout)
    assert status["candidates"]["complete"] >= 1
    assert all(one["alive"] for one in status["open"])
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted; continue with: sanas resume run" in errors
    assert "Traceback" not in errors
    before = recorded(run)
    shown = [line for line in output.splitlines() if line.startswith("#") and " % " in line]
    assert len(before) >= len(shown) >= 1
    told = sanas("status", "run", folder=tmp_path).stdout
    assert f"{len(before)} complete" in told
    done = sanas("resume", "run", "--workers", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert recorded(run)[: len(before)] == before
    assert [row["state"] for row in rows(run)] == ["complete"] * 6
    assert len({row["hash"] for row in rows(run)}) == 6


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, "search", *TINY, "--steps", "20", "--workers", "2", "--output", "run")
    wait_for(tmp_path / "run", 1, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert time.monotonic() - began < 20
    status = json.loads(sanas("status", "run", "--json", folder=tmp_path).stdout)
    assert status["candidates"]["complete"] >= 1


def test_a_run_in_a_database_is_continued_elsewhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    database = tmp_path / "shared.db"
    process = start(here, "search", *TINY, "--steps", "3", "--storage", str(database), "--output", "run")
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        status = sanas("status", str(database), "--json").stdout
        if status and json.loads(status)["candidates"]["complete"]:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert not list((here / "run").glob("*.journal"))
    before = json.loads(sanas("status", str(database), "--json").stdout)
    assert before["candidates"]["complete"] >= 1
    done = sanas("resume", f"sqlite:///{database}", "--output", "mine", folder=there)
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in rows(there / "mine")] == ["complete"] * 3
    assert json.loads((here / "run" / "run.json").read_text())["storage"] == str(database)


def test_workers_that_take_too_long_fail(tmp_path: Path) -> None:
    options = ["--steps", "3", "--workers", "1", "--time-limit", "0.01", "--epochs", "50", "--output", "run"]
    done = sanas("search", *SPACE, *options, folder=tmp_path)
    assert done.returncode == 1
    assert "it took longer than 0.01 s and was ended" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume", "nothing"], "nothing holds no run: run.json is missing"),
        (["resume", "scripted"], "was begun by a script: continue it there"),
        (["resume", "scripted.db"], "was begun by a script: continue it there"),
        (["status", "nothing"], "there is no record of a search here"),
        (
            ["status", "postgresql://me:secret@localhost:1/none"],
            "me:***@localhost:1/none cannot be opened",
        ),
        (["status", "scripted.db", "--study", "other"], "holds no search called 'other'"),
        (["search", "--storage", "oracle://there"], "expected sqlite://, postgresql:// or mysql://"),
        (["search", "--workers", "2", "--time-limit", "-1"], "time_limit = -1.0: expected a positive number"),
    ],
)
def test_what_cannot_be_is_one_line_and_an_exit_code(tmp_path: Path, arguments: list[str], message: str) -> None:
    for place in ({"folder": tmp_path / "scripted"}, {"storage": tmp_path / "scripted.db"}):
        search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], lambda c: 1.0, steps=1, algorithm="random", **place)
    done = sanas(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_status_of_a_script_s_search(tmp_path: Path) -> None:
    space = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]

    def evaluate(candidate: object) -> float:
        if candidate.number == 1:  # type: ignore[attr-defined]
            raise MemoryError("too large")
        return float(candidate.number)  # type: ignore[attr-defined]

    search(space, evaluate, steps=4, seed=3, folder=tmp_path / "run", algorithm="random")
    before = (tmp_path / "run" / "search.journal").read_bytes()
    status = json.loads(sanas("status", "run", "--json", folder=tmp_path).stdout)
    assert status["candidates"] == {"complete": 3, "failed": 1, "stopped early": 0, "open": 0}
    assert [(best["number"], best["values"]) for best in status["best"]] == [(3, {"reward": 3.0})]
    assert status["last_failure"] == {"number": 1, "reason": "MemoryError: too large"}
    assert (tmp_path / "run" / "search.journal").read_bytes() == before
