from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import Candidate, search
from sanas_spaces.errors import ConfigError, EvaluationError
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]


def evaluate(candidate: Candidate) -> float:
    return reward_of(candidate.tokens)


def test_result_tells_best_and_history() -> None:
    result = search(SPACE, evaluate, steps=25, seed=0)
    rows = result.history
    assert len(rows) == 25
    best = max(rows, key=lambda row: row["reward"])
    assert result.best.tokens == best["tokens"]
    assert result.best.reward == best["reward"] == rows[-1]["best"]
    assert [row["number"] for row in rows] == list(range(25))
    assert all(row["flops"] == result.space.token2arch(row["tokens"]).cost().flops for row in rows)
    assert [row["best"] for row in rows] == sorted(row["best"] for row in rows)
    assert result.best.choices["block 1 channels"] in (8, 16, 32, 40, 64, 128, 256, 512)
    assert result.settings["seed"] == 0


def test_failures_are_recorded_and_the_search_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def sometimes(candidate: Candidate) -> float:
        if candidate.number % 3 == 1:
            raise MemoryError("too large")
        return float("nan") if candidate.number % 3 == 2 else 1.0

    with caplog.at_level(logging.WARNING):
        result = search(SPACE, sometimes, steps=7, seed=0)
    rows = result.history
    assert [row["state"] for row in rows] == ["complete", "fail", "fail", "complete", "fail", "fail", "complete"]
    assert rows[1]["reason"] == "MemoryError: too large"
    assert "reward = nan" in rows[2]["reason"]
    assert "candidate 1 failed: MemoryError: too large" in caplog.text
    assert "too large" in result.engine.record.entries[1].attrs["traceback"]


def test_if_the_first_three_fail_the_mistake_is_elsewhere() -> None:
    def broken(candidate: Candidate) -> float:
        raise KeyError("typo")

    with pytest.raises(EvaluationError, match="the first 3 candidates all failed, the last with KeyError") as caught:
        search(SPACE, broken, steps=20)
    assert isinstance(caught.value.__cause__, KeyError)


def test_interrupted_candidate_is_evaluated_again(tmp_path: Path) -> None:
    evaluated: list[list[int]] = []

    def interrupted(candidate: Candidate) -> float:
        if candidate.number == 4:
            raise KeyboardInterrupt
        evaluated.append(candidate.tokens)
        return evaluate(candidate)

    with pytest.raises(KeyboardInterrupt):
        search(SPACE, interrupted, steps=9, seed=5, folder=tmp_path)

    def rest(candidate: Candidate) -> float:
        evaluated.append(candidate.tokens)
        return evaluate(candidate)

    result = search(SPACE, rest, steps=9, folder=tmp_path, resume=True)
    assert evaluated == [row["tokens"] for row in search(SPACE, evaluate, steps=9, seed=5).history]
    assert len(result.history) == 9


def test_the_end_of_a_space_ends_the_search(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = search(["ThreeChoices"], evaluate, steps=50)
    assert len(result.history) == 6
    assert "the search ends after 6 of 50 candidates" in caplog.text


def test_callbacks_see_every_candidate_with_its_result() -> None:
    seen: list[Any] = []
    search(SPACE, evaluate, steps=4, callbacks=[lambda result, c: seen.append((len(result.history), c.reward))])
    assert [count for count, _ in seen] == [1, 2, 3, 4]
    assert all(reward is not None for _, reward in seen)


def test_a_candidate_is_announced_before_it_is_evaluated() -> None:
    events: list[tuple[str, int]] = []

    def noted(candidate: Candidate) -> float:
        events.append(("evaluated", candidate.number))
        return 1.0

    search(SPACE, noted, steps=2, on_start=lambda result, candidate: events.append(("started", candidate.number)))
    assert events == [("started", 0), ("evaluated", 0), ("started", 1), ("evaluated", 1)]


class WithHead:
    """An evaluator whose networks cost more than the bare architectures."""

    input_shape = (3, 8, 8)

    def __call__(self, candidate: Candidate) -> float:
        assert candidate.cost is not None
        assert candidate.cost.flops == candidate.archs.cost((3, 8, 8)).flops + 1000
        return 1.0

    def cost(self, archs: Any) -> Any:
        from dataclasses import replace

        bare = archs.cost((3, 8, 8))
        return replace(bare, flops=bare.flops + 1000)


def test_an_evaluator_tells_shape_and_cost() -> None:
    result = search(SPACE, WithHead(), steps=5, constraints={"flops": 200_000})
    assert result.settings["input_shape"] == [3, 8, 8]
    assert all(row["flops"] <= 200_000 for row in result.history)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"steps": 0}, "steps = 0"), ({"resume": True}, "needs the folder"), ({"evaluate": 3}, "evaluate = 3")],
)
def test_bad_arguments_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        search(SPACE, **{"evaluate": evaluate, **settings})


def test_no_candidate_no_best() -> None:
    def fails_late(candidate: Candidate) -> float:
        raise ValueError

    result = search(["ThreeChoices"], fails_late, steps=2)
    with pytest.raises(EvaluationError, match="no candidate of this search was evaluated"):
        _ = result.best
