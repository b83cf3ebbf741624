"""A network as blocks: layers that belong together, equal blocks in a row folded into one.

A block ends where the whole network goes through one tensor, so a shortcut and the branches of an Inception block stay
inside. Neighbours whose names say that they belong together (``stage1_2_expand``, ``stage1_2_dwise``) are one block,
too; and where there is no such tensor, as in cells that also take the result of the cell before, names decide alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from . import functions, kinds
from .cost import layer_flops, layer_params
from .draw import describe
from .graph import Graph, Node

LARGEST = 60
"""Layers between two such tensors above which names decide."""
MOST_BRANCHES = 6
JOINS = (functions.Add, functions.Elementwise, functions.Concat)
_AUTOMATIC = ("conv2d", "batch_norm", "fc")
"""What layers without a name are called besides their kind."""
_LIGHT = (kinds.Activation, kinds.BatchNorm, kinds.Dropout, kinds.DropPath, functions.Scale)


@dataclass
class Block:
    """Some layers of a network that belong together, ``repeats`` times in a row.

    Attributes:
        name: What the names of its layers have in common, of the first and of the last one.
        nodes: The layers of the first one.
        repeats: How many equal ones there are in a row.
        flops: FLOPs of all of them.
        params: Parameters of all of them.
        taps: Names of the results of the network, other than the main one, that come from them.
        members: The layers of all of them.
    """

    name: str
    nodes: list[Node]
    repeats: int = 1
    flops: int = 0
    params: int = 0
    taps: list[str] = field(default_factory=list)
    members: list[Node] = field(default_factory=list)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what comes out, without the batch."""
        return self.nodes[-1].dims

    @property
    def stride(self) -> int:
        """How many times smaller the height gets; 1 for a pooling of the whole map, which takes no steps."""
        if any(isinstance(node.kind, kinds.GlobalAvgPool | kinds.GlobalMaxPool) for node in self.nodes):
            return 1
        before = next((one.dims for one in reversed(self.sources) if len(one.dims) == 3), ())
        after = self.output_shape
        return before[1] // after[1] if len(before) == len(after) == 3 and 0 < after[1] < before[1] else 1

    @property
    def sources(self) -> list[Node]:
        """The layers outside that it takes, in their order."""
        inside = {node.index for node in self.nodes}
        found = {one.index: one for node in self.nodes for one in node.inputs if one.index not in inside}
        return [found[index] for index in sorted(found)]

    @property
    def lines(self) -> list[str]:
        """What it does: a line per branch, layers as ``3x3:64 /2``, or else counts of layers."""
        found = self._branches()
        if found is None:
            return _counts(self.nodes)
        lines = [_chain([short(node) for node in branch]) or "shortcut" for branch in found]
        return [" + ".join(lines)] if len(lines) == 2 and lines[1] == "shortcut" else lines

    def _branches(self) -> list[list[Node]] | None:
        """The layers of each branch in order, None if they are wired in another way."""
        main = [node for node in self.nodes if not isinstance(node.kind, _LIGHT)]
        inside = {node.index for node in self.nodes}
        if not main:
            return [self.nodes]
        joins = [node for node in main if isinstance(node.kind, JOINS)]
        if not joins:
            chain = all(len(node.inputs) == 1 for node in self.nodes) and len({s.index for s in self.sources}) == 1
            firsts = sum(all(one.index not in inside for one in node.inputs) for node in self.nodes)
            return [main] if chain and firsts == 1 else None
        if len(joins) > 1 or not _is_last(joins[0], self.nodes) or len(joins[0].inputs) > MOST_BRANCHES:
            return None
        branches = []
        for end in joins[0].inputs:
            branch: list[Node] = []
            while end.index in inside:
                if len(end.inputs) != 1:
                    return None
                branch.insert(0, end)
                end = end.inputs[0]
            branches.append([node for node in branch if not isinstance(node.kind, _LIGHT)])
        return sorted(branches, key=len, reverse=True)


@dataclass
class Stage:
    """Blocks in a row whose results have the same height and width.

    Attributes:
        size: Height and width, None for vectors.
        blocks: The blocks.
        flops: FLOPs of all of them.
    """

    size: tuple[int, int] | None
    blocks: list[Block]

    @property
    def flops(self) -> int:
        """FLOPs of its blocks."""
        return sum(block.flops for block in self.blocks)


def fold(graph: Graph) -> list[Stage]:
    """The stages of a network, from its input to its result."""
    groups = _merge(_segments(graph))
    marks = _marks(graph)
    folded: list[Block] = []
    for _, equal in groupby(groups, key=_signature):
        same = list(equal)
        members = [node for nodes in same for node in nodes]
        folded.append(
            Block(
                _span(_shared_name(same[0]), _shared_name(same[-1])),
                same[0],
                len(same),
                sum(map(layer_flops, members)),
                sum(map(layer_params, members)),
                [mark for node in members for mark in marks.get(node.index, ())],
                members,
            )
        )
    return [Stage(size, list(blocks)) for size, blocks in groupby(folded, key=lambda block: _size(block.output_shape))]


def short(node: Node) -> str:
    """A layer in a few letters: ``dw 5x5:96 /2`` is a depthwise convolution of 96 channels that halves the map."""
    kind: Any = node.kind
    if isinstance(kind, kinds.Conv2d):
        depthwise = kind.groups > 1 and kind.groups == node.inputs[0].dims[0]
        words = ["dw"] if depthwise else [f"{kind.groups} groups"] if kind.groups > 1 else []
        words.append(f"{kind.kernel[0]}x{kind.kernel[1]}:{kind.out_channels}")
        words += [f"/{kind.stride[0]}"] if kind.stride != (1, 1) else []
        words += [f"dil {kind.dilation[0]}"] if kind.dilation != (1, 1) else []
        return " ".join(words)
    if isinstance(kind, kinds.Pool2d):
        stride = f" /{kind.stride[0]}" if kind.stride != (1, 1) else ""
        return f"{kind.mode} {kind.kernel[0]}x{kind.kernel[1]}{stride}"
    if isinstance(kind, kinds.Linear):
        return f"fc:{kind.out_features}"
    return describe(node)


def _segments(graph: Graph) -> list[list[Node]]:
    """Layers cut where the whole network goes through one tensor."""
    nodes = graph.live()
    reach = 0  # the last place, among live nodes, that takes something computed up to here
    place = {node.index: number for number, node in enumerate(nodes)}
    last: dict[int, int] = {}
    for node in nodes:
        for source in node.inputs:
            last[source.index] = place[node.index]
    segments: list[list[Node]] = []
    open_nodes: list[Node] = []
    for number, node in enumerate(nodes):
        if not isinstance(node.kind, kinds.Input):
            open_nodes.append(node)
        if reach <= number and open_nodes:
            segments.append(open_nodes)
            open_nodes = []
        reach = max(reach, last.get(node.index, 0))
    return [part for segment in [*segments, open_nodes] if segment for part in _by_name(segment)]


def _by_name(segment: list[Node]) -> list[list[Node]]:
    """A long segment cut where the first numbered part of the layers' names changes."""
    if len(segment) <= LARGEST:
        return [segment]
    common = _common([_parts(node.name)[:-1] for node in segment if _has_name(node)])
    keys: dict[int, tuple[str, ...]] = {}
    first_user: dict[int, int] = {}
    following: tuple[str, ...] = ()
    for node in reversed(segment):
        following = keys.get(first_user.get(node.index, -1), following)  # one without a name goes with its first user
        if _has_name(node):
            rest = _parts(node.name)[common:]
            following = rest[: next((i + 1 for i, part in enumerate(rest) if part[-1:].isdigit()), len(rest))]
        keys[node.index] = following
        for source in node.inputs:
            first_user[source.index] = node.index
    parts: list[list[Node]] = []
    for node in segment:
        if not parts or keys[node.index] != keys[parts[-1][-1].index]:
            parts.append([])
        parts[-1].append(node)
    return parts


def _merge(segments: list[list[Node]]) -> list[list[Node]]:
    """Join a segment with the one before if their names belong together, or if it is only an activation or the like."""
    common = _common([_parts(node.name)[:-1] for nodes in segments for node in nodes if _has_name(node)])
    merged: list[list[Node]] = []
    for nodes in segments:
        if merged:
            parents = _parent(merged[-1], common), _parent(nodes, common)
            light = all(isinstance(node.kind, _LIGHT) for node in nodes)
            if light or (parents[0] == parents[1] and parents[0]):
                merged[-1] = [*merged[-1], *nodes]
                continue
        merged.append(nodes)
    return merged


def _parent(nodes: list[Node], common: int) -> tuple[str, ...]:
    """The name of the block that layers are named after, empty if they are not."""
    parents = {_parts(node.name)[common:-1] for node in nodes if _has_name(node)}
    if len(parents) != 1:
        return ()
    (parent,) = parents
    return parent if parent and any(part[-1:].isdigit() for part in parent) else ()


def _has_name(node: Node) -> bool:
    """Whether a layer was given a name; the others are called by their kind and a number."""
    kind, _, number = node.name.rpartition("/")[2].rpartition("_")
    return not (number.isdigit() and kind in (type(node.kind).__name__.lower(), *_AUTOMATIC))


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[_/.]+", name) if part)


def _common(names: Sequence[Sequence[str]]) -> int:
    """How many first parts all names share."""
    count = 0
    for parts in zip(*names, strict=False):
        if len(set(parts)) > 1:
            break
        count += 1
    return count if len(names) > 1 else 0


def _shared_name(nodes: Sequence[Node]) -> str:
    """The first parts that the names of layers have in common, the first name if there are none."""
    names = [node.name for node in nodes if _has_name(node)] or [nodes[0].name]
    count = _common([_parts(name) for name in names])
    found = re.match(rf"(?:[^_/.]+[_/.]*){{{count}}}", names[0]) if count else None
    return found[0].rstrip("_/.") if found else names[0]


def _span(first: str, last: str) -> str:
    """What blocks in a row are called: ``conv3_2–4`` where only one number differs."""
    parts = [re.split(r"(\d+)", name) for name in (first, last)]
    if first == last:
        return first
    different = [i for i, (a, b) in enumerate(zip(*parts, strict=False)) if a != b]
    if len(parts[0]) != len(parts[1]) or len(different) != 1 or not parts[0][different[0]].isdigit():
        return f"{first} to {last}"
    parts[0][different[0]] += f"–{parts[1][different[0]]}"
    return "".join(parts[0])


def _signature(nodes: list[Node]) -> tuple[Any, ...]:
    """Equal for blocks that do the same on equal shapes."""
    place = {node.index: number for number, node in enumerate(nodes)}
    return tuple(
        (
            type(node.kind).__name__,
            node.kind,
            node.dims,
            tuple((place.get(one.index, -1), one.dims) for one in node.inputs),
        )
        for node in nodes
    )


def _marks(graph: Graph) -> dict[int, list[str]]:
    """Names of the results besides the main one, by node."""
    found: dict[int, list[str]] = {}

    def walk(result: Any, name: str) -> None:
        if isinstance(result, Node):
            if name:
                found.setdefault(result.index, []).append(name)
        elif isinstance(result, dict):
            for key, value in result.items():
                walk(value, f"tap {key}")
        elif isinstance(result, tuple | list):
            for number, value in enumerate(result):
                walk(value, name if number == 0 else f"output {number + 1}")

    walk(graph.result, "")
    return found


def _is_last(join: Node, nodes: list[Node]) -> bool:
    """Whether nothing but activations and the like follows."""
    return all(node.index <= join.index or isinstance(node.kind, _LIGHT) for node in nodes)


def _size(shape: tuple[int, ...]) -> tuple[int, int] | None:
    return (shape[1], shape[2]) if len(shape) == 3 else None


def _chain(words: list[str]) -> str:
    """Layers in a row, equal ones counted."""
    counted = [(word, len(list(equal))) for word, equal in groupby(words)]
    return " → ".join(word if count == 1 else f"{count} × {word}" for word, count in counted)


def _counts(nodes: list[Node]) -> list[str]:
    """How many layers of each sort there are, the most frequent first."""
    words = Counter(re.sub(r":\d+", "", short(node)) for node in nodes if not isinstance(node.kind, _LIGHT))
    return [", ".join(f"{count} × {word}" for word, count in words.most_common())]
