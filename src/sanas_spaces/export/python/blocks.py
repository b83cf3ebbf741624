"""Where a network falls into blocks: at the places where one value, or two, pass on to what follows."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph import Node
from ...kinds import WEIGHTED, Input
from .names import Parts, common, parts_of, prefix, stem

LARGE = 60
"""Layers from which on a block is cut where two values pass on."""


class Block:
    """Consecutive layers of a network.

    Attributes:
        nodes: The layers.
        inputs: Values from outside, in the order of their first use.
        outputs: Values that are used outside.
        label: What the names of its layers with parameters begin with.
    """

    def __init__(self, nodes: Sequence[Node], uses: dict[int, list[int]], label: str | None = None) -> None:
        self.nodes = list(nodes)
        inside = {node.index for node in self.nodes}
        sources = (source for node in self.nodes for source in node.inputs if source.index not in inside)
        self.inputs = list({source.index: source for source in sources}.values())
        self.outputs = [node for node in self.nodes if not inside.issuperset(uses[node.index])]
        self.weighted = [node for node in self.nodes if isinstance(node.kind, WEIGHTED)]
        self.label = _label(self.weighted) if label is None else label

    @property
    def parts(self) -> Parts:
        """Parts of its label."""
        return parts_of(self.label) if self.label else ()

    @property
    def is_layer(self) -> bool:
        """Whether it is one layer with parameters."""
        return len(self.nodes) == len(self.weighted) == 1


def uses_of(nodes: Sequence[Node], outputs: Sequence[Node]) -> dict[int, list[int]]:
    """For each layer the indices of those that take its value; -1 stands for the result of the network."""
    uses: dict[int, list[int]] = {node.index: [] for node in nodes}
    for node in nodes:
        for source in node.inputs:
            uses.setdefault(source.index, []).append(node.index)
    for output in outputs:
        uses.setdefault(output.index, []).append(-1)
    return uses


def blocks_of(nodes: Sequence[Node], uses: dict[int, list[int]]) -> list[Block]:
    """Cut the layers of a network into blocks."""
    pieces: list[list[Node]] = []
    for piece in _cut(nodes, uses, passing=1):
        if len(piece) < LARGE:
            pieces.append(piece)
        else:
            pieces += _with_one_name(_cut(piece, uses, passing=2), uses)
    return _with_siblings([Block(piece, uses) for piece in pieces], uses)


def _cut(nodes: Sequence[Node], uses: dict[int, list[int]], passing: int) -> list[list[Node]]:
    """Cut wherever no more than ``passing`` values are needed by layers behind the cut."""
    last = {index: max(users, default=-1) for index, users in uses.items()}
    sources = {source.index for node in nodes for source in node.inputs} | {node.index for node in nodes}
    pieces: list[list[Node]] = [[]]
    for node in nodes:
        pieces[-1].append(node)
        if sum(index <= node.index < last[index] for index in sources) <= passing:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _with_one_name(pieces: list[list[Node]], uses: dict[int, list[int]]) -> list[list[Node]]:
    """Join neighbours of which one is named as a part of the other."""
    joined: list[list[Node]] = []
    for piece in pieces:
        if joined:
            before, here = Block(joined[-1], uses).parts, Block(piece, uses).parts
            shared = common([before, here])
            if not before or not here or shared in (before, here):
                joined[-1] = [*joined[-1], *piece]
                continue
        joined.append(piece)
    return joined


def _with_siblings(blocks: list[Block], uses: dict[int, list[int]]) -> list[Block]:
    """Join neighbouring single layers that are named as parts of one thing: ``block_1_dw``, ``block_1_pw``."""
    joined: list[Block] = []
    single = False
    for block in blocks:
        before = joined[-1] if joined else None
        if before is not None and before.label and block.is_layer and (single or before.is_layer):
            parent = before.parts if single else before.parts[:-1]
            if parent and block.parts[:-1] == parent:
                label = prefix(block.label, len(parent))
                joined[-1] = Block([*before.nodes, *block.nodes], uses, label)
                single = True
                continue
        joined.append(block)
        single = False
    return joined


def _label(weighted: Sequence[Node]) -> str:
    stems = [stem(node) for node in weighted]
    if not stems:
        return ""
    return prefix(stems[0], len(common([parts_of(name) for name in stems])))


def is_input(node: Node) -> bool:
    """Whether a node stands for a tensor from outside."""
    return isinstance(node.kind, Input)
