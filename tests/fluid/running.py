"""Bodies of networks run in each way there is, with weights that depend on their names only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle

from sanas_spaces import NetArch

from ..golden.record import fixed_value

WAYS = ("called on variables", "described on variables", "layer")


def run(way: str, body: Callable[..., Any], *inputs: Any, training: bool = False) -> Any:
    """What a body computes from arrays, as arrays."""
    arch = NetArch(body, described=way == "described on variables")
    if way == "layer":
        return _layer(arch, inputs, training)
    paddle.enable_static()
    try:
        return _static(arch, inputs, training)
    finally:
        paddle.disable_static()


def _layer(arch: NetArch, inputs: Any, training: bool) -> Any:
    images = [paddle.to_tensor(array) for array in inputs]
    arch(*images, is_test=not training)  # makes the layer that the second call uses
    (layer,) = arch._layers.values() if arch._layers else (None,)
    if layer is not None:
        tensors = layer.state_dict()
        for parameter in layer.graph.parameters():
            value = fixed_value(parameter.name, parameter.shape)
            tensors[parameter.name].set_value(value)
    return _arrays(arch(*images, is_test=not training), lambda tensor: tensor.numpy())


def _static(arch: NetArch, inputs: Any, training: bool) -> Any:
    program, startup = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(program, startup), paddle.utils.unique_name.guard():
        feeds = [
            paddle.static.data(f"x{i}", [-1, *array.shape[1:]], str(array.dtype)) for i, array in enumerate(inputs)
        ]
        output = arch(*feeds, is_test=not training)
    executor = paddle.static.Executor(paddle.CPUPlace())
    with paddle.static.scope_guard(paddle.static.Scope()):
        executor.run(startup)
        for parameter in program.global_block().all_parameters():
            value = fixed_value(parameter.name, tuple(parameter.shape))
            paddle.static.global_scope().find_var(parameter.name).get_tensor().set(value, paddle.CPUPlace())
        feed = {f"x{i}": array for i, array in enumerate(inputs)}
        fetched: list[Any] = []
        _arrays(output, fetched.append)
        return _rebuilt(output, iter(executor.run(program, feed=feed, fetch_list=fetched)))


def _arrays(output: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(output, list | tuple):
        return [convert(item) for item in output]
    return convert(output)


def _rebuilt(output: Any, arrays: Any) -> Any:
    return list(arrays) if isinstance(output, list | tuple) else np.asarray(next(arrays))
