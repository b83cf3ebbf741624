"""PaddleSlim's side. Runs in an environment with PaddleSlim 2.6.0, and uses nothing of this library."""

from __future__ import annotations

import contextlib
import os
from importlib.metadata import version
from typing import Any

import paddle
from paddleslim.analysis import flops
from paddleslim.nas.search_space import SearchSpaceFactory

from .forms import Form, ImageShape
from .worker import LEARNING_RATE, Programs, Side, loss_of, outputs_of, serve


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
            outputs = self._build(tokens, self.form.image)
        return {
            "parameters": [f"{p.name} {list(p.shape)}" for p in program.all_parameters()],
            "flops": int(flops(program)),
            "shapes": [list(output.shape[1:]) for output in outputs],
        }

    def programs(self, tokens: list[int]) -> Programs:
        startup, training = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(training, startup):
            outputs = self._build(tokens, self.form.small)
            loss = loss_of(outputs)
            inference = training.clone(for_test=True)
            paddle.optimizer.SGD(LEARNING_RATE).minimize(loss)
        parameters = [(p.name, tuple(p.shape), p.trainable) for p in inference.all_parameters()]
        return Programs(startup, training, loss, inference, outputs, parameters)

    def _build(self, tokens: list[int], shape: ImageShape) -> list[Any]:
        (net_arch,) = self.space.token2arch(tokens)
        image = paddle.static.data("image", [-1, *shape], "float32")
        call = dict(self.form.call)
        if "is_train" in call:  # then drop path has to be given, here one that drops nothing
            drop = (paddle.zeros([1]), paddle.ones([1, 20, 4, 2])) if call["is_train"] else (0.0, None)
            call["drop_prob"], call["drop_path_mask"] = drop
        return outputs_of(net_arch(image, **call))


if __name__ == "__main__":
    paddle.enable_static()
    serve(Reference)
