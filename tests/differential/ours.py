"""This library's side."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import paddle

from sanas_spaces import NetArch

from .describing import describe, space_of
from .forms import Form, ImageShape
from .worker import LEARNING_RATE, Programs, Side, loss_of, outputs_of, serve


class Ours(Side):
    """This library's network of a form."""

    def __init__(self, form: Form) -> None:
        super().__init__(form)
        self.space = space_of(form)

    def hello(self) -> dict[str, Any]:
        packages = ("paddlepaddle", "numpy")
        return {
            "range_table": self.space.range_table(),
            "versions": {package: version(package) for package in packages},
        }

    def describe(self, tokens: list[int]) -> dict[str, Any]:
        return describe(self.form, self._arch(tokens))

    def programs(self, tokens: list[int]) -> Programs:
        arch = self._arch(tokens)
        startup, training, inference = (paddle.static.Program() for _ in range(3))
        with paddle.static.program_guard(training, startup):
            loss = loss_of(self._build(arch, self.form.small))
            paddle.optimizer.SGD(LEARNING_RATE).minimize(loss)
        with paddle.static.program_guard(inference, paddle.static.Program()):
            outputs = self._build(arch, self.form.small, is_test=True)
        specs = arch.graph(self.form.small, **self.form.call).parameters()
        parameters = [(p.name, p.shape, p.trainable) for p in specs]
        built = [(p.name, tuple(p.shape), p.trainable) for p in training.global_block().all_parameters()]
        assert built == parameters, f"built, but not described, in this order: {built}"
        return Programs(startup, training, loss, inference, outputs, parameters)

    def _arch(self, tokens: list[int]) -> NetArch:
        return self.space.token2arch(tokens)[0]

    def _build(self, arch: NetArch, shape: ImageShape, **mode: bool) -> list[Any]:
        image = paddle.static.data("image", [-1, *shape], "float32")
        return outputs_of(arch(image, **self.form.call, **mode))


if __name__ == "__main__":
    paddle.enable_static()
    serve(Ours)
