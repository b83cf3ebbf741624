"""Blocks that differ only in sizes as one class, whose arguments are these sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import functions, kinds
from ...graph import Node
from .blocks import Block
from .flow import Flow, write_layers
from .layers import Module, arguments_of, expression_of, module_of, text
from .layout import INDENT, Call, Expression, Labelled, Literal, flat, lines, quoted
from .names import identifier, stem

Column = tuple[Any, ...]


class Design:
    """What the blocks of one class have in common.

    Args:
        block: One of the blocks.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.modules: list[Module] = [module_of(node) for node in block.weighted]
        self.attributes: dict[int, str] = {}
        for node in block.weighted:
            rest = stem(node).removeprefix(block.label).strip("_/.")
            word = _WORDS[type(node.kind)]
            self.attributes[node.index] = identifier(rest or word, list(self.attributes.values()), word)

    @property
    def key(self) -> Any:
        """Equal for blocks of one class."""
        place = {node.index: number for number, node in enumerate(self.block.nodes)}
        place |= {node.index: -1 - number for number, node in enumerate(self.block.inputs)}
        modules = iter(self.modules)
        described = []
        for node in self.block.nodes:
            sources = tuple(place[source.index] for source in node.inputs)
            if node in self.block.weighted:
                module = next(modules)
                what: Any = (
                    module.helper,
                    tuple(module.options.items()),
                    self.attributes[node.index],
                    flat(layer_name(node, self.block.label)),
                    untrained(node),
                )
            else:
                what = flat(expression_of(node, [f"x{source}" for source in sources]))
            described.append((what, sources))
        return tuple(described), tuple(place[node.index] for node in self.block.outputs)

    @property
    def sizes(self) -> list[Any]:
        """All sizes of its modules in order."""
        return [value for module in self.modules for value in module.sizes.values()]


class BlockClass:
    """A class of blocks.

    Args:
        name: What it is called.
        designs: Its blocks.
    """

    def __init__(self, name: str, designs: Sequence[Design]) -> None:
        self.name = name
        self._first = designs[0]
        columns: list[Column] = list(zip(*(map(_frozen, design.sizes) for design in designs), strict=True))
        self._several = len(designs) > 1
        self._arguments: dict[Column, str] = {}
        labels = [
            (self._first.attributes[node.index], size, module)
            for node, module in zip(self._first.block.weighted, self._first.modules, strict=True)
            for size in module.sizes
        ]
        self._written: list[str] = []
        for column, (attribute, size, module) in zip(columns, labels, strict=True):
            if len(set(column)) == 1:
                self._written.append(text(_thawed(column[0])))
                continue
            if column not in self._arguments:
                self._arguments[column] = self._argument(attribute, size, module)
            self._written.append(self._arguments[column])

    def _argument(self, attribute: str, size: str, module: Module) -> str:
        """Name of an argument: ``in_channels`` is that of the block, others are those of a layer unless it is clear."""
        taken = ["name", *self._arguments.values()]
        if module is self._first.modules[0] and size.startswith("in_"):
            return identifier(size, taken, "size")
        if size in ("kernel", "stride", "dilation") and size not in taken:
            return size
        return identifier(f"{attribute}_{size.removeprefix('out_')}", taken, "size")

    def call(self, design: Design) -> Expression:
        """How a block of this class is made."""
        if not self._several:
            return Call(self.name, [])
        values = dict(zip(self._written, design.sizes, strict=True))
        sizes = [Labelled(f"{name}=", text(values[name])) for name in self._arguments.values()]
        return Call(self.name, [quoted(design.block.label), *sizes])

    def source(self) -> list[str]:
        """Lines of the class."""
        block = self._first.block
        margin, inner = " " * INDENT, " " * 2 * INDENT
        arguments = ["self", *(["name", *self._arguments.values()] if self._several else [])]
        sizes = iter(self._written)
        written_sizes = [dict(zip(module.sizes, sizes, strict=False)) for module in self._first.modules]
        about = recipe(block, [values.get("kernel", "") for values in written_sizes])
        written = [f"class {self.name}(nn.Layer):", f'{margin}"""{about}"""', ""]
        written += lines(Call("__init__", arguments), INDENT, "def ", ":")
        written.append(f"{inner}super().__init__()")
        for node, module, values in zip(block.weighted, self._first.modules, written_sizes, strict=True):
            name = layer_name(node, block.label if self._several else None)
            written += make(self._first.attributes[node.index], module, [name, *arguments_of(module, values)], node)
        flow = Flow(block.inputs, uses_in(block))
        heading = lines(Call("forward", ["self", *(flow.name(node) for node in block.inputs)]), INDENT, "def ", ":")
        write_layers(flow, block.nodes, lambda node: self._first.attributes[node.index])
        names = [flow.name(node) for node in block.outputs]
        result: Expression = names[0] if len(names) == 1 else ", ".join(names)
        return [*written, "", *heading, *flow.returns(result)]


def make(attribute: str, module: Module, arguments: Sequence[Expression], node: Node) -> list[str]:
    """The statements that make a module."""
    written = lines(Call(module.helper, arguments), 2 * INDENT, f"self.{attribute} = ")
    for key in untrained(node):
        written.append(f"{' ' * 2 * INDENT}self.{attribute}.{KEYS[module.helper][key]}.stop_gradient = True")
    return written


def untrained(node: Node) -> tuple[str, ...]:
    """Roles of the parameters that are not trained although they could be."""
    return tuple(
        spec.role for spec in node.parameters if spec.trainable and spec.attr is not None and not spec.attr.trainable
    )


def uses_in(block: Block) -> dict[int, int]:
    """How often each value is used in a block; to be a result is one use."""
    uses: dict[int, int] = {node.index: 1 for node in block.outputs}
    for node in block.nodes:
        for source in node.inputs:
            uses[source.index] = uses.get(source.index, 0) + 1
    return uses


def layer_name(node: Node, label: str | None) -> Expression:
    """The name of a layer, or the full names of its parameters by role; behind ``label`` if that is an argument."""
    if node.names is None:
        return _behind(node.name, label)
    return Literal("{", [Labelled(f'"{p.role}": ', _behind(p.name, label)) for p in node.parameters], "}")


def _behind(name: str, label: str | None) -> str:
    if not label or not name.startswith(label):
        return quoted(name)
    rest = name.removeprefix(label)
    return f'f"{{name}}{quoted(rest, formatted=True)}"' if rest else "name"


def recipe(block: Block, kernels: Sequence[str]) -> str:
    """What a block does, for its docstring; a kernel that is an argument is told as kxk."""
    words = []
    for node, written in zip(block.weighted, kernels, strict=True):
        kind: Any = node.kind
        if isinstance(kind, kinds.Conv2d):
            size = "x".join(map(str, kind.kernel)) if written[:1] in "[0123456789" else "kxk"
            depthwise = kind.groups > 1 and kind.groups == node.inputs[0].dims[0]
            words.append(f"{size} depthwise" if depthwise else size)
        else:
            words.append("normalisation" if isinstance(kind, kinds.BatchNorm) else "fully connected")
    ends = {type(node.kind) for node in block.outputs}
    joined = "; joined branches" if functions.Concat in ends else "; with a shortcut" if functions.Add in ends else ""
    if len(words) > 6:
        return f"{len(words)} layers{joined}."
    convolutions = all(isinstance(node.kind, kinds.Conv2d) for node in block.weighted)
    return f"{'Convolutions' if convolutions else 'Layers'} {', '.join(words)}{joined}."


def class_name(block: Block) -> str:
    """What the class of a block is called: by how it ends and by its convolutions."""
    ends = {type(node.kind) for node in block.outputs}
    convolutions = [(node.kind, node) for node in block.weighted if isinstance(node.kind, kinds.Conv2d)]
    depthwise = any(kind.groups > 1 for kind, _ in convolutions)
    if len(block.inputs) > 1:
        return "Cell"
    if functions.Concat in ends:
        return "Branches"
    if len(convolutions) == 3 and convolutions[1][0].groups > 1:
        return "InvertedResidual" if functions.Add in ends else "InvertedBottleneck"
    if functions.Add in ends:
        return "SeparableResidual" if depthwise else "Residual"
    return "SeparableConv" if depthwise else "Block"


_WORDS: dict[type, str] = {kinds.Conv2d: "conv", kinds.BatchNorm: "norm", kinds.Linear: "fc"}
_STATISTICS = {
    "bn_scale": "norm.weight",
    "bn_offset": "norm.bias",
    "bn_mean": "norm._mean",
    "bn_variance": "norm._variance",
}
KEYS: dict[str, dict[str, str]] = {
    "ConvNorm": {"weights": "conv.weight", "bias": "conv.bias", **_STATISTICS},
    "Conv": {"weights": "conv.weight", "bias": "conv.bias"},
    "Norm": _STATISTICS,
    "VectorNorm": _STATISTICS,
    "Linear": {"weights": "fc.weight", "bias": "fc.bias"},
}
"""Where the helper classes keep parameters, by role."""


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _thawed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
