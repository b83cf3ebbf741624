"""Records: nothing is lost, and a resumed search is the uninterrupted one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import SANAS
from sanas_spaces.errors import RecordError
from tests.searching.conftest import reward_of

SPACE = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]


def make(folder: Path | None, load: Path | None = None, **settings: Any) -> SANAS:
    return SANAS(settings.pop("configs", SPACE), save_checkpoint=folder, load_checkpoint=load, **settings)


def step(sanas: SANAS, reward: float | None = None) -> list[int]:
    sanas.next_archs()
    tokens = sanas.current_info()["current_tokens"]
    sanas.reward(reward_of(tokens) if reward is None else reward)
    return tokens


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.data())
def test_a_resumed_search_is_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, rewards: list[float], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rewards) - 1))
    handed_out = data.draw(st.booleans())
    whole = make(None, seed=3)
    expected = [step(whole, reward) for reward in rewards]

    folder = tmp_path_factory.mktemp("run")
    sanas = make(folder, seed=3)
    issued = [step(sanas, reward) for reward in rewards[:cut]]
    if handed_out:
        sanas.next_archs()  # and then the process dies
    resumed = make(folder, folder)
    issued += [step(resumed, reward) for reward in rewards[cut:]]
    assert issued == expected
    assert resumed.current_info() == whole.current_info()


def test_checkpoint_of_one_folder_goes_on_in_another(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    first = make(old, seed=1)
    issued = [step(first) for _ in range(4)]
    content = (old / "sanas.journal").read_bytes()
    second = make(new, old)
    issued.append(step(second))
    assert (old / "sanas.journal").read_bytes() == content
    assert [list(trial.user_attrs["tokens"]) for trial in second.study.trials] == issued
    in_memory = make(None, new)
    step(in_memory)
    assert len(in_memory.study.trials) == 6
    assert len(make(None, new).study.trials) == 5


def test_a_second_search_in_a_folder_leaves_the_first_alone(tmp_path: Path) -> None:
    step(make(tmp_path, seed=1))
    first = (tmp_path / "sanas.journal").read_bytes()
    later = make(tmp_path, seed=2)
    step(later)
    step(later)
    assert (tmp_path / "sanas.journal").read_bytes() == first
    assert sorted(path.name for path in tmp_path.glob("*.journal")) == ["sanas-2.journal", "sanas.journal"]
    assert len(make(None, tmp_path).study.trials) == 2, "the newest is continued"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"configs": [("MobileNetV2BlockSpace", {"block_mask": [1, 1]})]}, r"configs was .*\[0, 1\].* is .*\[1, 1\]"),
        ({"constraints": {"flops": 1e12}}, r"constraints was \{\}, and is .*flops"),
        ({"input_shape": (3, 32, 32)}, r"input_shape was \[3, 224, 224\], and is \[3, 32, 32\]"),
        ({"seed": 4}, "seed was 1, and is 4"),
        ({"reduce_rate": 0.5}, "reduce_rate was 0.85, and is 0.5"),
        ({"init_tokens": [0] * 8}, "init_tokens was"),
    ],
)
def test_a_record_of_another_search_is_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    step(make(tmp_path, seed=1))
    content = (tmp_path / "sanas.journal").read_bytes()
    with pytest.raises(RecordError, match=f"(?s)record of another search: {message}"):
        make(tmp_path, tmp_path, **changed)
    assert (tmp_path / "sanas.journal").read_bytes() == content


def test_a_line_cut_by_a_crash_is_dropped(tmp_path: Path) -> None:
    sanas = make(tmp_path, seed=1)
    issued = [step(sanas) for _ in range(3)]
    path = tmp_path / "sanas.journal"
    with path.open("ab") as file:
        file.write(b'{"op_code": 4, "study')
    resumed = make(tmp_path, tmp_path)
    step(resumed)
    assert [list(trial.user_attrs["tokens"]) for trial in resumed.study.trials][:3] == issued
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_damaged_record_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    sanas = make(tmp_path, seed=1)
    step(sanas)
    path = tmp_path / "sanas.journal"
    lines = path.read_text().splitlines()
    damaged = "\n".join([*lines[:2], "not json {", *lines[2:]]) + "\n"
    path.write_text(damaged)
    with pytest.raises(RecordError, match=r"sanas\.journal, line 3, is damaged"):
        make(tmp_path, tmp_path)
    assert path.read_text() == damaged


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"holds no record of a search \(sanas.journal\)"):
        make(None, tmp_path)


DRIVER = """
import sys
from pathlib import Path
from sanas_spaces import SANAS
from tests.searching.conftest import reward_of
folder = Path(sys.argv[1])
load = folder if list(folder.glob("*.journal")) else None
sanas = SANAS([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})], save_checkpoint=folder, load_checkpoint=load,
              seed=None if load else 3, search_steps=10**6)
print("ready", flush=True)
while True:
    sanas.next_archs()
    tokens = sanas.current_info()["current_tokens"]
    sanas.reward(reward_of(tokens))
    print(*tokens, flush=True)
"""


def kill_repeatedly(folder: Path, times: int) -> None:
    rng = random.Random(0)
    acknowledged: list[list[int]] = []
    for _ in range(times):
        root = Path(__file__).parents[2]
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
        time.sleep(rng.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        output = process.communicate()[0].splitlines(keepends=True)
        acknowledged += [[int(token) for token in line.split()] for line in output if line.endswith("\n")]
    study = make(None, folder).study
    recorded = [list(trial.user_attrs["tokens"]) for trial in study.trials if trial.value is not None]
    assert len(acknowledged) >= times // 2  # the searches got somewhere before they were killed
    missing = [tokens for tokens in acknowledged if tokens not in recorded]
    assert not missing
    assert len({trial.user_attrs["hash"] for trial in study.trials}) == len(study.trials)
    uninterrupted = make(None, seed=3, search_steps=10**6)
    assert [step(uninterrupted) for _ in recorded] == recorded


def test_killed_searches_lose_no_reward(tmp_path: Path) -> None:
    kill_repeatedly(tmp_path, 8)


@pytest.mark.slow
def test_killed_searches_lose_no_reward_many_times(tmp_path: Path) -> None:
    kill_repeatedly(tmp_path, 100)
