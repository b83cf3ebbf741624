"""A network as Python source: classes of blocks, and the network that stacks them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ... import kinds
from ...arch import ArchList, ImageShape, NetArch
from ...cost import graph_cost
from ...errors import ExportError
from ...graph import Graph, Node
from .blocks import Block, blocks_of, is_input, uses_of
from .classes import KEYS, BlockClass, Design, class_name, layer_name, make
from .flow import Flow, write_layers
from .fusing import fused
from .helpers import STATE, helper_source
from .layers import arguments_of, helpers_of, module_of, text
from .layout import INDENT, Call, Expression, Labelled, Literal, comment, lines, quoted
from .names import common, identifier, prefix, stem

HELPERS = ("ConvNorm", "Conv", "Norm", "VectorNorm", "Linear", "Network", "nn", "F", "np", "paddle")


def to_python(arch: NetArch | ArchList, input_shape: ImageShape | None = None, **kwargs: Any) -> str:
    """Source of a module with the network as a ``paddle.nn.Layer`` called ``Network``.

    Its ``state_dict`` has the parameter names of the network, so weights of either load into the other. Of
    ``ParamAttr`` it keeps which parameters are not trained; initializers and regularizers are not written.

    Args:
        arch: The network, or the chain of networks of a config.
        input_shape: Image shape [C, H, W] it is written for; by default that of ``arch``.
        kwargs: Keywords of the network, such as ``return_block``.

    Raises:
        CostError: The network calls Paddle itself, so there is no description to write down.
        ExportError: It takes several inputs, or returns a dict with keys that are neither numbers nor texts.
    """
    network = arch.network if isinstance(arch, ArchList) else arch
    graph = network.graph(input_shape, **kwargs)
    if len(graph.inputs) != 1:
        raise ExportError(f"{network.name} takes {len(graph.inputs)} inputs, Python source is written for one")
    return _Source(network, fused(graph)).text()


class _Source:
    """The parts of one module."""

    def __init__(self, network: NetArch, graph: Graph) -> None:
        self._network = network
        self._graph = graph
        self._nodes = [node for node in graph.live() if not is_input(node)]
        self._cost = graph_cost(graph)
        self._uses = uses_of(self._nodes, graph.outputs)
        shared = _is_shared(self._nodes)
        self._blocks = [Block(self._nodes, self._uses)] if shared else blocks_of(self._nodes, self._uses)
        self._designs = {} if shared else self._find_designs()
        self._classes = self._make_classes()
        self._made: list[str] = []
        self._attributes: list[str] = []
        self._attribute_of: dict[int, str] = {}
        self._first_with: dict[str, str] = {}

    def text(self) -> str:
        """The module."""
        body = self._network_source()
        used = {helper for node in self._nodes for helper in helpers_of(node)}
        uniform = {
            module.helper
            for module in (module_of(node) for node in self._nodes if isinstance(node.kind, kinds.WEIGHTED))
            if "uniform" in module.options
        }
        parts = [helper_source(used, uniform=uniform)] if used else []
        parts += ["\n".join(one.source()) + "\n" for one, _ in self._classes]
        parts.append(body)
        imports = ["import paddle"] if any("paddle." in part for part in parts) else []
        imports = ["import numpy as np"] * ("nearest_on_corners" in used) + imports
        if any("F." in part for part in parts):
            imports.append("import paddle.nn.functional as F")
        imports.append("from paddle import nn")
        return "\n\n".join([self._heading() + "\n" + "\n".join(imports) + "\n", *parts])

    def _heading(self) -> str:
        network, cost = self._network, self._cost
        shape = "x".join(map(str, self._graph.inputs[0].dims))
        tokens = f", tokens {','.join(map(str, network.tokens))}" if network.tokens else ""
        return "\n".join(
            [
                f'"""{comment(network.name)}: {cost.flops:,} FLOPs, {cost.params:,} parameters.',
                "",
                *_wrapped(f"Written by sanas-spaces for images of {shape}{tokens}."),
                "",
                "    network = Network()",
                '    network.set_state_dict(paddle.load("weights.pdparams"))',
                "    network.eval()",
                '"""',
                "",
            ]
        )

    def _find_designs(self) -> dict[int, Design]:
        """Designs of the blocks that are worth a class, by their first layer."""
        return {
            block.nodes[0].index: Design(block)
            for block in self._blocks
            if block.weighted and len(block.nodes) > 1 and block.outputs
        }

    def _make_classes(self) -> list[tuple[BlockClass, list[Design]]]:
        groups: dict[Any, list[Design]] = {}
        for design in self._designs.values():
            groups.setdefault(design.key, []).append(design)
        taken = list(HELPERS)
        classes = []
        for designs in groups.values():
            taken.append(identifier(class_name(designs[0].block), taken, "Block"))
            classes.append((BlockClass(taken[-1].replace("_", ""), designs), designs))
        return classes

    def _network_source(self) -> str:
        graph = self._graph
        uses: dict[int, int] = {index: len(users) for index, users in self._passed().items()}
        flow = Flow(graph.inputs, uses)
        shared = common([block.parts for block in self._blocks if block.label])
        for run in self._runs():
            self._write_run(run, flow, len(shared))
        result = self._result(graph.result, flow)
        margin, inner = " " * INDENT, " " * 2 * INDENT
        shape = ", ".join(map(str, graph.inputs[0].dims))
        written = [
            "class Network(nn.Layer):",
            f'{margin}"""Takes images [N, {shape}]."""',
            "",
            f"{margin}def __init__(self):",
            f"{inner}super().__init__()",
            *self._made,
            "",
            f"{margin}def forward(self, x):",
            *flow.returns(result),
        ]
        return "\n".join(written) + "\n" + STATE

    def _passed(self) -> dict[int, list[int]]:
        """Users of each value that passes between blocks: blocks count once, and so does each place in the result."""
        users: dict[int, list[int]] = {}
        for block in self._blocks:
            if block.nodes[0].index in self._designs:
                for source in block.inputs:
                    users.setdefault(source.index, []).append(block.nodes[0].index)
            else:
                for node in block.nodes:
                    for source in node.inputs:
                        users.setdefault(source.index, []).append(node.index)
        for output in self._graph.outputs:
            users.setdefault(output.index, []).append(-1)
        return users

    def _runs(self) -> list[list[Block]]:
        """Blocks one by one, or several that follow each other, each a numbered sibling of the one before."""
        runs: list[list[Block]] = []
        for block, following in zip(self._blocks, [*self._blocks[1:], None], strict=True):
            if runs and self._continues(runs[-1], block, following):
                runs[-1].append(block)
            else:
                runs.append([block])
        return runs

    def _continues(self, run: Sequence[Block], block: Block, following: Block | None) -> bool:
        before, last = run[-1], len(block.parts) - 1
        for one in (before, block):
            if one.nodes[0].index not in self._designs or len(one.inputs) != 1 or len(one.outputs) != 1:
                return False
        passed = before.outputs[0]
        alone = all(user in {node.index for node in block.nodes} for user in self._uses[passed.index])
        varied = _varied(before, block)
        if not alone or block.inputs[0] is not passed or varied is None:
            return False
        if varied != last and following is not None and _varied(block, following) == last:
            return False  # the first one of a stage of its own
        return len(run) == 1 or _varied(run[-2], before) == varied

    def _write_run(self, run: list[Block], flow: Flow, shared: int) -> None:
        first = run[0]
        if len(run) > 1:
            varied = _varied(*run[:2]) or 0
            words = "_".join((*first.parts[shared:varied], *first.parts[varied + 1 :]))
            attribute = self._new_attribute(words, "blocks")
            made: Expression = Call("nn.Sequential", [self._call(block) for block in run])
        elif first.nodes[0].index in self._designs:
            attribute = self._new_attribute("_".join(first.parts[shared:]), "block")
            made = self._call(first)
        else:
            write_layers(flow, first.nodes, lambda node: self._layer(node, shared))
            return
        self._made += lines(made, 2 * INDENT, f"self.{attribute} = ")
        flow.gives(run[-1].outputs, Call(f"self.{attribute}", flow.values(first.inputs)), first.inputs)

    def _call(self, block: Block) -> Expression:
        design = self._designs[block.nodes[0].index]
        return next(one.call(design) for one, designs in self._classes if design in designs)

    def _layer(self, node: Node, shared: int) -> str:
        """Attribute of a layer of the network itself; layers that share all their parameters are one."""
        module = module_of(node)
        names = [parameter.name for parameter in node.parameters]
        same = f"{module} {names}"
        if same in self._first_with:
            return self._first_with[same]
        name = stem(node)
        parts = prefix(name, shared)
        words = {"Conv": "conv", "ConvNorm": "conv", "Linear": "fc"}.get(module.helper, "norm")
        attribute = self._new_attribute(name.removeprefix(parts).strip("_/.") if shared else name, words)
        arguments = arguments_of(module, {key: text(value) for key, value in module.sizes.items()})
        self._made += make(attribute, module, [layer_name(node, None), *arguments], node)
        for parameter in node.parameters:
            path = f"self.{attribute}.{KEYS[module.helper][parameter.role]}"
            known = self._first_with.setdefault(f"parameter {parameter.name}", path)
            if known != path:
                self._made.append(f"{' ' * 2 * INDENT}{path} = {known}  # shared")
        self._first_with[same] = attribute
        return attribute

    def _new_attribute(self, words: str, otherwise: str) -> str:
        self._attributes.append(identifier(words, self._attributes, otherwise))
        return self._attributes[-1]

    def _result(self, result: Any, flow: Flow) -> Expression:
        if isinstance(result, Node):
            return flow.name(result)
        if isinstance(result, Mapping):
            items = [Labelled(f"{_key(key)}: ", self._result(value, flow)) for key, value in result.items()]
            return Literal("{", items, "}")
        if isinstance(result, tuple | list):
            brackets = ("(", ")") if isinstance(result, tuple) else ("[", "]")
            return Literal(brackets[0], [self._result(value, flow) for value in result], brackets[1])
        return "None"


def _is_shared(nodes: Sequence[Node]) -> bool:
    """Whether two layers have a parameter in common."""
    names = [parameter.name for node in nodes for parameter in node.parameters]
    return len(set(names)) < len(names)


def _varied(before: Block, block: Block) -> int | None:
    """Place of the one part in which two labels differ, if that is a number that counts up."""
    if len(before.parts) != len(block.parts):
        return None
    places = [i for i, (a, b) in enumerate(zip(before.parts, block.parts, strict=True)) if a != b]
    if len(places) != 1:
        return None
    old, new = before.parts[places[0]], block.parts[places[0]]
    digits = len(old.rstrip("0123456789"))
    counts = old[:digits] == new[: len(new.rstrip("0123456789"))] and old[digits:].isdigit() and new[digits:].isdigit()
    return places[0] if counts and int(new[digits:]) == int(old[digits:]) + 1 else None


def _key(key: Any) -> str:
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise ExportError(f"a network that returns a dict with the key {key!r}: expected numbers or texts")
    return quoted(key) if isinstance(key, str) else str(key)


def _wrapped(sentence: str) -> list[str]:
    """A sentence in lines, for a docstring."""
    return textwrap.wrap(sentence.replace(",", ", ").replace(",  ", ", "), 88)
