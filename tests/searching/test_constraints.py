from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import SANAS, CombinedSpace
from sanas_spaces.errors import ConstraintError
from sanas_spaces.searching import Constraints


def cost(name: str = "MobileNetV2Space", tokens: Any = None) -> Any:
    return CombinedSpace([name]).token2arch(tokens).cost()


def test_bounds_are_included() -> None:
    at = cost()
    assert Constraints({"flops": at.flops, "params": (at.params, None)}).violation(at) == 0
    assert Constraints({"flops": at.flops - 1}).violation(at) > 0
    assert Constraints({"params": (at.params + 1, None)}).violation(at) > 0
    assert Constraints({"depth": (at.depth, at.depth)}).violation(at) == 0


def test_violations_are_relative_and_add_up() -> None:
    at = cost()
    violation = Constraints({"flops": at.flops / 2, "params": at.params / 3}).violation(at)
    assert violation == pytest.approx(1 + 2)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"flop": 1e6}, "unknown metric 'flop'; did you mean 'flops'"),
        ({"accuracy": 1}, "unknown metric 'accuracy'"),
        ({"flops": "5e6"}, "constraint 'flops' = '5e6': expected a number"),
        ({"flops": True}, "expected a number"),
        ({"flops": float("nan")}, "expected a number"),
        ({"flops": (1, 2, 3)}, r"\(1, 2, 3\): expected an upper bound or \(low, high\)"),
        ({"flops": (5, 1)}, "no network can be within"),
        ({"flops": -1}, "no network can be within"),
    ],
)
def test_bad_bounds_are_named(bounds: Any, message: str) -> None:
    with pytest.raises(ConstraintError, match=message):
        Constraints(bounds)


def test_impossible_constraints_tell_the_nearest_and_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConstraintError, match=r"meets flops <= 100,000; the nearest seen has flops = 33,376,840"):
        SANAS(["MobileNetV2Space"], constraints={"flops": 1e5}, save_checkpoint=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_impossible_constraints_on_a_small_space() -> None:
    with pytest.raises(ConstraintError, match="flops"):
        SANAS(["ThreeChoices"], constraints={"flops": 1}, save_checkpoint=None)


@settings(deadline=None, max_examples=8)
@given(st.sampled_from([(6e7, None), (1e8, 5e5), (4e7, 2e5), (3e8, (1e6, 1.2e6))]), st.integers(0, 99))
def test_every_candidate_meets_the_constraints(bounds: tuple[float, Any], seed: int) -> None:
    constraints = {"flops": bounds[0]} | ({"params": bounds[1]} if bounds[1] else {})
    sanas = SANAS(["MobileNetV2Space"], constraints=constraints, seed=seed, save_checkpoint=None)
    checked = Constraints(constraints)
    for step in range(12):
        archs = sanas.next_archs()
        assert checked.violation(archs.cost()) == 0
        sanas.reward(float(np.sin(step)))


def test_a_start_outside_is_pulled_just_inside() -> None:
    sanas = SANAS(["MobileNetV2Space"], constraints={"flops": 2e8}, seed=0, save_checkpoint=None)
    first = sanas.next_archs().cost().flops
    assert 1.2e8 < first <= 2e8, "not the smallest network there is"


def test_small_spaces_are_searched_whole_under_constraints() -> None:
    limit = CombinedSpace(["ThreeChoices"]).token2arch([1, 0, 0]).cost().flops
    sanas = SANAS(["ThreeChoices"], constraints={"flops": limit}, seed=0, save_checkpoint=None)
    seen = []
    with pytest.raises(RuntimeError, match=r"that meets flops <= .* has been proposed: 5 candidates"):
        while True:
            seen.append(sanas.next_archs().cost().flops)
            sanas.reward(1.0)
    assert len(seen) == 5
    assert max(seen) <= limit


def test_constraints_need_a_described_network() -> None:
    with pytest.raises(ConstraintError, match="constraints need the cost of a network, and RawMacro can be called"):
        SANAS(["RawMacro"], constraints={"flops": 1e9}, save_checkpoint=None)
