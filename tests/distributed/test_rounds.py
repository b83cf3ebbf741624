"""RLNAS with several clients."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sanas_spaces.distributed.messages import RequestError
from sanas_spaces.distributed.rounds import RoundsService
from sanas_spaces.errors import ConfigError, RecordError, RewardError, ServiceError
from sanas_spaces.nas import RLNAS
from sanas_spaces.nas.lstm_controller import ControllerSettings
from sanas_spaces.nas.rl_policy import Policy

from .test_clients import in_threads

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [0]})]
TABLE = [6, 20, 6, 2]
QUICK: dict[str, Any] = {"seed": 0, "hidden_size": 8}


class Clock:
    """A time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def policy(**options: Any) -> Policy:
    return Policy(TABLE, ControllerSettings(hidden_size=8), rng=np.random.default_rng(0), **options)


def service(**options: Any) -> RoundsService:
    return RoundsService(options.pop("policy", None) or policy(), CONFIGS, TABLE, **options)


def weights(one: Policy) -> Any:
    return one.controller.state()[1]["head0_bias"]


def test_asynchronous_clients_teach_at_once() -> None:
    ours, theirs = policy(), policy()
    rounds = service(policy=ours)
    first, second = rounds.next("a", 2, "1"), rounds.next("b", 1, None)
    assert rounds.next("a", 2, "1") == first
    assert theirs.draw(2) == first["tokens"]
    assert theirs.draw(1) == second["tokens"]
    told = {"recorded": True, "waiting": False}
    assert rounds.reward(second["batch"], "b", [0.5], None) == {"batch": second["batch"], **told}
    assert rounds.reward(second["batch"], "b", [0.9], None)["recorded"] is False
    rounds.reward(first["batch"], "a", [1.0, 0.0], None)
    theirs.update(second["tokens"], [0.5])
    theirs.update(first["tokens"], [1.0, 0.0])
    assert np.array_equal(weights(ours), weights(theirs))
    assert ours.controller.updates == 2


def test_synchronous_clients_teach_together_in_one_step() -> None:
    ours, theirs = policy(), policy()
    rounds = service(policy=ours, synchronous=True)
    given = {name: rounds.next(name, 2, None) for name in "abc"}
    drawn = [theirs.draw(2) for _ in "abc"]
    assert rounds.reward(given["c"]["batch"], "c", [3.0, 4.0], None)["waiting"]
    assert rounds.reward(given["a"]["batch"], "a", [1.0, 2.0], None)["waiting"]
    assert ours.controller.updates == 0
    assert not rounds.reward(given["b"]["batch"], "b", [5.0, 6.0], None)["waiting"]
    again = rounds.reward(given["c"]["batch"], "c", [3.0, 4.0], None)
    assert (again["recorded"], again["waiting"]) == (False, False)
    theirs.update([*drawn[0], *drawn[1], *drawn[2]], [1.0, 2.0, 5.0, 6.0, 3.0, 4.0])
    assert np.array_equal(weights(ours), weights(theirs))
    assert ours.controller.updates == 1


@pytest.mark.parametrize("how", ["silent", "leaves", "final"])
def test_a_round_does_not_wait_for_who_is_gone(how: str) -> None:
    clock = Clock()
    rounds = service(synchronous=True, lease=10.0, clock=clock)
    mine, theirs = rounds.next("a", 1, None), rounds.next("b", 1, None)
    assert rounds.reward(mine["batch"], "a", [1.0], None)["waiting"]
    clock.now = 9.0
    assert rounds.reward(mine["batch"], "a", [1.0], None)["waiting"]
    if how == "silent":
        clock.now = 10.5
    elif how == "leaves":
        rounds.leave("b")
    else:
        assert len(rounds.final("b", 3)["tokens"]) == 3
    assert not rounds.reward(mine["batch"], "a", [1.0], None)["waiting"]
    late = rounds.reward(theirs["batch"], "b", [2.0], None)
    assert late["recorded"], "a late reward is accepted"
    assert late["waiting"] is True, "with the next round, since b takes part again"
    mine = rounds.next("a", 1, None)
    assert not rounds.reward(mine["batch"], "a", [1.0], None)["waiting"]
    assert not rounds.reward(theirs["batch"], "b", [2.0], None)["recorded"]
    assert rounds.status()["finished"] == 3


def test_batches_are_known_after_a_restart(tmp_path: Path) -> None:
    rounds = service(policy=policy(save_to=tmp_path))
    with rounds.group():
        first, second = rounds.next("a", 1, None), rounds.next("a", 2, None)
    with rounds.group():
        rounds.reward(first["batch"], "a", [1.0], None)
    loaded = policy(save_to=tmp_path, load_from=tmp_path)
    rounds = service(policy=loaded, learnt=loaded.learnt)
    assert not rounds.reward(first["batch"], "a", [1.0], first["tokens"])["recorded"]
    with pytest.raises(RequestError, match="there is no open batch"):
        rounds.reward(second["batch"], "a", [1.0, 2.0], None)
    with pytest.raises(RequestError, match="not of"):
        rounds.reward(second["batch"], "a", [1.0], [[0, 0, 0, 2]])
    with pytest.raises(RequestError, match="3 rewards for 2 token lists"):
        rounds.reward(second["batch"], "a", [1.0, 2.0, 3.0], second["tokens"])
    assert rounds.reward(second["batch"], "a", [1.0, 2.0], second["tokens"])["recorded"]
    assert loaded.controller.updates == 2
    assert rounds.next("a", 1, None)["tokens"][0] not in [*first["tokens"], *second["tokens"]]


@pytest.mark.parametrize("is_sync", [False, True], ids=["async", "sync"])
def test_clients_and_the_process_of_the_server(is_sync: bool) -> None:
    rl_nas = RLNAS("lstm", CONFIGS, server_addr=("", 0), is_sync=is_sync, **QUICK)
    assert rl_nas.server
    address = rl_nas.server.address
    proposed: list[tuple[int, ...]] = []
    asked: list[list[float]] = [[], [], []]
    answered: list[list[float]] = [[], [], []]
    everybody = threading.Barrier(3)

    def work(number: int) -> None:
        mine = rl_nas if number == 0 else RLNAS("lstm", CONFIGS, server_addr=address, is_server=False)
        for turn in range(3):
            archs = mine.next_archs(2)
            assert mine.tokens
            assert archs[0].network.tokens == mine.tokens[0]
            proposed.extend(map(tuple, mine.tokens))
            if turn == 0:
                everybody.wait(60)  # the first round is of all three: who comes later takes part in the one after it
            time.sleep(0.1 * number)
            asked[turn].append(time.monotonic())
            assert mine.reward([sum(tokens) for tokens in mine.tokens])
            answered[turn].append(time.monotonic())
        if mine is not rl_nas:
            mine.close()

    try:
        in_threads(3, work)
        assert len(set(proposed)) == len(proposed) == 18
        with urllib.request.urlopen(f"{rl_nas.server.url}/v1/status") as answer:
            status = json.loads(answer.read())
        assert status["finished"] == 18
        assert status["best"]["reward"] == max(map(sum, proposed))
        if is_sync:
            for before, after in zip(asked, answered, strict=True):
                assert max(before) <= min(after), "nobody goes on alone"
        with pytest.raises(RewardError, match="call next_archs"):
            rl_nas.reward(1.0)
        assert len(rl_nas.final_archs(2)) == 2
    finally:
        rl_nas.close()
    with pytest.raises(ServiceError, match="no answer"):
        RLNAS("lstm", CONFIGS, server_addr=address, is_server=False, patience=0.2)


def test_a_client_waits_while_the_server_is_started_again(tmp_path: Path) -> None:
    first = RLNAS("lstm", CONFIGS, server_addr=("", 0), save_controller=tmp_path, **QUICK)
    assert first.server
    address = first.server.address
    client = RLNAS("lstm", CONFIGS, server_addr=address, is_server=False)
    client.next_archs(2)
    os.kill(first.server._process.pid, signal.SIGKILL)
    first.server.close()
    thread = threading.Thread(target=client.reward, args=([1.0, 2.0],))
    thread.start()
    second = RLNAS("lstm", CONFIGS, server_addr=address, save_controller=tmp_path, load_controller=tmp_path, **QUICK)
    try:
        thread.join(60)
        assert not thread.is_alive()
        client.next_archs(2)
        client.reward(0.5)
        assert second.server
        with urllib.request.urlopen(f"{second.server.url}/v1/status") as answer:
            assert json.loads(answer.read())["finished"] == 4
    finally:
        second.close()


def test_what_prevents_a_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="there is no saved controller here"):
        RLNAS("lstm", CONFIGS, server_addr=("", 0), load_controller=tmp_path, **QUICK)
    with pytest.raises(ConfigError, match="so the server needs a token"):
        RLNAS("lstm", CONFIGS, server_addr=("0.0.0.0", 0), **QUICK)
