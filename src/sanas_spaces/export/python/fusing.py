"""Convolution, normalisation and activation that follow each other as one layer, which is what people write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...graph import Graph, Node, map_leaves
from ...kinds import Activation, BatchNorm, Conv2d, Input, Kind


def fused(graph: Graph) -> Graph:
    """The same network with fewer layers; all parameters keep their names."""
    live = graph.live()
    takers: dict[int, list[Node]] = {node.index: [] for node in live}
    for node in live:
        for source in node.inputs:
            takers[source.index].append(node)
    kept = {output.index for output in graph.outputs}
    shorter = Graph()
    values: dict[int, Node] = {
        node.index: shorter.input(node.dims, node.kind.name) for node in graph.inputs if isinstance(node.kind, Input)
    }
    done = set(values)
    for node in live:
        if node.index in done:
            continue
        kind, last = node.kind, node
        names: dict[str, str] = {parameter.role: parameter.name for parameter in node.parameters}
        attrs: dict[str, Any] = dict(node.attrs or {})
        while last.index not in kept and len(takers[last.index]) == 1:
            (taker,) = takers[last.index]
            joined = _joined(kind, taker.kind)
            if joined is None:
                break
            kind, last = joined, taker
            names |= {parameter.role: parameter.name for parameter in taker.parameters}
            attrs |= taker.attrs or {}
            done.add(taker.index)
        usual: Mapping[str, str] = {role: f"{node.name}_{role}" for role in names}
        inputs = tuple(values[source.index] for source in node.inputs)
        values[last.index] = shorter.add(kind, inputs, node.name, None if names == usual else names, attrs or None)
    shorter.result = map_leaves(graph.result, values)
    return shorter


def _joined(kind: Kind, following: Kind) -> Kind | None:
    """One kind for two layers, None if there is none."""
    if isinstance(kind, Conv2d) and kind.act is None:
        if isinstance(following, BatchNorm) and not kind.norm and following[1:] == BatchNorm()[1:]:
            return kind._replace(norm=True, act=following.act)
        if isinstance(following, Activation) and not following.settings:
            return kind._replace(act=following.function)
    return None
