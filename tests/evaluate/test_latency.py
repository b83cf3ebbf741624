from __future__ import annotations

import gc
import logging
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace, NetArch, ops, search
from sanas_spaces.errors import ConfigError
from sanas_spaces.evaluate.combined import Combined
from sanas_spaces.evaluate.latency import MeasuredLatency, inference, stable_times, undisturbed
from sanas_spaces.kinds import ACTIVATIONS

SHAPE = (3, 16, 16)
TASKS = Path("/proc/self/task")
ROUNDS = st.lists(st.lists(st.floats(0.1, 10), min_size=4, max_size=4), min_size=8, max_size=8)


def threads() -> dict[str, int]:
    return {one["filepath"]: one["num_threads"] for one in threadpool_info()}


@pytest.fixture(autouse=True)
def nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def state() -> Any:
        return paddle.in_dynamic_mode(), paddle.get_flags("FLAGS_use_mkldnn"), threads(), gc.isenabled()

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    paddle.seed(5)
    expected, before = paddle.rand([1]).item(), state()
    paddle.seed(5)
    yield
    assert paddle.rand([1]).item() == expected
    assert state() == before
    assert not list(tmp_path.iterdir())


def wide(channels: int, size: int = 16) -> NetArch:
    def body(x: Any) -> Any:
        for i in range(2):
            x = ops.conv_bn(x, channels, 3, act="relu", name=f"conv_{i}")
        return x

    return NetArch(body, described=True, name="wide", input_shape=(3, size, size))


def test_larger_networks_take_longer() -> None:
    latency = MeasuredLatency((3, 32, 32), runs=5, warm_up=1)
    small, large = latency(wide(2)), latency(wide(200))
    assert list(small) == ["latency_ms", "latency_iqr_ms"]
    assert 0 < small["latency_ms"] < large["latency_ms"]
    assert small["latency_iqr_ms"] >= 0
    assert latency(wide(2))["latency_ms"] < large["latency_ms"]


def test_batch_size_and_classes_count() -> None:
    one = MeasuredLatency(SHAPE, runs=5, warm_up=1, name="phone")
    many = MeasuredLatency(SHAPE, runs=5, warm_up=1, batch_size=64, num_classes=7)
    assert one(wide(30))["phone_ms"] < many(wide(30))["latency_ms"]
    assert many.cost(wide(30)).output_shape == (7,)
    assert one.cost(wide(30)).output_shape == (30, 16, 16)


def test_networks_are_in_inference_mode() -> None:
    network = NetArch(lambda x: ops.dropout(ops.batch_norm(x, name="bn"), 0.9), described=True)
    images = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    output = inference(network, images, threads=1)()
    np.testing.assert_allclose(output, images / np.sqrt(1 + 1e-5), rtol=1e-5)


def test_networks_in_training_mode_and_static_mode_stay_there() -> None:
    network = wide(2)
    expected = network.training
    paddle.enable_static()
    try:
        MeasuredLatency(SHAPE, runs=4)(network)
        assert not paddle.in_dynamic_mode()
    finally:
        paddle.disable_static()
    assert network.training == expected


def cpu_milliseconds(run: Any) -> list[float]:
    """What each thread computed, most first."""

    def spent() -> dict[str, float]:
        return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e6 for task in TASKS.iterdir()}

    run()
    before = spent()
    for _ in range(20):
        run()
    return sorted((now - before.get(name, 0) for name, now in spent().items()), reverse=True)


@pytest.mark.skipif(not TASKS.exists() or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two cores")
def test_only_so_many_threads_compute() -> None:
    images = np.zeros((8, 3, 64, 64), np.float32)
    first, second, *_ = cpu_milliseconds(inference(wide(48, 64), images, threads=1))
    assert second < 0.2 * first
    first, second, *_ = cpu_milliseconds(inference(wide(48, 64), images, threads=2))
    assert second > 0.2 * first


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_collection_and_other_threads_wait(collecting: bool) -> None:
    before = threads()
    (gc.enable if collecting else gc.disable)()
    try:
        with undisturbed(1):
            assert not gc.isenabled()
            assert set(threads().values()) == {1}
        assert gc.isenabled() == collecting
        with pytest.raises(ZeroDivisionError), undisturbed(1):
            1 / 0  # noqa: B018
        assert gc.isenabled() == collecting
        assert threads() == before
    finally:
        gc.enable()


def test_rounds_end_when_the_two_best_agree() -> None:
    rounds = iter([[9.0] * 4, [5.0] * 4, [2.0, 2.0, 2.0, 8.0], [7.0] * 4, [2.05] * 4, [1.0] * 4])
    times, stable = stable_times(lambda: next(rounds))
    assert stable
    assert sorted(times) == [2.0] * 3 + [2.05] * 4 + [8.0]
    assert next(rounds) == [1.0] * 4


@given(ROUNDS, st.integers(2, 8))
def test_rounds_end_in_time_with_the_two_best(rounds: list[list[float]], most: int) -> None:
    used: list[list[float]] = []

    def measure() -> list[float]:
        used.append(rounds[len(used)])
        return used[-1]

    times, stable = stable_times(measure, most_rounds=most)
    medians = sorted(statistics.median(one) for one in used)
    assert 2 <= len(used) <= most
    assert stable == (medians[1] - medians[0] <= 0.05 * medians[0])
    assert stable or len(used) == most
    best = sorted(used, key=statistics.median)
    assert statistics.median(times[:4]) == medians[0]
    assert statistics.median(times[4:]) == medians[1]
    assert len(times) == len(best[0]) + len(best[1])


def test_a_machine_that_never_settles_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="sanas_spaces"):
        values = MeasuredLatency(SHAPE, runs=4, tolerance=0.0)(wide(2))
    assert "wide: latency did not become stable in 8 rounds of 4 runs" in caplog.text
    assert values["latency_ms"] > 0


def test_networks_that_call_paddle_themselves_are_measured() -> None:
    def body(x: Any) -> Any:
        weight = paddle.create_parameter([4, 3, 3, 3], "float32")
        return paddle.nn.functional.relu(paddle.nn.functional.conv2d(x, weight, padding="SAME"))

    assert MeasuredLatency(SHAPE, runs=4)(NetArch(body))["latency_ms"] > 0


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "DartsSpace" else ()) for name in sorted(SEARCHSPACE)],
)
def test_every_space_is_measured(name: str) -> None:
    block = issubclass(SEARCHSPACE.get(name), BlockSpace)
    space = CombinedSpace([(name, {"block_mask": [0, 1]} if block else {})])
    archs = space.token2arch([0] * len(space.table))
    assert MeasuredLatency(SHAPE, runs=4, warm_up=1)(archs)["latency_ms"] > 0


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_every_activation_runs(act: str) -> None:
    """Some fusions of Paddle end with an error, or end the process."""

    def body(x: Any) -> Any:
        x = ops.batch_norm(ops.conv2d(x, 8, 3, bias=True, act=act, name="a"), act=act, name="b")
        y = ops.conv_bn(x, 8, 3, groups=2, act=act, name="c")
        pair = [ops.conv_bn(ops.add(x, y), 4, 1, name="d"), ops.conv_bn(y, 4, 1, name="e")]
        return ops.classification_head(ops.activation(ops.concat(pair), act), 10)

    output = inference(NetArch(body, described=True), np.ones((2, *SHAPE), np.float32), threads=1)()
    assert output.shape == (2, 10)
    assert np.isfinite(output).all()


def test_a_search_takes_it_as_an_objective() -> None:
    evaluate = Combined(accuracy=lambda candidate: sum(candidate.tokens), latency=MeasuredLatency(SHAPE, runs=4))
    result = search(
        [("MobileNetV1BlockSpace", {"block_mask": [1]})],
        evaluate,
        objectives={"accuracy": "max", "latency_ms": "min"},
        steps=3,
        seed=0,
    )
    for row in result.history:
        assert row["state"] == "complete"
        assert row["latency_ms"] > 0 <= row["latency_iqr_ms"]
        assert row["accuracy"] == sum(row["tokens"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", 0), ("warm_up", -1), ("runs", 3), ("threads", 0), ("threads", 1.5), ("runs", True)],
)
def test_bad_settings_are_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} = {value}: expected a whole number of at least"):
        MeasuredLatency(SHAPE, **{name: value})


def test_a_bad_tolerance_is_named() -> None:
    with pytest.raises(ConfigError, match=r"tolerance = -0.1: expected a share"):
        MeasuredLatency(SHAPE, tolerance=-0.1)
