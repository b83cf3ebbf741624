"""Candidates that are stopped early, and rounds with rising budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from sanas_spaces import SANAS, Candidate, search
from sanas_spaces.errors import CandidatePruned, ConfigError, RewardError
from sanas_spaces.nas import MedianStop
from sanas_spaces.searching.budgets import Halving, standing
from sanas_spaces.searching.record import Entry
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]
EPOCHS = 4


def score_after(tokens: list[int], epochs: int) -> float:
    """A learning curve: all of it is there after four epochs."""
    return reward_of(tokens) - 2.0 ** (EPOCHS - epochs)


class Training:
    """Reports after each epoch, as a training would, and remembers how many there were."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def __call__(self, candidate: Candidate) -> float:
        self.epochs.append(0)
        for epoch in range(1, EPOCHS + 1):
            self.epochs[-1] = epoch
            if epoch < EPOCHS and candidate.prunable:
                candidate.report(score_after(candidate.tokens, epoch), epoch)
                if candidate.should_prune():
                    raise CandidatePruned("not promising")
        return score_after(candidate.tokens, EPOCHS)


@pytest.mark.parametrize("pruner", ["median", MedianStop(None, 1), optuna.pruners.PercentilePruner(40.0)])
def test_bad_candidates_are_stopped_and_the_good_ones_are_not(pruner: Any) -> None:
    training = Training()
    result = search(SPACE, training, steps=30, seed=0, pruner=pruner, algorithm="random")
    rows = result.history
    states = [row["state"] for row in rows]
    assert 5 < states.count("pruned") < 29
    assert [row["state"] == "pruned" for row in rows] == [epochs < EPOCHS for epochs in training.epochs]
    rewards = [reward_of(row["tokens"]) for row in rows]
    complete = [reward for reward, state in zip(rewards, states, strict=True) if state == "complete"]
    pruned = [reward for reward, state in zip(rewards, states, strict=True) if state == "pruned"]
    assert np.mean(complete) > np.mean(pruned)
    assert result.best.tokens == rows[int(np.argmax(rewards))]["tokens"]  # with curves that never cross it survives


def test_a_stopped_candidate_counts_as_what_stood_there_among_the_complete_ones() -> None:
    complete = [
        Entry(n, (n,), TrialState.COMPLETE, (10.0 + reward,), scores={1: score, 2: 99.0})
        for n, (score, reward) in enumerate([(0.1, 1.0), (0.2, 3.0), (0.4, 5.0)])
    ]

    def estimate(scores: dict[int, float]) -> float | None:
        return standing(Entry(9, (9,), TrialState.PRUNED, scores=scores), complete)

    assert estimate({1: 0.2}) == pytest.approx(13.0)
    assert estimate({1: 0.3}) == pytest.approx(14.0)
    assert estimate({0: 5.0, 1: 0.0}) == pytest.approx(11.0)
    assert estimate({3: 0.3}) is None
    assert estimate({}) is None


@pytest.mark.parametrize("algorithm", ["annealing", "model", "paddleslim", "evolution", "local"])
@pytest.mark.parametrize("options", [{"pruner": "median"}, {"budgets": [1, 2, 4]}], ids=["pruner", "budgets"])
def test_a_resumed_search_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path, algorithm: str, options: dict[str, Any]
) -> None:
    def evaluate(candidate: Candidate) -> float:
        if candidate.budget is not None:
            return score_after(candidate.tokens, candidate.budget)
        return Training()(candidate)

    whole = search(SPACE, evaluate, steps=18, seed=3, algorithm=algorithm, **options)

    class Killed(BaseException):
        pass

    count = 0
    for at in (4, 9, 13, 20, 10**6):

        def until(candidate: Candidate, at: int = at) -> float:
            nonlocal count
            count += 1
            if count % at == 0:
                raise Killed
            return evaluate(candidate)

        resume = any(tmp_path.iterdir())
        given = {} if resume else {**options, "seed": 3, "algorithm": algorithm}
        try:
            result = search(SPACE, until, steps=18, folder=tmp_path, resume=resume, **given)
        except Killed:
            continue
    assert result.history == whole.history


def test_budgets_give_each_round_the_best_of_the_one_before() -> None:
    seen: dict[int, list[int]] = {1: [], 3: [], 9: []}

    def evaluate(candidate: Candidate) -> float:
        assert candidate.budget is not None
        seen[candidate.budget].append(candidate.number)
        return score_after(candidate.tokens, candidate.budget) / candidate.budget

    result = search(SPACE, evaluate, steps=20, seed=0, budgets=[1, 3, 9], algorithm="random")
    rows = result.history
    assert len(seen[1]) == 20
    first = {row["number"]: row["scores"][1] for row in rows}
    assert seen[3] == sorted(first, key=lambda n: -first[n])[:6]
    second = {row["number"]: row["scores"][3] for row in rows if 3 in row["scores"]}
    assert seen[9] == sorted(second, key=lambda n: -second[n])[:2]
    assert [row["state"] for row in rows] == ["complete" if n in seen[9] else "pruned" for n in range(20)]
    assert result.best.number in seen[9]
    assert result.columns["state"] == [row["state"] for row in rows]
    assert result.columns["scores"] == [row["scores"] for row in rows]


def test_failures_between_rounds_leave_their_place_empty_and_small_scores_can_be_good() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 2 or (candidate.budget == 4 and candidate.number == 5):
            raise MemoryError("too large")
        return {"loss": float(abs(candidate.number - 5)), "epochs": float(candidate.budget or 0)}

    result = search(SPACE, evaluate, steps=9, seed=0, budgets=[1, 4], objectives={"loss": "min"}, algorithm="random")
    rows = result.history
    assert rows[2]["state"] == rows[5]["state"] == "fail"
    assert "scores" not in rows[2]
    assert rows[5]["scores"] == {1: 0.0}
    assert [row["number"] for row in rows if row["state"] == "complete"] == [4]  # the other of two places was 5's
    assert result.best.number == 4
    assert rows[4]["epochs"] == 4.0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.lists(st.integers(1, 30), min_size=2, unique=True))
def test_a_round_is_never_larger_than_its_share_and_never_empty(scores: list[float], budgets: list[int]) -> None:
    halving = Halving(sorted(budgets))
    entries = [Entry(n, (n,), TrialState.RUNNING, scores={halving.budgets[0]: s}) for n, s in enumerate(scores)]
    for number in range(1, len(halving.budgets)):
        before, budget = halving.budgets[number - 1 : number + 1]
        candidates = [one for one in entries if before in one.scores]
        chosen = halving.round_of(entries, number)
        assert len(chosen) == max(1, len(candidates) * before // budget)
        worst = min(one.scores[before] for one in chosen)
        assert all(one.scores[before] <= worst for one in candidates if one not in chosen)
        for one in chosen:
            one.scores[budget] = one.scores[before]
        assert halving.round_of(entries, number) == chosen


def test_sanas_stops_a_candidate() -> None:
    sanas = SANAS(SPACE, search_steps=30, seed=0, save_checkpoint=None, pruner="median")
    pruned = 0
    for _ in range(30):
        sanas.next_archs()
        assert sanas.current is not None
        tokens = sanas.current.tokens
        sanas.current.report(score_after(tokens, 1), 1)
        if sanas.current.should_prune():
            sanas.prune()
            pruned += 1
        else:
            sanas.reward(score_after(tokens, EPOCHS))
    states = [trial.state for trial in sanas.study.trials]
    assert states.count(TrialState.PRUNED) == pruned > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pruner": "medium"}, "pruner = 'medium': did you mean 'median'"),
        ({"pruner": 3}, r"pruner = 3: expected a name \(median, halving\)"),
        ({"budgets": [3]}, r"budgets = \[3\]: expected at least two rising whole numbers"),
        ({"budgets": [3, 2]}, r"budgets = \[3, 2\]"),
        ({"budgets": [0, 2]}, r"budgets = \[0, 2\]"),
        ({"budgets": [1, 2], "pruner": "median"}, "choose one of them"),
        ({"budgets": [1, 2], "objectives": {"a": "max", "flops": "min"}}, "take one objective"),
    ],
)
def test_what_does_not_fit_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        search(SPACE, Training(), steps=3, **options)


def test_reports_that_are_no_scores_are_named() -> None:
    seen = []

    def evaluate(candidate: Candidate) -> float:
        for step, score in ((1, float("nan")), (-1, 0.5), (True, 0.5)):
            with pytest.raises(RewardError, match=r"score = nan|step = -1|step = True"):
                candidate.report(score, step)
            seen.append(step)
        return 1.0

    search(SPACE, evaluate, steps=1, pruner="median")
    assert len(seen) == 3
