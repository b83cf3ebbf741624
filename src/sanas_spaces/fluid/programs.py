"""What stands around a network in a script: programs, executors, inputs, optimizers.

Fluid was static from the start, so the functions here change Paddle to static mode if it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_STATIC = (
    "BuildStrategy",
    "CompiledProgram",
    "ExecutionStrategy",
    "Executor",
    "Program",
    "Scope",
    "cpu_places",
    "cuda_places",
    "default_main_program",
    "default_startup_program",
    "global_scope",
    "name_scope",
    "program_guard",
    "scope_guard",
)
_PLACES = ("CPUPlace", "CUDAPlace", "CUDAPinnedPlace")
_NOW = {
    "dygraph": "dygraph is Paddle's default mode; use paddle.nn",
    "io": "use paddle.io and paddle.static",
    "embedding": "use paddle.nn.Embedding",
    "conv2d_transpose": "use paddle.nn.Conv2DTranspose",
    "adaptive_pool2d": "use paddle.nn.functional.adaptive_avg_pool2d or adaptive_max_pool2d",
    "create_parameter": "use paddle.create_parameter",
    "fill_constant": "use paddle.full",
    "assign": "use paddle.assign",
    "cast": "use paddle.cast",
    "reduce_sum": "use paddle.sum",
    "reduce_max": "use paddle.max",
    "matmul": "use paddle.matmul",
    "embedding_bag": "use paddle.nn.functional.embedding_bag",
    "elementwise_sub": "use paddle.subtract",
    "elementwise_div": "use paddle.divide",
    "elementwise_max": "use paddle.maximum",
    "expand": "use paddle.tile",
    "stack": "use paddle.stack",
    "unsqueeze": "use paddle.unsqueeze",
    "sums": "use paddle.add_n",
    "prelu": "use paddle.nn.PReLU",
    "elu": "use paddle.nn.functional.elu",
    "gelu": "use paddle.nn.functional.gelu",
    "shuffle_channel": "use paddle.nn.functional.channel_shuffle",
    "pad2d": "use paddle.nn.functional.pad",
    "layer_norm": "use paddle.nn.LayerNorm",
    "instance_norm": "use paddle.nn.InstanceNorm2D",
    "clip": "use paddle.clip, or paddle.nn.ClipGradByGlobalNorm for gradients",
    "metrics": "use paddle.metric",
    "DataFeeder": "feed a dict of arrays",
    "is_compiled_with_cuda": "use paddle.is_compiled_with_cuda",
}
_PLACES_NOW = {
    "optimizer": "paddle.optimizer",
    "initializer": "paddle.nn.initializer",
    "regularizer": "paddle.regularizer",
}


def attribute(module: str, name: str) -> Any:
    """A name of Paddle that fluid had under the same one.

    Raises:
        AttributeError: It is none; the message says what Paddle 3 has in its place, where that is known.
    """
    import paddle

    if name in _STATIC:
        _enter_static_mode(paddle)
        return getattr(paddle.static, name)
    if name in _PLACES:
        return getattr(paddle, name)
    if name == "unique_name":
        return paddle.utils.unique_name
    raise unknown(module, name)


def unknown(module: str, name: str) -> AttributeError:
    """The error for a name that is not here."""
    hint = f"; {_NOW[name]}" if name in _NOW else ""
    place = _PLACES_NOW.get(module.rpartition(".")[2])
    if place and not hint:
        hint = f"; Paddle has those of today in {place}"
    return AttributeError(f"{module} has no {name!r}: it holds only what bodies of search spaces use{hint}")


def data(name: str, shape: Sequence[Any], dtype: str = "float32", lod_level: int = 0) -> Any:
    """An input of a program; None or -1 is a size that is not known."""
    import paddle

    _enter_static_mode(paddle)
    return paddle.static.data(name, list(shape), dtype)


def _enter_static_mode(paddle: Any) -> None:
    if paddle.in_dynamic_mode():
        paddle.enable_static()
