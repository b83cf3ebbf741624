"""Build, train and run one architecture in the mode of this process, and count what was built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from ..analysis import flops
from ..arch import ArchList, main_output

LEARNING_RATE = 0.05


class StaticRunner:
    """The architecture in two static programs, for training and for inference."""

    def __init__(self, archs: ArchList, image_shape: tuple[int, int, int]) -> None:
        self._archs = archs
        self._image_shape = image_shape
        self._scope = paddle.static.Scope()
        self._startup = paddle.static.Program()
        self.program = paddle.static.Program()
        with _static(), paddle.static.program_guard(self.program, self._startup), paddle.utils.unique_name.guard():
            output = main_output(archs(self._data()))
            self._loss = paddle.mean(output * output)
        self.described = [(p.name, tuple(p.shape)) for p in self.program.global_block().all_parameters()]
        self.flops = flops(self.program)

    def start(self) -> None:
        """Add the training operations and the program for inference, and create the parameters."""
        self.test_program = paddle.static.Program()
        with _static():
            with paddle.static.program_guard(self.program, self._startup):
                paddle.optimizer.SGD(LEARNING_RATE).minimize(self._loss)
            # names that are generated are generated alike, so that closures without names share parameters as well
            with (
                paddle.static.program_guard(self.test_program, paddle.static.Program()),
                paddle.utils.unique_name.guard(),
            ):
                self._image = self._data()
                self._output = main_output(self._archs(self._image, is_test=True))
            self._executor = paddle.static.Executor(paddle.CPUPlace())
        self._run(self._startup)

    def train_step(self, images: Any) -> float:
        """One step of gradient descent on the mean square of the output; returns it."""
        return float(self._run(self.program, {"image": images}, [self._loss])[0])

    def infer(self, images: Any) -> Any:
        """The output in inference mode."""
        return self._run(self.test_program, {"image": images}, [self._output])[0]

    def values(self) -> dict[str, Any]:
        """Parameters and statistics by name."""
        return {name: np.array(self._scope.find_var(name).get_tensor()) for name, _ in self.described}

    def save_and_infer(self, folder: Path, images: Any) -> Any:
        """Save an inference model, load it into a scope of its own and return its output."""
        path = str(folder / "network")
        with _static():
            with paddle.static.scope_guard(self._scope):
                paddle.static.save_inference_model(
                    path, [self._image], [self._output], self._executor, program=self.test_program
                )
            with paddle.static.scope_guard(paddle.static.Scope()):
                program, (name,), outputs = paddle.static.load_inference_model(path, self._executor)
                return self._executor.run(program, feed={name: images}, fetch_list=outputs)[0]

    def _data(self) -> Any:
        return paddle.static.data("image", [-1, *self._image_shape], "float32")

    def _run(self, program: Any, feed: Any = None, fetch: Any = None) -> Any:
        with _static(), paddle.static.scope_guard(self._scope):
            return self._executor.run(program, feed=feed, fetch_list=fetch)


class DygraphRunner:
    """The architecture as a ``paddle.nn.Layer``."""

    def __init__(self, archs: ArchList, image_shape: tuple[int, int, int]) -> None:
        self._shape = image_shape
        self._layer = archs.layer(image_shape)
        self.described = [(name, tuple(tensor.shape)) for name, tensor in self._layer.state_dict().items()]
        self._optimizer = paddle.optimizer.SGD(LEARNING_RATE, parameters=self._layer.parameters())
        with _recorded_flops() as recorded:
            self.infer(np.zeros((1, *image_shape), np.float32))
        self.flops = sum(recorded)

    def start(self) -> None:
        """Parameters exist already."""

    def train_step(self, images: Any) -> float:
        """One step of gradient descent on the mean square of the output; returns it."""
        self._layer.train()
        output = main_output(self._layer(paddle.to_tensor(images)))
        loss = paddle.mean(output * output)
        loss.backward()
        self._optimizer.step()
        self._optimizer.clear_grad()
        return float(loss)

    def infer(self, images: Any) -> Any:
        """The output in inference mode."""
        self._layer.eval()
        return main_output(self._layer(paddle.to_tensor(images))).numpy()

    def values(self) -> dict[str, Any]:
        """Parameters and statistics by name."""
        return {name: tensor.numpy() for name, tensor in self._layer.state_dict().items()}

    def save_and_infer(self, folder: Path, images: Any) -> Any:
        """Save with ``paddle.jit``, load and return the output."""
        self._layer.eval()
        path = str(folder / "network")
        spec = [paddle.static.InputSpec([None, *self._shape], "float32")]
        paddle.jit.save(paddle.jit.to_static(self._layer, input_spec=spec, full_graph=True), path)
        return main_output(paddle.jit.load(path)(paddle.to_tensor(images))).numpy()


def make_runner(mode: str, archs: ArchList, image_shape: tuple[int, int, int]) -> StaticRunner | DygraphRunner:
    """Build ``archs`` in ``mode``."""
    return (DygraphRunner if mode == "dygraph" else StaticRunner)(archs, image_shape)


@contextmanager
def _static() -> Iterator[None]:
    dynamic = paddle.in_dynamic_mode()
    paddle.enable_static()
    try:
        yield
    finally:
        if dynamic:
            paddle.disable_static()


@contextmanager
def _recorded_flops() -> Iterator[list[int]]:
    """Multiply-adds of the convolutions and linear layers that dygraph computes inside, for one image."""
    recorded: list[int] = []
    conv2d, linear = F.conv2d, F.linear

    def counting_conv2d(x: Any, weight: Any, *args: Any, **kwargs: Any) -> Any:
        y = conv2d(x, weight, *args, **kwargs)
        recorded.append(prod(weight.shape[1:]) * prod(y.shape[1:]))
        return y

    def counting_linear(x: Any, weight: Any, *args: Any, **kwargs: Any) -> Any:
        recorded.append(prod(x.shape[1:-1]) * prod(weight.shape))
        return linear(x, weight, *args, **kwargs)

    F.conv2d, F.linear = counting_conv2d, counting_linear
    try:
        yield recorded
    finally:
        F.conv2d, F.linear = conv2d, linear
