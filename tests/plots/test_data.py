"""What plots show, against the same told in a simpler way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces.errors import ConfigError
from sanas_spaces.plots import (
    Trail,
    cost_data,
    front_numbers,
    importance_data,
    moves_data,
    outcome_data,
    progress_data,
    volume_data,
)
from sanas_spaces.tokens import TokenField, TokenTable

TABLE = TokenTable(
    (
        TokenField("block 1 kernel", (3, 5), False),
        TokenField("block 1 channels", (8, 16, 32, 64), True),
        TokenField("block 1 pool", ("max",), False),
    )
)


def trail(rows: list[dict[str, Any]], goals: dict[str, str] | None = None) -> Trail:
    """Rows as a history has them."""
    full = [
        {"number": i, "state": "complete", "reward": None, "tokens": [0, 0, 0], "reason": None, **row}
        for i, row in enumerate(rows)
    ]
    return Trail(full, TABLE, goals or {"reward": "max"})


histories = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 20)), st.integers(1, 20)).map(
        lambda pair: {"reward": pair[0], "flops": pair[1], "state": "fail" if pair[0] is None else "complete"}
    ),
    max_size=20,
)


@given(histories)
def test_pareto_front_is_what_nothing_cheaper_beats(history: list[dict[str, Any]]) -> None:
    data = cost_data(trail([{"flops": 1}, *history]))
    points = list(zip(data.costs, data.rewards, strict=True))
    front = {points[position] for position in data.front}
    for cost, reward in points:
        beaten = any(c <= cost and r >= reward and (c, r) != (cost, reward) for c, r in points)
        assert ((cost, reward) in front) == (not beaten)


@given(histories)
def test_progress_leaves_failures_out(history: list[dict[str, Any]]) -> None:
    data = progress_data(trail(history))
    assert data.numbers == [i for i, row in enumerate(history) if row["reward"] is not None]
    assert data.failed == [i for i, row in enumerate(history) if row["reward"] is None]
    assert all(best == max(data.rewards[: i + 1]) for i, best in enumerate(data.best))


def test_small_is_good_where_it_is_the_goal() -> None:
    told = trail([{"reward": 5.0, "error": 5.0}, {"reward": 3.0, "error": 3.0}, {"reward": 4.0, "error": 4.0}])
    told = Trail(told.rows, TABLE, {"error": "min"})
    assert progress_data(told).best == [5.0, 3.0, 3.0]
    assert front_numbers(told) == [1]


def test_several_goals_have_a_front_and_a_volume_that_grows() -> None:
    rows = [{"accuracy": a, "flops": f} for a, f in ((0.5, 10), (0.7, 30), (0.6, 40), (0.9, 90))]
    told = trail(rows, {"flops": "min", "accuracy": "max"})
    assert told.main == "accuracy"
    assert front_numbers(told) == [0, 1, 3]
    assert cost_data(told, "flops").front == [0, 1, 3]
    volumes = volume_data(told).volumes
    assert volumes == sorted(volumes)
    assert volumes[1] == volumes[2] < volumes[3]


def test_stopped_candidates_have_their_last_score() -> None:
    told = trail([{"reward": 0.5}, {"state": "pruned", "scores": {"2": 0.1, "10": 0.3}}])
    assert progress_data(told).stopped == [(1, 0.3)]


def test_costs_are_figures_of_the_cost_and_whatever_was_measured() -> None:
    told = trail([{"reward": 0.5, "flops": 3, "buffers": 1, "latency_ms": 2.5, "hash": "a", "seconds": True}])
    assert told.costs == ["flops", "latency_ms"]
    with pytest.raises(ConfigError, match="did you mean 'flops'"):
        cost_data(told, "flop")


def test_moves_are_told_candidate_by_candidate_or_in_equal_parts() -> None:
    rows = [{"tokens": [int(i >= 6), i % 4, 0]} for i in range(10)]
    data = moves_data(trail(rows))
    assert data.labels == ["block 1 kernel", "block 1 channels"]  # the pool has one option
    assert data.spans == [(i, i) for i in range(10)]
    assert [cell.option for cell in data.cells[0]] == [3] * 6 + [5] * 4
    assert [cell.place for cell in data.cells[1]][:4] == [0.0, 1 / 3, 2 / 3, 1.0]
    parts = moves_data(trail(rows), columns=2)
    assert parts.spans == [(0, 4), (5, 9)]
    assert [(cell.option, cell.share) for cell in parts.cells[0]] == [(3, 1.0), (5, 0.8)]


@given(st.integers(0, 60), st.integers(1, 12))
def test_every_candidate_is_in_one_column(count: int, columns: int) -> None:
    spans = moves_data(trail([{} for _ in range(count)]), columns).spans
    assert [n for first, last in spans for n in range(first, last + 1)] == list(range(count))
    assert len(spans) == min(count, columns)


def test_failures_are_grouped_by_the_first_line_of_their_reason() -> None:
    rows = [
        {"reward": 1.0},
        *({"state": "fail", "reason": "out of memory\nat 0x12"} for _ in range(2)),
        {"state": "fail"},
    ]
    found = outcome_data(trail(rows))
    assert [(one.state, one.reason, one.numbers) for one in found] == [
        ("complete", "", [0]),
        ("fail", "out of memory", [1, 2]),
        ("fail", "no reason was told", [3]),
    ]


def drawn(count: int, reward: Any) -> Trail:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        tokens = [int(rng.integers(2)), int(rng.integers(4)), 0]
        rows.append({"tokens": tokens, "reward": float(reward(tokens, rng))})
    return trail(rows)


def test_importance_finds_the_choice_that_decides() -> None:
    data = importance_data(drawn(80, lambda tokens, rng: tokens[1] + 0.3 * tokens[0] + 0.02 * rng.normal()))
    assert data.labels == ["block 1 channels", "block 1 kernel"]
    # the shares of the variance are 1.25 and 0.0225, of 1.2729 together
    assert data.values[0] == pytest.approx(1.25 / 1.2729, abs=0.2)
    assert data.values[1] == pytest.approx(0.0225 / 1.2729, abs=0.03)
    assert data.explained > 0.9


def test_importance_of_nothing_is_nothing() -> None:
    data = importance_data(drawn(80, lambda tokens, rng: rng.normal()))
    assert data.explained < 0.2
    assert max(data.values) < 0.2


def test_importance_is_the_same_again_and_not_told_of_few() -> None:
    told = drawn(30, lambda tokens, rng: tokens[1])
    assert importance_data(told) == importance_data(told)
    few = importance_data(drawn(9, lambda tokens, rng: tokens[1]))
    assert (few.labels, few.candidates) == ([], 9)
    assert importance_data(drawn(20, lambda tokens, rng: 1.0)).labels == []
