"""A program from whatever an analysis is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import BuildError


def program_of(model: Any, inputs: Any = None, dtypes: Any = None) -> Any:
    """The program of a model; a layer is traced, which leaves it as it was.

    Args:
        model: A ``paddle.static.Program`` of either IR, or a ``paddle.nn.Layer``.
        inputs: For a layer: the shape of its input with the batch, a list of shapes if it takes several, or the
            arguments of ``forward`` themselves.
        dtypes: For shapes: the data type, or a list of one per input; float32 by default.

    Raises:
        BuildError: The model is neither, has no inputs given, or cannot be traced.
    """
    import paddle

    if hasattr(model, "global_block"):
        return model
    if not isinstance(model, paddle.nn.Layer):
        raise BuildError(f"{model!r}: expected a paddle.static.Program or a paddle.nn.Layer")
    if inputs is None:
        raise BuildError(f"the shape of the input of {type(model).__name__} is missing: give inputs=[1, 3, 224, 224]")
    with paddle.base.dygraph.guard(), paddle.utils.unique_name.guard():
        arguments = _arguments(paddle, inputs, dtypes)
        try:
            traced = paddle.jit.to_static(model.forward, full_graph=True)
            program, _ = traced.get_concrete_program(*arguments)
        except Exception as error:
            raise BuildError(f"{type(model).__name__} cannot be traced with inputs {inputs!r}: {error}") from error
    return program.main_program


def _arguments(paddle: Any, inputs: Any, dtypes: Any) -> list[Any]:
    if _is_shape(inputs):
        inputs = [inputs]
    if not isinstance(inputs, Sequence):
        return [inputs]
    if not all(_is_shape(item) for item in inputs):
        return list(inputs)
    names = [dtypes or "float32"] * len(inputs) if dtypes is None or isinstance(dtypes, str) else list(dtypes)
    if len(names) != len(inputs):
        raise BuildError(f"dtypes = {dtypes!r}: expected one for each of {len(inputs)} inputs")
    return [paddle.ones(list(shape), dtype=name) for shape, name in zip(inputs, names, strict=True)]


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(size, int) for size in value)
