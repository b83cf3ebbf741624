"""The side of a process that computes: jobs as JSON lines on its input, answers on its output, arrays in files.

Used by both sides; knows neither of them.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..golden.record import fixed_value
from .forms import Form, form_from

LEARNING_RATE = 1.0  # nothing runs after the step, so it may be as large as shows the gradient best


@dataclass
class Programs:
    """A network as static programs.

    Attributes:
        startup: Creates the parameters.
        training: Trains one step.
        loss: Variable of ``training``.
        inference: Computes ``outputs``.
        outputs: Variables of ``inference``.
        parameters: Name, shape and whether it is trained, of each parameter.
    """

    startup: Any
    training: Any
    loss: Any
    inference: Any
    outputs: list[Any]
    parameters: list[tuple[str, tuple[int, ...], bool]]


class Side:
    """What a process can do; each side writes its own."""

    def __init__(self, form: Form) -> None:
        self.form = form

    def hello(self) -> dict[str, Any]:
        """Versions, and the range table of the space."""
        raise NotImplementedError

    def describe(self, tokens: list[int]) -> dict[str, Any]:
        """Parameters, FLOPs and output shapes."""
        raise NotImplementedError

    def programs(self, tokens: list[int]) -> Programs:
        """The network on small images."""
        raise NotImplementedError


def outputs_of(result: Any) -> list[Any]:
    """The tensors that a network returns: its features, then its taps by stage."""
    first, *rest = result if isinstance(result, tuple | list) else (result,)
    found = [first]
    for value in rest:
        if isinstance(value, dict):
            found += [value[key] for key in sorted(value)]
        elif value is not None:
            found.append(value)
    return found


def loss_of(outputs: list[Any]) -> Any:
    """The mean square of each output, summed."""
    import paddle

    loss = paddle.mean(outputs[0] * outputs[0])
    for output in outputs[1:]:
        loss = loss + paddle.mean(output * output)
    return loss


def compute(programs: Programs, images: Any) -> dict[str, Any]:
    """Outputs in inference mode; the loss of a training step, the statistics after it and the size of the step.

    ``statistics`` holds the moving statistics in the order of their names, ``sizes`` how many belong to each name, and
    ``steps`` how far each weight has moved (Euclidean), in the order of names as well.
    """
    import paddle

    place = paddle.CPUPlace()
    executor, scope = paddle.static.Executor(place), paddle.static.Scope()
    feed = {"image": images}
    values = {name: fixed_value(name, shape) for name, shape, _ in programs.parameters}
    with paddle.static.scope_guard(scope):
        executor.run(programs.startup)
        for name, value in values.items():
            scope.find_var(name).get_tensor().set(value, place)
        outputs = executor.run(programs.inference, feed=feed, fetch_list=programs.outputs)
        (loss,) = executor.run(programs.training, feed=feed, fetch_list=[programs.loss])
        after = {name: np.array(scope.find_var(name).get_tensor()) for name in values}
    executor.close()
    trained = {name for name, _, trainable in programs.parameters if trainable}
    statistics = [after[name] for name in sorted(set(values) - trained)]
    return {
        **{f"output{i}": array for i, array in enumerate(outputs)},
        "loss": loss,
        "statistics": np.concatenate(statistics),
        "sizes": np.array([len(values) for values in statistics]),
        "steps": np.array([np.linalg.norm(after[name] - values[name]) for name in sorted(trained)]),
    }


def serve(make: Callable[[Form], Side]) -> None:
    """Answer jobs until the input ends. What else is printed goes to the error output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side: Side | None = None
    _make_haste()
    for line in sys.stdin:
        job = json.loads(line)
        if "form" in job:
            side = make(form_from(job["form"]))
            answer = side.hello()
        else:
            assert side is not None
            answer = {"cases": _answer(side, job)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        gc.collect()


def _make_haste() -> None:
    """Halve the time that Paddle takes to build programs.

    It notes the stack with each operation, and has so many objects that looking for garbage takes as long as the rest.
    """
    gc.disable()
    sys.tracebacklimit = 1


def _answer(side: Side, job: dict[str, Any]) -> list[dict[str, Any]]:
    cases = []
    arrays: dict[str, Any] = {}
    for index, tokens, numbers in job["cases"]:
        case: dict[str, Any] = {}
        try:
            case = side.describe(tokens)
            if numbers:
                found = compute(side.programs(tokens), side.form.images(index))
                arrays |= {f"{index}.{name}": array for name, array in found.items()}
        except Exception:
            case["error"] = traceback.format_exc(limit=1000)
        cases.append(case)
    np.savez(job["file"], **arrays)
    return cases
