"""GPNAS predicts what PaddleSlim's predicts; ``record.py`` says how its figures are made."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sanas_spaces.errors import ConfigError, EvaluationError
from sanas_spaces.nas import GPNAS

from .record import RECORDED, architectures, gp_nas

CASES = json.loads(RECORDED.read_text())["gp_nas"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["flags"]))
def test_figures_are_paddleslims(case: dict[str, Any]) -> None:
    found = gp_nas(GPNAS(*case["flags"]))
    for name, value in found.items():
        np.testing.assert_allclose(value, case[name], rtol=1e-5, atol=1e-8, err_msg=name)


def test_joint_prediction_meets_what_is_known_and_beats_the_mean() -> None:
    tokens, results = architectures(0, 200)
    rough = results + 3 * np.sin(tokens[:, 0] * tokens[:, 1])  # no linear function
    model = GPNAS()
    model.get_initial_mean(tokens[:150], rough[:150])
    model.get_initial_cov(tokens[:150])
    model.get_posterior_mean(tokens[:150], rough[:150])
    known = model.get_predict_joint(tokens[:20], tokens[:150], rough[:150])
    np.testing.assert_allclose(known[:, 0], rough[:20], atol=1e-3)
    truth = rough[150:]
    error_of_mean = np.abs(model.get_predict(tokens[150:])[:, 0] - truth).mean()
    joint = model.get_predict_joint(tokens[150:], tokens[:150], rough[:150])
    assert np.abs(joint[:, 0] - truth).mean() < error_of_mean


def test_errors_name_what_is_wrong() -> None:
    tokens, results = architectures(0, 5)
    with pytest.raises(ConfigError, match="c_flag = 3: expected 1 or 2"):
        GPNAS(3)
    with pytest.raises(EvaluationError, match="get_initial_mean"):
        GPNAS().get_predict(tokens)
    with pytest.raises(ConfigError, match="4 results for 5 architectures"):
        GPNAS().get_initial_mean(tokens, results[:4])
    with pytest.raises(ConfigError, match=r"shape \[6\]: expected \[N, L\]"):
        GPNAS().get_initial_cov(tokens[0])
