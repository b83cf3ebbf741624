"""This library's side."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
import paddle

from sanas_spaces import NetArch

from .describing import describe, space_of
from .forms import Form, ImageShape
from .worker import LEARNING_RATE, Numbers, Side, fixed_values, loss_of, outputs_of, serve


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

    def compute(self, tokens: list[int], images: Any) -> tuple[dict[str, Any], Numbers]:
        arch = self._arch(tokens)
        specs = arch.graph(self.form.small, **self.form.call).parameters()
        before = fixed_values((spec.name, spec.shape) for spec in specs)
        numbers = Numbers([], before=before, trained={spec.name for spec in specs if spec.trainable})
        (self._run_layer if self.form.layers else self._run_programs)(arch, images, numbers)
        return describe(self.form, arch), numbers

    def _run_layer(self, arch: NetArch, images: Any, numbers: Numbers) -> None:
        paddle.disable_static()
        layer = arch.layer(self.form.small, **self.form.call)
        state = layer.state_dict()
        built = [(name, tuple(tensor.shape), not tensor.stop_gradient) for name, tensor in state.items()]
        assert sorted(built) == sorted(_expected(numbers)), f"built, but not described: {built}"
        layer.set_state_dict(numbers.before)
        layer.eval()
        with paddle.no_grad():
            numbers.outputs = [output.numpy() for output in outputs_of(layer(paddle.to_tensor(images)))]
        if self.form.step:
            layer.train()
            loss = loss_of(outputs_of(layer(paddle.to_tensor(images))))
            loss.backward()
            paddle.optimizer.SGD(LEARNING_RATE, parameters=layer.parameters()).step()
            numbers.loss = loss.numpy()
            numbers.after = {name: tensor.numpy() for name, tensor in state.items()}
        paddle.enable_static()

    def _run_programs(self, arch: NetArch, images: Any, numbers: Numbers) -> None:
        startup, training, inference = (paddle.static.Program() for _ in range(3))
        with paddle.static.program_guard(training, startup):
            loss = loss_of(self._build(arch, self.form.small))
            paddle.optimizer.SGD(LEARNING_RATE).minimize(loss)
        with paddle.static.program_guard(inference, paddle.static.Program()):
            outputs = self._build(arch, self.form.small, is_test=True)
        built = [(p.name, tuple(p.shape), p.trainable) for p in training.global_block().all_parameters()]
        assert built == _expected(numbers), f"built, but not described, in this order: {built}"
        place = paddle.CPUPlace()
        executor, scope = paddle.static.Executor(place), paddle.static.Scope()
        with paddle.static.scope_guard(scope):
            executor.run(startup)
            for name, value in numbers.before.items():
                scope.find_var(name).get_tensor().set(value, place)
            numbers.outputs = executor.run(inference, feed={"image": images}, fetch_list=outputs)
            (numbers.loss,) = executor.run(training, feed={"image": images}, fetch_list=[loss])
            numbers.after = {name: np.array(scope.find_var(name).get_tensor()) for name in numbers.before}
        scope.erase(scope.local_var_names())  # Paddle keeps each scope that was ever made
        executor.close()

    def _arch(self, tokens: list[int]) -> NetArch:
        return self.space.token2arch(tokens)[0]

    def _build(self, arch: NetArch, shape: ImageShape, **mode: bool) -> list[Any]:
        image = paddle.static.data("image", [-1, *shape], "float32")
        return outputs_of(arch(image, **self.form.call, **mode))


def _expected(numbers: Numbers) -> list[tuple[str, tuple[int, ...], bool]]:
    """Name, shape and whether it is trained, of each parameter that is described."""
    return [(name, value.shape, name in numbers.trained) for name, value in numbers.before.items()]


if __name__ == "__main__":
    paddle.enable_static()
    serve(Ours)
