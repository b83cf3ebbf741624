"""The comparison notices what differs, and a run that was stopped goes on."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .compare import TOLERANCE, compare, relative, summarize
from .environment import PADDLE_3, SetupError, ensure, missing
from .forms import Form, all_forms
from .results import Results

ANSWER = {"parameters": ["conv_weights [8, 3, 3, 3]", "conv_bn_mean [8]"], "flops": 216, "shapes": [[8, 1, 1]]}


def arrays() -> dict[str, Any]:
    return {
        "output0": np.linspace(-2, 1, 16, dtype="float32").reshape(2, 8, 1, 1),
        "loss": np.float32(0.5),
        "statistics": np.array([1e-3, 2e-3, 5.0, 7.0], "float32"),
        "sizes": np.array([2, 2]),
        "steps": np.array([1.0, 0.01], "float32"),
    }


def test_equal_cases_do_not_differ() -> None:
    case = compare(ANSWER, copy.deepcopy(ANSWER), (arrays(), arrays()))
    assert case["differs"] == {}
    assert case["relative"] == dict.fromkeys(TOLERANCE, 0.0)


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("parameters", ANSWER["parameters"][::-1], "names"),
        ("parameters", ANSWER["parameters"][:1], "names"),
        ("flops", 217, "flops"),
        ("shapes", [[8, 2, 2]], "shapes"),
    ],
)
def test_another_description_differs(key: str, value: Any, part: str) -> None:
    assert list(compare(ANSWER, {**ANSWER, key: value}, None)["differs"]) == [part]


@pytest.mark.parametrize(
    ("name", "index", "part"),
    [("output0", (1, 3, 0, 0), "outputs"), ("loss", (), "training"), ("steps", 1, "training")],
)
def test_another_number_differs(name: str, index: Any, part: str) -> None:
    ours = arrays()
    ours[name] = np.array(ours[name])
    ours[name][index] *= 1.01
    assert list(compare(ANSWER, ANSWER, (arrays(), ours))["differs"]) == [part]


def test_small_statistics_count_as_much_as_large_ones() -> None:
    ours = arrays()
    ours["statistics"][1] *= 1 + 1e-4
    assert list(compare(ANSWER, ANSWER, (arrays(), ours))["differs"]) == ["training"]


def test_a_training_step_of_one_side_only_differs() -> None:
    outputs_only = {"output0": arrays()["output0"]}
    for both in ((arrays(), outputs_only), (outputs_only, arrays())):
        assert list(compare(ANSWER, ANSWER, both)["differs"]) == ["training"]
    assert compare(ANSWER, ANSWER, (outputs_only, outputs_only))["differs"] == {}


def test_missing_outputs_and_failures_differ() -> None:
    theirs = arrays() | {"output1": np.ones(3)}
    assert compare(ANSWER, ANSWER, (theirs, arrays()))["differs"]["outputs"]
    case = compare(ANSWER, {"error": "ValueError: no"}, None)
    summary = summarize([{**case, "computed": False, "tokens": [1, 2]}])
    assert summary.differs
    assert summary.first is not None
    assert "this library failed: ValueError: no" in str(summary.first)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_not_finite_is_never_equal(broken: float) -> None:
    values = np.array([1.0, broken])
    assert relative(values, values) == float("inf")
    assert relative(np.zeros(2), np.zeros(2)) == 0.0


def test_random_tokens_are_the_same_each_time_and_in_range() -> None:
    keys = [form.key for form in all_forms()]
    assert len(set(keys)) == len(keys)
    for form in all_forms():
        lists = [form.tokens(index) for index in range(20)]
        assert lists == [form.tokens(index) for index in range(20)]
        assert len({tuple(tokens) for tokens in lists}) == 20
        assert all(
            0 <= token < count for tokens in lists for token, count in zip(tokens, form.range_table, strict=True)
        )


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    form, code = Form("ResNetSpace"), {"reference": "a", "here": "b"}
    figures = {"md5": "0f", "flops": 1, "shapes": [[8, 1, 1]]}
    case = {"tokens": [0], "differs": {}, "relative": {}, **figures}
    results = Results(tmp_path, form, code)
    results.add({"index": index, "computed": index == 0, **case} for index in range(3))
    file = tmp_path / f"{form.key}.jsonl"
    file.write_text(file.read_text() + '{"index": 3, "comp')
    again = Results(tmp_path, form, code)
    assert again.open_cases(5, 2) == [(1, True), (3, False), (4, False)]
    again.add([{"index": 1, "computed": True, **case}])
    assert [case["computed"] for case in Results(tmp_path, form, code)] == [True, True, False]


def test_results_of_other_code_do_not_count(tmp_path: Path) -> None:
    form, code = Form("ResNetSpace"), {"reference": "a", "here": "b"}
    figures = {"md5": "0f", "flops": 1, "shapes": [[8, 1, 1]]}
    case = {"tokens": [0], "differs": {}, "relative": {}, "computed": True, **figures}
    Results(tmp_path, form, code).add([{"index": 0, **case}])
    for here in ("c", "d"):  # what PaddleSlim built is kept, however often this library changes
        changed = Results(tmp_path, form, {**code, "here": here})
        assert list(changed) == []
        assert changed.open_cases(1, 1) == [(0, True)]
        assert changed.figures(0) == figures
        assert changed.figures(1) is None
    changed.add([{"index": 0, **case}])
    assert [case["flops"] for case in Results(tmp_path, form, {**code, "here": "d"})] == [1]
    other = Results(tmp_path, form, {**code, "reference": "c"})
    assert list(other) == []
    assert other.figures(0) is None


def test_an_environment_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SetupError, match="venv"):
        ensure(file, PADDLE_3, lambda text: None)
    with pytest.raises(SetupError, match="does not run"):
        missing(tmp_path / "python", PADDLE_3.pinned)
