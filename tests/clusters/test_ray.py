"""Candidates as tasks of a Ray cluster, some of whose parts die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from sanas_spaces import Candidate, SearchResult, search
from sanas_spaces.errors import ConfigError, EvaluationError
from sanas_spaces.searching.execution import RayExecutor
from tests.clusters.conftest import Nodes
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]


def evaluation(folder: Path, seconds: float) -> Callable[[Candidate], float]:
    """An evaluation that leaves a file for its beginning, on which node, and one for its end."""

    def evaluate(candidate: Candidate) -> float:
        name = f"{candidate.number} {ray.get_runtime_context().get_node_id()} {time.monotonic_ns()}"
        (folder / f"began {name}").touch()
        time.sleep(seconds)
        (folder / f"ended {name}").touch()
        return reward_of(candidate.tokens)

    return evaluate


def seen(folder: Path, what: str) -> list[tuple[int, str, int]]:
    """Number, node and time of evaluations that began, or of those that ended."""
    names = sorted(path.name.split() for path in folder.glob(f"{what} *"))
    return [(int(number), node, int(time)) for _, number, node, time in names]


def most_at_once(folder: Path, nodes: set[str] | None = None) -> int:
    """Evaluations that ran together, at most, by the times of their files."""
    changes = []
    for number, node, began in seen(folder, "began"):
        ended = (folder / f"ended {number} {node} {began}").stat().st_mtime_ns
        started = (folder / f"began {number} {node} {began}").stat().st_mtime_ns
        if nodes is None or node in nodes:
            changes += [(started, 1), (ended, -1)]
    count = most = 0
    for _, change in sorted(changes):
        count += change
        most = max(most, count)
    return most


def check(result: SearchResult, steps: int) -> None:
    """Every candidate is there once, with the reward that is its own."""
    rows = result.history
    assert [row["number"] for row in rows] == list(range(steps))
    assert len({row["hash"] for row in rows}) == steps
    assert result.columns["state"] == ["complete"] * steps
    assert all(row["reward"] == pytest.approx(reward_of(row["tokens"])) for row in rows)


def test_a_node_that_dies_loses_no_candidate(nodes: Nodes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    doomed = nodes.add()
    killed: list[list[int]] = []

    def kill(result: SearchResult, candidate: Candidate) -> None:
        ended = {number for number, _, _ in seen(log, "ended")}
        there = [number for number, node, _ in seen(log, "began") if node == doomed.node_id and number not in ended]
        if there and not killed:
            nodes.kill(doomed)
            killed.append(there)

    result = search(SPACE, evaluation(log, 0.6), steps=12, seed=0, executor="ray", folder="run", callbacks=[kill])
    assert killed, "no candidate was on that node"
    check(result, 12)
    again = [number for number in killed[0] if [one for one, _, _ in seen(log, "began")].count(number) > 1]
    assert again == killed[0]
    check(search(SPACE, lambda candidate: 0.0, steps=12, folder="run", resume=True), 12)


def test_a_candidate_gets_what_it_needs(nodes: Nodes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()

    def on_gpu(candidate: Candidate) -> dict[str, Any]:
        while candidate.number == 0 and not seen(log, "began"):  # the first one waits for a second
            time.sleep(0.05)
        reward = evaluation(log, 0.2)(candidate)
        return {"score": reward, "gpu": os.environ["CUDA_VISIBLE_DEVICES"], "threads": os.environ["OMP_NUM_THREADS"]}

    executor = RayExecutor(num_cpus=0.25, num_gpus=0.5)
    try:
        assert executor.slots == 2  # by the GPU; by the CPUs it were 8
        assert RayExecutor(num_cpus=0.75).slots == 2  # one on each node, though two CPUs have room for 2.67
        assert RayExecutor(num_cpus=0, resources={"fast": 0.1}).slots == 10
        assert RayExecutor(num_gpus=3).slots == 1  # waits until there are so many
        result = search(SPACE, on_gpu, steps=6, seed=0, executor=executor, objectives={"score": "max"})
    finally:
        executor.shutdown()
    assert len(result.history) == len({row["hash"] for row in result.history}) == 6
    assert set(result.columns["gpu"]) == {"0"}
    assert set(result.columns["threads"]) == {"1"}
    assert len({node for _, node, _ in seen(log, "began")}) == 1
    assert most_at_once(log) <= 2


GROWING = """
import sys
import time
from pathlib import Path
from sanas_spaces import search
from tests.clusters.test_ray import SPACE, evaluation

folder = Path.cwd()  # tasks run elsewhere

def evaluate(candidate):
    if candidate.number == 2:
        (folder / "third").touch()
    deadline = time.monotonic() + 90
    while not (folder / "third").exists():
        assert time.monotonic() < deadline, "no third candidate was begun"
        time.sleep(0.05)
    return evaluation(folder / "log", 0.2)(candidate)

search(SPACE, evaluate, steps=12, seed=0, executor="ray", folder="run", on_start=lambda *_: print(flush=True))
"""


def test_a_search_grows_and_shrinks_with_the_cluster(nodes: Nodes, tmp_path: Path) -> None:
    """The first two candidates end only when a third one runs, on a node that joins after they have begun."""
    log = tmp_path / "log"
    log.mkdir()
    driver = subprocess.Popen([sys.executable, "-c", GROWING], stdout=subprocess.PIPE)
    for _ in range(2):
        assert driver.stdout is not None
        driver.stdout.readline()
    time.sleep(1.0)
    joined = nodes.add()
    while driver.poll() is None and joined.node_id not in {node for _, node, _ in seen(log, "began")}:
        time.sleep(0.05)
    nodes.kill(joined)
    assert driver.wait() == 0
    assert joined.node_id in {node for _, node, _ in seen(log, "began")}
    check(search(SPACE, lambda candidate: 0.0, steps=12, folder="run", resume=True), 12)


DRIVER = """
from pathlib import Path
from sanas_spaces import search
from tests.clusters.test_ray import SPACE, evaluation

result = search(SPACE, evaluation(Path("log").resolve(), 0.4), steps=10, executor="ray", folder="run",
                seed=None if Path("run").exists() else 0, resume=Path("run").exists())
"""


def test_a_driver_that_is_killed_goes_on_from_its_record(nodes: Nodes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    driver = subprocess.Popen([sys.executable, "-c", DRIVER])
    while len(seen(log, "ended")) < 3:
        assert driver.poll() is None, "the search ended before it was killed"
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = search(SPACE, lambda candidate: 0.0, steps=1, folder="run", resume=True).history
    known = {row["number"]: row["reward"] for row in before if row["state"] == "complete" and row["reward"] != 0.0}
    assert len(known) >= 2
    subprocess.run([sys.executable, "-c", DRIVER], check=True)
    after = search(SPACE, lambda candidate: 0.0, steps=1, folder="run", resume=True).history
    assert len(after) == len({row["hash"] for row in after}) == 10
    assert all(row["state"] == "complete" for row in after)
    assert all(after[number]["reward"] == reward for number, reward in known.items())
    again = [number for number, _, _ in seen(log, "began") if number in known]
    assert len(again) == len(set(again))  # nothing that had its reward was evaluated again


def test_what_goes_wrong_in_a_candidate_is_recorded(nodes: Nodes) -> None:
    def sometimes(candidate: Candidate) -> float:
        if candidate.number == 1:
            raise KeyError("block_7")
        if candidate.number == 2:
            os._exit(3)
        return reward_of(candidate.tokens)

    executor = RayExecutor(max_retries=0)
    try:
        result = search(SPACE, sometimes, steps=5, seed=0, executor=executor)
        with pytest.raises(EvaluationError, match="first 3 candidates all failed, the last with KeyError: 'here'"):
            search(SPACE, lambda candidate: {}["here"], steps=9, seed=0, executor=executor)
    finally:
        executor.shutdown()
    assert result.columns["state"] == ["complete", "fail", "fail", "complete", "complete"]
    assert result.history[1]["reason"] == "KeyError: 'block_7'"
    assert "in sometimes" in result.engine.record.entries[1].attrs["traceback"]
    assert result.history[2]["reason"].startswith("WorkerCrashedError")


def test_interrupted_candidates_do_not_go_on(nodes: Nodes, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()

    def stop(result: SearchResult, candidate: Candidate) -> None:
        raise KeyboardInterrupt

    def evaluate(candidate: Candidate) -> float:
        return evaluation(log, 0.0 if candidate.number == 0 else 600.0)(candidate)

    executor = RayExecutor()
    try:
        with pytest.raises(KeyboardInterrupt):
            search(SPACE, evaluate, steps=9, seed=0, executor=executor, callbacks=[stop])
        assert ray.get(ray.remote(num_gpus=1)(lambda: 7).remote(), timeout=60) == 7
        deadline = time.monotonic() + 60
        while ray.available_resources().get("CPU", 0) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert ray.available_resources()["CPU"] == 2
    finally:
        executor.shutdown()


def test_what_cannot_travel_is_named_before_a_candidate_is_begun(nodes: Nodes) -> None:
    lock = threading.Lock()
    with pytest.raises(ConfigError, match=r"evaluate cannot be sent to the Ray cluster: .*lock"):
        search(SPACE, lambda candidate: float(lock.locked()), executor="ray", folder="run", seed=0)
    assert len(search(SPACE, lambda candidate: 0.0, steps=1, folder="run", resume=True).history) == 1


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({"num_cpus": 0}, "a candidate needs {'CPU': 0, 'GPU': 0}: expected"),
        ({"num_gpus": -1}, "a candidate needs {'CPU': 1, 'GPU': -1}: expected no negative"),
    ],
)
def test_needs_that_mean_nothing_are_refused(needs: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RayExecutor(**needs)


def test_a_cluster_of_its_own_ends_with_the_search(tmp_path: Path) -> None:
    """Quietly, and without telling Ray's makers about it."""
    script = """
import os
import psutil
import ray
from sanas_spaces import search

def evaluate(candidate):
    print("not for the driver")
    return float(sum(candidate.tokens))

def look(result, candidate):
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    names = {child.name() for child in psutil.Process().children(recursive=True)}
    assert "raylet" in names, names

result = search([("ResNetBlockSpace2", {"block_mask": [0, 1]})], evaluate, steps=3, seed=0, executor="ray",
                callbacks=[look])
assert not ray.is_initialized()
assert all(child.status() == psutil.STATUS_ZOMBIE for child in psutil.Process().children(recursive=True))
print(result.columns["state"])
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    before = {process.pid for process in psutil.process_iter()}
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        environment |= {"RAY_TMPDIR": folder, "RAY_worker_niceness": "0"}
        arguments = [sys.executable, "-W", "ignore", "-c", script]
        done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['complete', 'complete', 'complete']\n"
    assert done.stderr == ""
    began = [one for one in psutil.process_iter(["name", "status"]) if one.pid not in before]
    running = [one for one in began if one.info["status"] != psutil.STATUS_ZOMBIE]  # zombies wait for who adopted them
    assert not [one for one in running if "ray" in one.info["name"].lower()]
