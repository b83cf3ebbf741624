"""PaddleSlim's side. Runs in an environment with PaddleSlim 2.6.0, and uses nothing of this library."""

from __future__ import annotations

import contextlib
import os
from importlib.metadata import version
from typing import Any

import numpy as np
import paddle
from paddleslim.analysis import flops
from paddleslim.nas.search_space import SearchSpaceFactory

from .forms import Form, ImageShape
from .worker import LEARNING_RATE, Numbers, Side, fixed_values, loss_of, outputs_of, serve


class Reference(Side):
    """PaddleSlim's network of a form."""

    def __init__(self, form: Form) -> None:
        super().__init__(form)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            self.space = SearchSpaceFactory().get_search_space([(form.space, dict(form.config))])

    def hello(self) -> dict[str, Any]:
        packages = ("paddleslim", "paddlepaddle", "numpy")
        return {
            "range_table": [int(count) for count in self.space.range_table()],
            "versions": {package: version(package) for package in packages},
        }

    def describe(self, tokens: list[int]) -> dict[str, Any]:
        program = paddle.static.Program()
        with paddle.static.program_guard(program, paddle.static.Program()):
            return self._description(program, self._build(tokens, self.form.image))

    def compute(self, tokens: list[int], images: Any) -> tuple[dict[str, Any], Numbers]:
        description = {} if self.form.small == self.form.image else self.describe(tokens)
        startup, training = paddle.static.Program(), paddle.static.Program()
        startup.global_block().ops = _Unlisted()
        with paddle.static.program_guard(training, startup):
            outputs = self._build(tokens, self.form.small)
            description = description or self._description(training, outputs)
            inference = training.clone(for_test=True)
            if self.form.step:
                loss = loss_of(outputs)
                paddle.optimizer.SGD(LEARNING_RATE).minimize(loss)
        parameters = inference.all_parameters()
        run = _OneByOne()
        run.set({"image": images})
        run(startup, [])
        before = fixed_values((p.name, tuple(p.shape)) for p in parameters)
        run.set(before)
        numbers = Numbers(run(inference, outputs), before=before, trained={p.name for p in parameters if p.trainable})
        if self.form.step:
            (numbers.loss,) = run(training, [loss])
            numbers.after = {name: run.get(name) for name in before}
        run.forget()
        return description, numbers

    @staticmethod
    def _description(program: Any, outputs: list[Any]) -> dict[str, Any]:
        return {
            "parameters": [f"{p.name} {list(p.shape)}" for p in program.all_parameters()],
            "flops": int(flops(program)),
            "shapes": [list(output.shape[1:]) for output in outputs],
        }

    def _build(self, tokens: list[int], shape: ImageShape) -> list[Any]:
        (net_arch,) = self.space.token2arch(tokens)
        image = paddle.static.data("image", [-1, *shape], "float32")
        call = dict(self.form.call)
        if "is_train" in call:  # then drop path has to be given, here one that drops nothing
            drop = (paddle.zeros([1]), paddle.ones([1, 20, 4, 2])) if call["is_train"] else (0.0, None)
            call["drop_prob"], call["drop_path_mask"] = drop
        return outputs_of(net_arch(image, **call))


class _Unlisted(list[Any]):
    """Operations of a startup program, which its description has, but not its list.

    Paddle goes through the list for each parameter that is made; that takes half of the time of making many.
    """

    def append(self, operation: Any) -> None:
        pass


class _OneByOne:
    """Paddle's executor that runs the operations of a program in their order, with its results to the last bit.

    ``paddle.static.Executor`` first finds out which may run beside each other. For a training step of DartsSpace that
    takes ten times as long as the step, and each program runs once.
    """

    def __init__(self) -> None:
        core = paddle.base.core
        self._cpu, place = paddle.CPUPlace(), core.Place()
        place.set_place(self._cpu)
        self._executor, self._scope = core.Executor(place), paddle.static.Scope()
        self._names: set[str] = set()

    def __call__(self, program: Any, fetch: list[Any]) -> list[Any]:
        self._names |= set(program.global_block().vars)
        names = [variable.name for variable in fetch]
        self._executor.run(program.desc, self._scope, 0, False, True, names)
        return [self.get(name) for name in names]

    def set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self._scope.var(name).get_tensor().set(value, self._cpu)

    def get(self, name: str) -> Any:
        return np.array(self._scope.find_var(name).get_tensor())

    def forget(self) -> None:
        """Free everything; Paddle keeps each scope that was ever made."""
        self._scope.erase(sorted(self._names))


if __name__ == "__main__":
    paddle.enable_static()
    serve(Reference)
