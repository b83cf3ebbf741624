"""Several clients of one search."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import SANAS, CombinedSpace
from sanas_spaces.errors import ConfigError, RewardError, SearchFinished, ServiceError
from sanas_spaces.searching.places import JournalFile
from sanas_spaces.searching.record import Record

from .conftest import Serve, plain
from .serving import CONFIGS, ServerProcess


def client(address: tuple[str, int] | None, **options: Any) -> SANAS:
    assert address is not None
    return SANAS(CONFIGS, server_addr=address, is_server=False, **options)


def in_threads(count: int, work: Any) -> None:
    """Run ``work(number)`` in threads; raise what one of them raises."""
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    for error in errors:
        raise error


def test_clients_share_a_search_and_end_with_it(serve: Serve) -> None:
    server = serve(search_steps=24)
    rewarded: list[list[int]] = []

    def work(number: int) -> None:
        sanas = client(server.server_addr)
        with pytest.raises(SearchFinished, match="all 24 steps are used"):
            while True:
                archs = sanas.next_archs()
                assert archs.cost((3, 16, 16)).flops > 0
                rewarded.append(archs.network.tokens)
                assert sanas.reward(sum(archs.network.tokens))
        assert sanas.current_info()["best_reward"] == max(map(sum, rewarded))

    in_threads(4, work)
    with pytest.raises(SearchFinished):
        server.next_archs()
    assert len(rewarded) == len({tuple(tokens) for tokens in rewarded}) == 24
    assert len({trial.user_attrs["hash"] for trial in server.study.trials}) == 24
    assert server.current_info()["best_reward"] == max(map(sum, rewarded))


def test_the_process_of_the_server_works_too(serve: Serve) -> None:
    server = serve(search_steps=4)
    other = client(server.server_addr)
    first, second = server.next_archs(), other.next_archs()
    assert first.network.tokens != second.network.tokens
    assert first.network.tokens == server.current_info()["current_tokens"]
    assert second.network.tokens == other.current_info()["current_tokens"]
    server.reward(1.0)
    other.fail("no memory")
    server.next_archs()
    server.next_archs()  # the one before is given up
    assert [trial.state.name for trial in server.study.trials] == ["COMPLETE", "FAIL", "FAIL", "RUNNING"]
    with pytest.raises(RewardError, match="expected a finite number"):
        other.next_archs()
        other.reward(float("nan"))
    other.reward(2.0)
    assert server.current_info()["best_reward"] == 2.0


def test_what_a_seed_proposes_is_the_same_over_a_network(serve: Serve) -> None:
    alone = SANAS(CONFIGS, save_checkpoint=None, seed=1, algorithm="annealing")
    other = client(serve(algorithm="annealing").server_addr)
    for _ in range(5):
        assert alone.next_archs().network.tokens == other.next_archs().network.tokens
        for sanas in (alone, other):
            assert sanas.current
            sanas.reward(sum(sanas.current.tokens))


def test_scores_on_the_way_stop_candidates(serve: Serve) -> None:
    server = serve(pruner="median")
    other = client(server.server_addr)
    for score in (0.5, 0.6, 0.7, 0.6, 0.5):
        other.next_archs()
        assert other.current
        assert other.current.prunable
        for step in range(3):
            other.current.report(score, step)
            assert not other.current.should_prune()
        other.reward(score)
    other.next_archs()
    assert other.current
    other.current.report(0.1, 0)
    other.current.report(0.1, 1)
    assert other.current.should_prune()
    other.prune()
    assert server.study.trials[-1].state.name == "PRUNED"


def test_a_dead_client_holds_nobody_up_and_its_candidate_is_handed_out_again(serve: Serve) -> None:
    server = serve(search_steps=3, lease=0.6)
    ask = plain(server)
    _, dead = ask.post("/v1/candidates", {"client": "dead"})  # and not a word more
    sanas = client(server.server_addr)
    seen = []
    began = time.monotonic()
    with pytest.raises(SearchFinished):
        while True:
            sanas.next_archs()
            assert sanas.current
            seen.append(sanas.current.number)
            time.sleep(0.3 if len(seen) == 1 else 0)
            sanas.reward(1.0)
    assert sorted(seen) == [0, 1, 2]
    assert seen[-1] == dead["number"]
    assert time.monotonic() - began < 20
    status, late = ask.post(f"/v1/candidates/{dead['number']}/reward", {"client": "dead", "reward": 9})
    assert (status, late["recorded"], late["reward"]) == (200, False, 1.0)


def test_a_late_reward_is_accepted_once(serve: Serve) -> None:
    server = serve(lease=0.3)
    ask = plain(server)
    _, given = ask.post("/v1/candidates", {"client": "slow"})
    time.sleep(0.5)
    _, again = ask.post("/v1/candidates", {"client": "quick"})
    assert again["number"] == given["number"]
    told = [
        ask.post(f"/v1/candidates/{given['number']}/reward", {"client": name, "reward": value})[1]
        for name, value in (("slow", 0.25), ("quick", 0.5), ("slow", 0.25))
    ]
    assert [(one["recorded"], one["reward"]) for one in told] == [(True, 0.25), (False, 0.25), (False, 0.25)]
    assert [trial.value for trial in server.study.trials] == [0.25]


def test_a_busy_client_keeps_its_candidate_by_saying_that_it_is_there(serve: Serve) -> None:
    server = serve(lease=0.4)
    sanas = client(server.server_addr)
    sanas.next_archs()
    time.sleep(1.5)  # SANAS says so in a thread
    assert sanas.current
    _, other = plain(server).post("/v1/candidates", {"client": "other"})
    assert other["number"] != sanas.current.number


def test_a_server_that_is_killed_and_started_again_goes_on(tmp_path: Path) -> None:
    """Clients wait meanwhile; rewards are there once, and nothing is proposed twice."""
    folder = tmp_path / "run"
    server = ServerProcess(folder, steps=60, lease=5.0)
    port = server.port
    told: dict[tuple[int, ...], float] = {}

    def work(number: int) -> None:
        sanas = client(("127.0.0.1", port), patience=60)
        try:
            while True:
                tokens = sanas.next_archs().network.tokens
                time.sleep(random.uniform(0, 0.15))
                sanas.reward(sum(tokens))
                assert tuple(tokens) not in told
                told[tuple(tokens)] = sum(tokens)
        except SearchFinished:
            return

    killer_done = threading.Event()

    def kill() -> None:
        nonlocal server
        for count in (5, 20, 40):
            while len(told) < count:
                time.sleep(0.01)
            server.kill()
            server = ServerProcess(folder, port=port, steps=60, lease=5.0)
        killer_done.set()

    try:
        in_threads(5, lambda number: kill() if number == 4 else work(number))
        assert killer_done.is_set()
    finally:
        server.kill()
    record = Record.load(JournalFile(folder / "sanas.journal"), CombinedSpace(CONFIGS).table, {})
    assert {entry.tokens: entry.reward for entry in record.entries if entry.reward is not None} == told
    assert len({entry.attrs["hash"] for entry in record.entries}) == len(record.entries) == 60


def test_clients_wait_for_a_server_and_then_say_that_there_is_none(serve: Serve) -> None:
    server = serve()
    address = server.server_addr
    sanas = client(address, patience=1.0)
    sanas.next_archs()
    server.close()
    began = time.monotonic()
    with pytest.raises(ServiceError, match=r"no answer from http://127.0.0.1:\d+ in 1 s: .*refused"):
        sanas.reward(1.0)
    assert 0.9 < time.monotonic() - began < 10
    assert sanas.current
    assert sanas.current.is_open
    serve(server_addr=address)  # another search at the same address, at once
    with pytest.raises(ServiceError, match="there is no candidate 0 in this search"):
        sanas.reward(1.0)


def test_a_reward_for_another_search_is_refused(serve: Serve) -> None:
    server = serve(seed=1)
    sanas = client(server.server_addr)
    sanas.next_archs()
    sanas.next_archs()
    server.close()
    other = serve(server_addr=server.server_addr, seed=2, init_tokens=[0] * 8)
    other.next_archs()
    other.next_archs()
    with pytest.raises(ServiceError, match="it belongs to another search"):
        sanas.reward(1.0)
    assert all(trial.value is None for trial in other.study.trials)


def test_a_client_of_another_space_is_refused(serve: Serve) -> None:
    server = serve()
    with pytest.raises(ConfigError, match=r"server of another search: its configs are .*not \[\['MobileNetV2Space'"):
        SANAS(["MobileNetV2Space"], server_addr=server.server_addr or ("", 0), is_server=False)


def test_two_searches_on_one_machine(serve: Serve) -> None:
    one, two = serve(seed=1, search_steps=5), serve(seed=2, search_steps=5)
    assert one.server_addr != two.server_addr
    for server in (one, two):
        sanas = client(server.server_addr)
        for _ in range(5):
            sanas.next_archs()
            sanas.reward(1.0)
        assert [trial.state.name for trial in server.study.trials] == ["COMPLETE"] * 5
    with pytest.raises(ServiceError, match=r"cannot listen on 127\.0\.0\.1:\d+: .* port 0 finds a free one"):
        serve(server_addr=one.server_addr)


def test_a_restart_in_one_process_on_the_same_port_works_at_once(serve: Serve, tmp_path: Path) -> None:
    server = serve(save_checkpoint=tmp_path)
    address = server.server_addr
    sanas = client(address)
    sanas.next_archs()
    for _ in range(3):
        server.close()
        server = serve(server_addr=address, save_checkpoint=tmp_path, load_checkpoint=tmp_path)
        assert server.server_addr == address
    sanas.reward(3.0)
    assert [trial.value for trial in server.study.trials] == [3.0]
