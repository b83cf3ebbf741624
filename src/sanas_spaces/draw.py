"""A network as text."""

from __future__ import annotations

from . import functions, kinds
from .cost import graph_cost, layer_flops, layer_params
from .graph import Graph, Node


def layer_rows(graph: Graph) -> list[tuple[str, str, str, int, int]]:
    """One row per live layer: name, what it does, output shape, parameters, FLOPs."""
    return [
        (node.name, describe(node), "x".join(map(str, node.dims)), layer_params(node), layer_flops(node))
        for node in graph.live()
        if not isinstance(node.kind, kinds.Input)
    ]


def layer_table(graph: Graph) -> list[str]:
    """The lines of a table of :func:`layer_rows`, with the totals last."""
    cost = graph_cost(graph)
    rows = [(name, what, shape, f"{params:,}", f"{flops:,}") for name, what, shape, params, flops in layer_rows(graph)]
    total = (
        "total",
        f"depth {cost.depth}",
        "x".join(map(str, cost.output_shape)),
        f"{cost.params:,}",
        f"{cost.flops:,}",
    )
    heading = ("layer", "operation", "output", "params", "FLOPs")
    widths = [max(len(row[column]) for row in (*rows, total, heading)) for column in range(5)]
    rule = "  ".join("-" * width for width in widths)

    def line(row: tuple[str, ...]) -> str:
        left = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        return "  ".join(left + right).rstrip()

    return [line(heading), rule, *map(line, rows), rule, line(total)]


def describe(node: Node) -> str:
    """What a layer does, in a few words: ``conv 3x3 /2 depthwise bn relu6``."""
    kind = node.kind
    if isinstance(kind, kinds.Conv2d):
        words = [f"conv {kind.kernel[0]}x{kind.kernel[1]}"]
        if kind.stride != (1, 1):
            words.append(f"/{kind.stride[0]}")
        if kind.dilation != (1, 1):
            words.append(f"dilation {kind.dilation[0]}")
        if kind.groups > 1:
            words.append("depthwise" if kind.groups == node.inputs[0].dims[0] else f"groups {kind.groups}")
        words += ["bias"] * kind.bias + ["bn"] * kind.norm
        return " ".join([*words, kind.act] if kind.act else words)
    if isinstance(kind, kinds.Pool2d):
        stride = "" if kind.stride == (1, 1) else f" /{kind.stride[0]}"
        return f"{kind.mode} pool {kind.kernel[0]}x{kind.kernel[1]}{stride}"
    if isinstance(kind, kinds.Activation):
        return kind.function
    if isinstance(kind, kinds.BatchNorm):
        return " ".join(["bn", *([kind.act] if kind.act else [])])
    if isinstance(kind, functions.Elementwise):
        return kind.function
    if isinstance(kind, functions.Resize):
        return f"resize {kind.mode}"
    return _WORDS.get(type(kind), type(kind).__name__.lower())


_WORDS: dict[type, str] = {
    kinds.GlobalAvgPool: "global avg pool",
    kinds.DropPath: "drop path",
    kinds.GlobalMaxPool: "global max pool",
}
