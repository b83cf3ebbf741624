"""The operations of a Paddle program, read alike from PIR and from the legacy IR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BuildError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """An input or output of an operation.

    Attributes:
        shape: Its shape with the batch; -1 is a size that is not known yet.
        name: Name of the parameter that it is; empty for what is computed.
    """

    shape: Shape
    name: str = ""


@dataclass(frozen=True)
class Operation:
    """One operation of a program.

    Attributes:
        kind: Name of the legacy IR, such as ``conv2d``, ``depthwise_conv2d``, ``matmul`` or ``elementwise_add``.
        inputs: Main input first, then the second one: the weights of a layer, or the other summand.
        output: Main output.
        attrs: Attributes under the names of the legacy IR.
        bias: Whether it adds a bias of its own.
    """

    kind: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    attrs: Mapping[str, Any]
    bias: bool = False


CONVOLUTIONS = ("conv2d", "depthwise_conv2d", "conv3d")
TRANSPOSED = ("conv2d_transpose", "depthwise_conv2d_transpose", "conv3d_transpose")
ACTIVATIONS = ("relu", "prelu", "sigmoid", "relu6", "elu", "brelu", "leaky_relu")
ELEMENTWISE = ("elementwise_add", "elementwise_mul", "elementwise_max")
KINDS = (*CONVOLUTIONS, *TRANSPOSED, "matmul", "pool2d", "batch_norm", "softmax", *ACTIVATIONS, *ELEMENTWISE)
"""The kinds of operation that are read; others are passed over."""

_LEGACY_KINDS = {"matmul_v2": "matmul", "mul": "matmul"}
_LEGACY_ATTRS = {"trans_x": "transpose_x", "trans_y": "transpose_y"}
_PIR_KINDS = {
    "add": "elementwise_add",
    "multiply": "elementwise_mul",
    "maximum": "elementwise_max",
    "batch_norm_": "batch_norm",
}


def operations(program: Any) -> Iterator[Operation]:
    """The operations of the main block of a program, forward ones only, in their order.

    Args:
        program: A ``paddle.static.Program`` of either IR.

    Raises:
        BuildError: It is something else.
    """
    if not hasattr(program, "global_block"):
        raise BuildError(f"{program!r}: expected a paddle.static.Program")
    block = program.global_block()
    for op in block.ops:
        found = _pir(op) if hasattr(op, "operand_source") else _legacy(op, block)
        if found is not None:
            yield found


def _legacy(op: Any, block: Any) -> Operation | None:
    kind = _LEGACY_KINDS.get(op.type, op.type)
    if kind not in KINDS:
        return None
    slots = ("Input", "Filter") if kind in CONVOLUTIONS + TRANSPOSED else ("X", "Y")
    inputs = [block.var(name) for slot in slots if slot in op.input_names for name in op.input(slot)[:1]]
    (output,) = (slot for slot in ("Output", "Out", "Y") if slot in op.output_names)
    attrs = {_LEGACY_ATTRS.get(name, name): op.attr(name) for name in op.attr_names if not name.startswith("op_")}
    bias = slots[0] == "Input" and "Bias" in op.input_names and bool(op.input("Bias"))
    return Operation(kind, tuple(map(_variable, inputs)), _variable(block.var(op.output(output)[0])), attrs, bias)


def _variable(variable: Any) -> Tensor:
    return Tensor(tuple(variable.shape), variable.name if variable.persistable else "")


def _pir(op: Any) -> Operation | None:
    dialect, _, name = op.name().partition(".")
    kind = _PIR_KINDS.get(name, name.rstrip("_"))
    if dialect != "pd_op" or kind not in KINDS:
        return None
    sources = [op.operand_source(index) for index in range(op.num_operands())]
    attrs = dict(op.attrs())
    if kind == "pool2d":
        attrs["ksize"] = sources[1].get_defining_op().attrs()["value"]
    inputs = tuple(_value(source) for source in sources[: 1 if kind in ("pool2d", "batch_norm") else 2])
    return Operation(kind, inputs, _value(op.results()[0]), attrs)


def _value(value: Any) -> Tensor:
    define = value.get_defining_op()
    name = define.attrs()["parameter_name"] if define is not None and define.name() == "builtin.parameter" else ""
    return Tensor(tuple(int(size) for size in value.shape), name)
