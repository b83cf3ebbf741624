"""The one description of a network: a graph of layers with known shapes.

A :class:`Node` is a layer applied to other nodes; it reads like a static Paddle variable (``x.shape[1]``), so
the function that describes a network can be the one that builds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from .canonical import Operation, canonical_hash
from .errors import GraphError
from .functions import Add, Elementwise, Scale
from .kinds import WEIGHTED, Initializer, Input, Kind, Shape


class NamedParameter(NamedTuple):
    """A parameter of a network by its full name."""

    name: str
    role: str
    shape: Shape
    init: Initializer
    trainable: bool
    fan_in: int
    attr: Any = None


class Node:
    """A layer applied to its inputs, and the value that comes out.

    Attributes:
        kind: What the layer does.
        inputs: Nodes whose values it takes.
        name: Name of the layer; parameters are called ``{name}_{role}`` unless ``names`` says otherwise.
        dims: Shape of the value without the batch, ``(C, H, W)`` or ``(C,)``.
        graph: The graph it belongs to.
        index: Its place in ``graph.nodes``, which is a topological order.
        attrs: ``ParamAttr`` by role: how parameters start and are trained, where their kind does not say it.
    """

    __slots__ = ("attrs", "dims", "graph", "index", "inputs", "kind", "name", "names")

    def __init__(
        self,
        graph: Graph,
        kind: Kind,
        inputs: tuple[Node, ...],
        name: str,
        dims: Shape,
        names: Mapping[str, str] | None,
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        self.graph = graph
        self.kind = kind
        self.inputs = inputs
        self.name = name
        self.dims = dims
        self.names = names
        self.attrs = attrs
        self.index = len(graph.nodes)

    @property
    def shape(self) -> list[int]:
        """Shape with the batch, ``[-1, C, H, W]``, as a static Paddle variable tells it."""
        return [-1, *self.dims]

    @property
    def owner(self) -> str:
        """Name that layers with the same parameters have in common."""
        return self.name if self.names is None else next(iter(self.names.values()), self.name)

    @property
    def parameters(self) -> tuple[NamedParameter, ...]:
        """Parameters of this layer."""
        names, attrs = self.names or {}, self.attrs or {}
        return tuple(
            NamedParameter(names.get(p.role, f"{self.name}_{p.role}"), *p, attrs.get(p.role))
            for p in self.kind.parameters([node.dims for node in self.inputs])
        )

    def __add__(self, other: Node | float) -> Node:
        if not isinstance(other, Node):
            return self.graph.add(Scale(1.0, float(other)), (self,))
        same = self.dims == other.dims
        return self.graph.add(Add() if same else Elementwise("add"), (self, other))

    def __mul__(self, other: Node | float) -> Node:
        if not isinstance(other, Node):
            return self.graph.add(Scale(float(other)), (self,))
        return self.graph.add(Elementwise("multiply"), (self, other))

    def __sub__(self, other: float) -> Node:
        return self + -other

    def __truediv__(self, other: float) -> Node:
        return self * (1.0 / other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"<{type(self.kind).__name__} {self.name!r} {self.shape}>"


class Graph:
    """Layers in the order in which they were added, and the result of the network.

    Attributes:
        nodes: Every layer that was added, also those that the result does not need.
        inputs: The nodes that stand for tensors given from outside.
        result: What the network returns: a node, or a tuple, list or dict of nodes.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []
        self.result: Any = None
        self._scope = ""
        self._numbers: Counter[str] = Counter()

    def unique_name(self, kind: str) -> str:
        """A name for a layer without one: ``conv2d_0``, ``conv2d_1``, ..."""
        number = self._numbers[kind]
        self._numbers[kind] += 1
        return f"{kind}_{number}"

    def input(self, dims: Shape, name: str = "image") -> Node:
        """Add a tensor given from outside, of shape ``[N, *dims]``."""
        node = Node(self, Input(name), (), name, tuple(dims), None)
        self.nodes.append(node)
        self.inputs.append(node)
        return node

    def add(
        self,
        kind: Kind,
        inputs: tuple[Node, ...],
        name: str | None = None,
        names: Mapping[str, str] | None = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> Node:
        """Append a layer.

        Args:
            kind: The layer.
            inputs: Nodes of this graph.
            name: Name of the layer; by default its kind and its number.
            names: Full parameter names by role, for those that do not follow ``{name}_{role}``.
            attrs: ``ParamAttr`` by role.

        Raises:
            GraphError: The layer does not fit the shapes of its inputs, or an input is of another graph.
        """
        if name is None:
            name = f"{type(kind).__name__.lower()}_{len(self.nodes)}"
        if self._scope:
            name = self._scope + name
            names = {role: self._scope + full for role, full in names.items()} if names else None
        shapes = []
        for node in inputs:
            if node.graph is not self:
                raise GraphError(f"layer {name!r}: input {node.name!r} belongs to another network")
            shapes.append(node.dims)
        try:
            dims = kind.output_shape(shapes)
        except GraphError as error:
            raise GraphError(f"layer {name!r}: {error}") from None
        node = Node(self, kind, inputs, name, dims, names, attrs)
        self.nodes.append(node)
        return node

    @contextmanager
    def scope(self, prefix: str) -> Iterator[None]:
        """Put ``prefix`` before the names of the layers added inside."""
        outer, self._scope = self._scope, self._scope + prefix
        try:
            yield
        finally:
            self._scope = outer

    @property
    def outputs(self) -> list[Node]:
        """The distinct nodes in ``result``, the main one first."""
        found: dict[int, Node] = {}
        for node in leaves(self.result):
            found.setdefault(node.index, node)
        return list(found.values())

    def last_uses(self) -> list[int]:
        """For each node the index of the last one that takes its value and is needed itself.

        The number of nodes stands for the result, -1 for a node that the result does not need.
        """
        uses = [-1] * len(self.nodes)
        for output in self.outputs:
            uses[output.index] = len(uses)
        for node in reversed(self.nodes):
            if uses[node.index] >= 0:
                for source in node.inputs:
                    if uses[source.index] < 0:
                        uses[source.index] = node.index
        return uses

    def live(self) -> list[Node]:
        """Nodes that the result needs, in order."""
        return [node for node, use in zip(self.nodes, self.last_uses(), strict=True) if use >= 0]

    def parameters(self) -> list[NamedParameter]:
        """Parameters of the live layers in the order of creation, each name once.

        Raises:
            GraphError: Two layers give one name to parameters of different shapes.
        """
        found: dict[str, NamedParameter] = {}
        for node in self.live():
            for parameter in node.parameters:
                known = found.setdefault(parameter.name, parameter)
                if known.shape != parameter.shape:
                    raise GraphError(
                        f"parameter {parameter.name!r} is used with shapes {list(known.shape)} and "
                        f"{list(parameter.shape)}; give the two layers names of their own"
                    )
        return list(found.values())

    def canonical_hash(self) -> str:
        """Hash of what the network computes, whatever its layers are called: 32 hexadecimal digits.

        Equal for two graphs with the same layers wired in the same way; fused and separate normalisation and
        activation compare equal, and so do the two orders of an addition. Sizes of the feature maps do not count.
        """
        operations: list[Operation] = []
        place: dict[int, int] = {}
        nodes = self.live()
        weighted = [node.owner for node in nodes if isinstance(node.kind, WEIGHTED)]
        shares = len(set(weighted)) < len(weighted)
        for node in nodes:
            before = tuple(place[source.index] for source in node.inputs)
            kind: Any = node.kind
            if isinstance(kind, Input):
                labels: tuple[tuple[str, str], ...] = (("Input", f"Input {self.inputs.index(node)} {node.dims[:1]}"),)
            else:
                labels = _labels(type(kind).__name__, kind)
            ordered = not isinstance(kind, Add)
            for part, label in labels:
                tensors = _tensors(node, part) if shares else ()
                operations.append(Operation(label, before, ordered, tensors))
                before = (len(operations) - 1,)
            place[node.index] = before[0]
        return canonical_hash(operations, [place[node.index] for node in self.outputs])


@lru_cache(maxsize=4096)
def _labels(_: str, kind: Any) -> tuple[tuple[str, str], ...]:
    """Name and settings of the primitive operations of a kind; tuples of two kinds can be equal, hence the type."""
    return tuple((part[0], repr(part)) for part in kind.parts())


def _tensors(node: Node, part: str) -> tuple[str, ...]:
    """Names of the trainable tensors that one part of a layer uses."""
    norm = part == "BatchNorm"
    found = tuple(p.name for p in node.parameters if p.trainable and p.role.startswith("bn_") == norm)
    return found if part in ("Conv2d", "BatchNorm", "Linear") else ()


def leaves(result: Any) -> Iterator[Node]:
    """Yield the nodes in a result, which may be nested in tuples, lists and dicts; None is passed over."""
    if isinstance(result, Node):
        yield result
    elif isinstance(result, Mapping):
        for value in result.values():
            yield from leaves(value)
    elif isinstance(result, tuple | list):
        for value in result:
            yield from leaves(value)
    elif result is not None:
        raise GraphError(f"a network returns layers, or a tuple or dict of them, not {type(result).__name__}")


def map_leaves(result: Any, values: Mapping[int, Any]) -> Any:
    """Return ``result`` with every node replaced by the value of its index."""
    if isinstance(result, Node):
        return values[result.index]
    if isinstance(result, Mapping):
        return {key: map_leaves(value, values) for key, value in result.items()}
    if isinstance(result, tuple | list):
        return type(result)(map_leaves(value, values) for value in result)
    return result
