"""The side of a process that computes: jobs as JSON lines on its input, answers on its output, arrays in files.

Used by both sides; knows neither of them.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..golden.record import fixed_value
from .forms import Form, form_from

LEARNING_RATE = 1.0  # nothing runs after the step, so it may be as large as shows the gradient best


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

    def compute(self, tokens: list[int], images: Any) -> tuple[dict[str, Any], Numbers]:
        """The description, and what the network computes of images [N, C, H, W] with :func:`fixed_values`."""
        raise NotImplementedError


@dataclass
class Numbers:
    """What a network computes.

    Attributes:
        outputs: Outputs in inference mode.
        loss: Loss of the training step; None if there was none.
        before: The parameters before it, by name.
        after: The parameters after it.
        trained: Names of those that are trained; the others are moving statistics.
    """

    outputs: list[Any]
    loss: Any = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    trained: set[str] = field(default_factory=set)

    def arrays(self) -> dict[str, Any]:
        """What is compared.

        ``statistics`` holds the moving statistics in the order of their names, ``sizes`` how many belong to each name,
        and ``steps`` how far each weight has moved (Euclidean), in the order of names as well.
        """
        arrays = {f"output{i}": array for i, array in enumerate(self.outputs)}
        if self.loss is None:
            return arrays
        statistics = [self.after[name] for name in sorted(set(self.after) - self.trained)]
        steps = [np.linalg.norm(self.after[name] - self.before[name]) for name in sorted(self.trained)]
        return {
            **arrays,
            "loss": self.loss,
            "statistics": np.concatenate(statistics),
            "sizes": np.array([len(values) for values in statistics]),
            "steps": np.array(steps),
        }


def fixed_values(parameters: Iterable[tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
    """The value of each parameter, which depends on its name and shape."""
    return {name: fixed_value(name, shape) for name, shape in parameters}


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
            if numbers:
                case, found = side.compute(tokens, side.form.images(index))
                arrays |= {f"{index}.{name}": array for name, array in found.arrays().items()}
            else:
                case = side.describe(tokens)
        except Exception:
            case["error"] = traceback.format_exc(limit=1000)
        cases.append(case)
    np.savez(job["file"], **arrays)
    return cases
