"""What parameters are called: as in their attributes, or as fluid called them."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from ..graph import Node
from ..kinds import Kind
from ..ops import apply
from .attributes import as_attr


class Naming:
    """The parameters of one layer, named in the order in which fluid made them.

    A name that is not given is ``{layer}.w_0`` or ``{layer}.b_0``, or ends in the next number where the network or
    program has a parameter of that name. So only parameters that are given one name are shared.

    Args:
        prefix: What the layer is called without a name of its own: its kind, to which a number is added.
        name: Name of the layer.
        x: What it takes.
    """

    def __init__(self, prefix: str, name: str | None, x: Any) -> None:
        self._label = name or _unique_name(prefix, x)
        self._taken = _program_names(x)
        self.start(x)

    def start(self, x: Any) -> None:
        """Begin the operation on ``x`` of a layer that consists of several."""
        self._x = x
        self._names: dict[str, str] = {}
        self._attrs: dict[str, Any] = {}

    def take(self, role: str, letter: str, attr: Any) -> None:
        """Add a parameter.

        Raises:
            ConfigError: The attributes are none, or False where the layer has to have the parameter.
        """
        if attr is False:
            raise ConfigError(f"layer {self._label!r}: {role} = False: only a convolution or fc can leave out its bias")
        given = self._attrs[role] = as_attr(attr)
        self._names[role] = given.name or self._free(f"{self._label}.{letter}")

    def apply(self, kind: Kind) -> Any:
        """Describe or build the operation."""
        return apply(kind, (self._x,), self._label, self._names, self._attrs)

    def _free(self, stem: str) -> str:
        if isinstance(self._x, Node):
            return self._x.graph.unique_name(stem)
        number = 0
        while f"{stem}_{number}" in self._taken:
            number += 1
        self._taken.add(f"{stem}_{number}")
        return f"{stem}_{number}"


def _unique_name(prefix: str, x: Any) -> str:
    if isinstance(x, Node):
        return x.graph.unique_name(prefix)
    import paddle

    return str(paddle.utils.unique_name.generate(prefix))


def _program_names(x: Any) -> set[str]:
    """Names of the parameters of the program that is being built."""
    if isinstance(x, Node):
        return set()
    import paddle

    if paddle.in_dynamic_mode():
        return set()
    return {parameter.name for parameter in paddle.static.default_main_program().global_block().all_parameters()}
