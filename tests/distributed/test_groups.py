"""Journals that write many operations at once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import CombinedSpace
from sanas_spaces.searching.constraints import Constraints
from sanas_spaces.searching.engine import Engine
from sanas_spaces.searching.opening import open_engine
from sanas_spaces.searching.places import place_of
from sanas_spaces.searching.record import Record

from .serving import CONFIGS

FULL = """
import json, resource, signal, sys, time, urllib.error, urllib.request
from pathlib import Path
from sanas_spaces import SANAS
from tests.distributed.serving import CONFIGS

folder = Path(sys.argv[1])
sanas = SANAS(CONFIGS, server_addr=("", 0), save_checkpoint=folder, seed=1, algorithm="random")

def post(path, **fields):
    request = urllib.request.Request(sanas.server.url + path, json.dumps({"client": "a", **fields}).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())

assert post("/v1/candidates")[0] == 200
size = (folder / "sanas.journal").stat().st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, most))  # the disk is full now
told = [post("/v1/candidates/0/reward", reward=0.5)[0] for _ in range(3)]
whole = (folder / "sanas.journal").stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # somebody has made room
after = post("/v1/candidates/0/reward", reward=0.5)
print(json.dumps([told, whole, after]))
sanas.close()
"""


def engine(path: Path, **options: Any) -> Engine:
    return open_engine(
        CombinedSpace(CONFIGS), name="x", save_to=None, load_from=None, init_tokens=None, default_algorithm="random",
        seed=options.pop("seed", None), constraints=Constraints(None), input_shape=None, place=place_of(path, "sanas"),
        **options,
    )  # fmt: skip


def record(path: Path) -> Record:
    return Record.load(place_of(path, "sanas"), CombinedSpace(CONFIGS).table, {})


def test_a_group_is_written_at_its_end_and_is_the_same_as_one_by_one(tmp_path: Path) -> None:
    one, many = engine(tmp_path / "one.journal", seed=1), engine(tmp_path / "many.journal", seed=1)
    for _ in range(3):
        candidates = [one.take() for _ in range(4)]
        for number, candidate in enumerate(candidates):
            assert candidate
            one.tell(candidate, number) if number else one.fail(candidate, "why not")
        before = (tmp_path / "many.journal").stat().st_size
        with many.group():
            given = [many.take() for _ in range(4)]
            assert (tmp_path / "many.journal").stat().st_size == before
        assert (tmp_path / "many.journal").stat().st_size > before
        with many.group():
            for number, candidate in enumerate(given):
                assert candidate
                many.tell(candidate, number) if number else many.fail(candidate, "why not")

    def shown(path: Path) -> list[Any]:
        return [(e.tokens, e.state, e.values, e.attrs["hash"], e.attrs.get("reason")) for e in record(path).entries]

    assert shown(tmp_path / "one.journal") == shown(tmp_path / "many.journal")
    assert many.finished == 9


def test_others_wait_for_a_group_and_read_it(tmp_path: Path) -> None:
    path = tmp_path / "shared.journal"
    first, second = engine(path, seed=1), engine(path)
    found: list[Any] = []

    def take(one: Engine) -> None:
        for _ in range(10):
            with one.group():
                found.extend(one.take() for _ in range(3))

    threads = [threading.Thread(target=take, args=(one,)) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({tuple(one.tokens) for one in found}) == 60
    assert [entry.number for entry in record(path).entries] == list(range(60))
    first.close()
    second.close()


def test_nothing_is_acknowledged_while_the_disk_is_full_and_nothing_is_lost(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FULL, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told, whole, (status, answer) = json.loads(done.stdout.splitlines()[-1])
    assert told == [503, 503, 503]
    assert whole
    assert (status, answer["state"], answer["reward"]) == (200, "complete", 0.5)
    assert [entry.reward for entry in record(tmp_path / "sanas.journal").entries] == [0.5]


def test_an_unwritten_group_comes_before_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    one = engine(path, seed=1)
    with one.group():
        candidates = [one.take() for _ in range(3)]
    with pytest.raises(ZeroDivisionError), one.group():
        assert candidates[0]
        one.tell(candidates[0], 1.0)
        1 / 0  # noqa: B018
    assert [entry.reward for entry in record(path).entries] == [1.0, None, None]
