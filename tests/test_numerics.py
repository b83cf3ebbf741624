"""Same weights, same outputs: what PaddleSlim 2.6.0 computed with weights known by name, computed here.

``tests/golden/record.py`` says how the figures are made.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import paddle
import pytest

from sanas_spaces import CombinedSpace, NetArch
from sanas_spaces.arch import main_output

from .golden.record import IMAGE_SHAPE, LEARNING_RATE, OUTPUTS, fixed_value, images, summary

CASES = json.loads(OUTPUTS.read_text())["cases"]


def network(case: dict[str, Any]) -> NetArch:
    config = {**case["config"], "compat": "paddleslim-2.6"}
    return CombinedSpace([(case["space"], config)]).token2arch(case["tokens"])[0]


def computed(arch: NetArch) -> dict[str, Any]:
    paddle.enable_static()
    startup, training, inference = (paddle.static.Program() for _ in range(3))
    with paddle.static.program_guard(training, startup):
        output = main_output(arch(paddle.static.data("image", [-1, *IMAGE_SHAPE[1:]], "float32")))
        loss = paddle.mean(output * output)
        paddle.optimizer.SGD(LEARNING_RATE).minimize(loss)
    with paddle.static.program_guard(inference, paddle.static.Program()):
        image = paddle.static.data("image", [-1, *IMAGE_SHAPE[1:]], "float32")
        output = main_output(arch(image, is_test=True))
    executor, scope = paddle.static.Executor(paddle.CPUPlace()), paddle.static.Scope()
    feed = {"image": images()}
    with paddle.static.scope_guard(scope):
        executor.run(startup)
        for parameter in arch.graph(IMAGE_SHAPE[1:]).parameters():
            value = fixed_value(parameter.name, parameter.shape)
            scope.find_var(parameter.name).get_tensor().set(value, paddle.CPUPlace())
        (before,) = executor.run(inference, feed=feed, fetch_list=[output])
        losses = [float(executor.run(training, feed=feed, fetch_list=[loss])[0]) for _ in range(2)]
        (after,) = executor.run(inference, feed=feed, fetch_list=[output])
    paddle.disable_static()
    return {"before": summary(before), "losses": losses, "after": summary(after)}


def marks(number: int, case: dict[str, Any]) -> Any:
    slow = [pytest.mark.slow] if case["space"] == "DartsSpace" and CASES[number - 1]["space"] == "DartsSpace" else []
    return pytest.param(case, id=f"{number}-{case['space']}", marks=slow)


@pytest.mark.parametrize("case", [marks(number, case) for number, case in enumerate(CASES)])
def test_outputs_and_training_are_paddleslims(case: dict[str, Any]) -> None:
    here = computed(network(case))
    np.testing.assert_allclose(here["losses"][0], case["losses"][0], rtol=1e-5)
    # hundreds of layers in a row amplify rounding once their weights have moved
    moved = 1e-3 if case["space"] == "DartsSpace" else 1e-5
    for key, tolerance in (("before", 1e-5), ("losses", moved), ("after", moved)):
        scale = np.abs(case[key]).max()
        np.testing.assert_allclose(np.array(here[key]) / scale, np.array(case[key]) / scale, 0, tolerance, err_msg=key)
