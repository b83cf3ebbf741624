"""The body of a ``forward``: which value has which name, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ...graph import Node
from ...kinds import WEIGHTED, Activation
from .layers import expression_of
from .layout import INDENT, Call, Expression, lines

VALUES = ("x", "y", "z", "u", "v", "w")
MARGIN = 2 * INDENT


class Flow:
    """Writes statements and keeps track of the names of values.

    A value takes the name of the one it is computed from, if that is not needed any more.

    Args:
        inputs: Nodes that are there at the beginning.
        uses: How often the value of each node is used, by index.
    """

    def __init__(self, inputs: Sequence[Node], uses: Mapping[int, int]) -> None:
        self._statements: list[tuple[str, Expression]] = []
        self._left = Counter(dict(uses))
        self._names: dict[int, str] = {}
        self._inline: dict[int, tuple[Expression, Node]] = {}
        for node in inputs:
            self._names[node.index] = self._free()

    def name(self, node: Node) -> str:
        """Name of a value that was computed."""
        return self._names[node.index]

    def values(self, sources: Sequence[Node]) -> list[Expression]:
        """Names of values, or what they are computed with."""
        return [
            self._inline[source.index][0] if source.index in self._inline else self._names[source.index]
            for source in sources
        ]

    def is_kept(self, node: Node, takers: Sequence[Node]) -> bool:
        """Whether a value is used by others than ``takers``."""
        return self._left[node.index] > len(takers)

    def inline(self, node: Node, expression: Expression) -> None:
        """Write a value, computed of one other, where it is used."""
        self._inline[node.index] = expression, node.inputs[0]

    def gives(self, nodes: Sequence[Node], expression: Expression, sources: Sequence[Node]) -> None:
        """Write the statement that computes ``nodes`` of ``sources``, which are used once more."""
        done: list[str] = []
        for source in sources:
            if source.index in self._inline:
                source = self._inline.pop(source.index)[1]
            self._left[source.index] -= 1
            if not self._left[source.index]:
                done.append(self._names.pop(source.index))
        names = []
        for node in nodes:
            self._names[node.index] = done.pop(0) if done else self._free()
            names.append(self._names[node.index])
        self._statements.append((", ".join(names), expression))

    def returns(self, expression: Expression) -> list[str]:
        """All lines, a return statement as the last one."""
        last = expression
        if self._statements and self._statements[-1][0] == expression:
            last = self._statements.pop()[1]
        written = [lines(value, MARGIN, f"{names} = ") for names, value in self._statements]
        return [line for statement in [*written, lines(last, MARGIN, "return ")] for line in statement]

    def _free(self) -> str:
        taken = set(self._names.values())
        number = 1
        while True:
            for name in VALUES:
                numbered = name if number == 1 else f"{name}{number}"
                if numbered not in taken:
                    return numbered
            number += 1


def write_layers(flow: Flow, nodes: Sequence[Node], call: Callable[[Node], str]) -> None:
    """Write the statements of layers.

    Args:
        flow: Where to write.
        nodes: The layers.
        call: The attribute of a layer with parameters.
    """
    users: dict[int, list[Node]] = {}
    for node in nodes:
        for source in node.inputs:
            users.setdefault(source.index, []).append(node)
    for node in nodes:
        values = flow.values(node.inputs)
        if isinstance(node.kind, WEIGHTED):
            flow.gives([node], Call(f"self.{call(node)}", values), node.inputs)
            continue
        expression = expression_of(node, values)
        takers = users.get(node.index, [])
        once = len(takers) == 1 and isinstance(takers[0].kind, WEIGHTED) and not flow.is_kept(node, takers)
        if once and isinstance(node.kind, Activation):
            flow.inline(node, expression)
        else:
            flow.gives([node], expression, node.inputs)
