"""The median rule stops what PaddleSlim's stops; ``record.py`` says how its answers are made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sanas_spaces.errors import ConfigError, RewardError
from sanas_spaces.nas import SANAS, EarlyStopBase, MedianStop

from .record import RECORDED, results, statuses

CASES = json.loads(RECORDED.read_text())["median_stop"]


@pytest.fixture
def sanas() -> SANAS:
    return SANAS(["ResNetSpace"], save_checkpoint=None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['mode']}-{case['start']}-{case['seed']}")
def test_answers_are_paddleslims(case: dict[str, Any], sanas: SANAS) -> None:
    rule = MedianStop(sanas, case["start"], case["mode"])
    assert statuses(rule, results(case["seed"])) == case["statuses"]


def test_median_of_completed_candidates_decides(sanas: SANAS) -> None:
    rule = MedianStop(sanas, 1, "maximize")
    for step, result in enumerate([0.3, 0.4, 0.5]):
        assert [rule.get_status(step, result, 2) for _ in range(2)] == ["GOOD", "GOOD"]
    assert rule.get_status(3, 0.39, 2) == "BAD"
    assert rule.get_status(4, 0.41, 2) == "GOOD"


def test_two_rules_do_not_know_of_each_other(sanas: SANAS) -> None:
    first, second = MedianStop(sanas, 0), MedianStop(sanas, 0)
    assert first.get_status(0, 10.0, 1) == "GOOD"
    assert first.get_status(1, 1.0, 1) == "BAD"
    assert second.get_status(0, 1.0, 1) == "GOOD"


def test_errors_name_what_is_wrong(sanas: SANAS) -> None:
    with pytest.raises(ConfigError, match="mode = 'maxi': expected 'maximize' or 'minimize'"):
        MedianStop(sanas, 1, "maxi")
    with pytest.raises(ConfigError, match="start_epoch = -1"):
        MedianStop(sanas, -1)
    with pytest.raises(RewardError, match="nan"):
        MedianStop(sanas, 0).get_status(0, float("nan"), 3)
    with pytest.raises(NotImplementedError, match=r"Own has to define get_status"):
        type("Own", (EarlyStopBase,), {})().get_status(0, 1.0, 1)
