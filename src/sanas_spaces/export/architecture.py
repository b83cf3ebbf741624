"""Architecture files: a network as JSON that is read back without the search space that described it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..arch import ArchList, ImageShape, NetArch
from ..errors import ArchitectureError, ExportError, GraphError
from ..files import write_text
from ..fluid.attributes import ParamAttr
from ..graph import Graph, Node
from ..kinds import Input, Kind
from .settings import input_counts, kind_of, settings_of

FORMAT = "sanas-spaces architecture"
VERSION = 1
FILE = "architecture.json"

_KEYS = ("format", "version", "name", "input_shape", "configs", "tokens", "choices", "layers", "result", "hash")
_LAYER_KEYS = ("name", "kind", "settings", "inputs", "shape", "parameters", "training")
_LEARNING = ("trainable", "learning_rate")


def to_json(
    arch: NetArch | ArchList, input_shape: ImageShape | None = None, *, configs: Any = None, **kwargs: Any
) -> str:
    """The text of an architecture file.

    Args:
        arch: The network, or the chain of networks of a config.
        input_shape: Image shape [C, H, W] that shapes are told for; by default that of ``arch``.
        configs: Configs of the search space, if they are known, to be told with the tokens.
        kwargs: Keywords of the network, such as ``return_block``.

    Raises:
        CostError: The network calls Paddle itself, so there is no description to write down.
        ExportError: It returns something that JSON cannot hold.
    """
    network = arch.network if isinstance(arch, ArchList) else arch
    graph = network.graph(input_shape, **kwargs)
    if len(graph.inputs) != 1:
        raise ExportError(f"{network.name} takes {len(graph.inputs)} inputs, an architecture file has one")
    nodes = [node for node in graph.live() if not isinstance(node.kind, Input)]
    place = {graph.inputs[0].index: 0} | {node.index: number for number, node in enumerate(nodes, start=1)}
    document = {
        "format": FORMAT,
        "version": VERSION,
        "name": network.name,
        "input_shape": list(graph.inputs[0].dims),
        "configs": configs,
        "tokens": network.tokens,
        "choices": network.choices,
        "layers": [_layer(node, place) for node in nodes],
        "result": _result(graph.result, place),
        "hash": graph.canonical_hash(),
    }
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {_shown(value)}" for key, value in document.items()) + "\n}\n"


def save_arch(arch: NetArch | ArchList, path: str | Path, **settings: Any) -> Path:
    """Write an architecture file; see :func:`to_json` for the settings."""
    return write_text(Path(path), to_json(arch, **settings))


def load_arch(path: str | Path) -> NetArch:
    """Read an architecture file: a network to build, count and draw without its search space.

    Raises:
        ArchitectureError: The file is missing or malformed, or its network has not the hash that it tells.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ArchitectureError(f"{file} cannot be read: {error}") from error
    return from_json(text, str(file))


def from_json(text: str, where: str = "architecture") -> NetArch:
    """The network of an architecture file; ``where`` is what errors call the file."""
    document = _document(text, where)
    layers = [_Layer(entry, number, where) for number, entry in enumerate(document["layers"], start=1)]
    shape = tuple(document["input_shape"])
    network = NetArch(
        _Body(layers, document["result"], where),
        described=True,
        name=document["name"],
        tokens=document["tokens"],
        choices=document["choices"],
        input_shape=shape,
    )
    graph = network.graph()
    for layer, node in zip(layers, graph.nodes[1:], strict=True):
        if list(node.dims) != layer.shape:
            raise ArchitectureError(f"{layer.where}: shape = {layer.shape!r}: computed is {list(node.dims)}")
    try:
        graph.parameters()
    except GraphError as error:
        raise ArchitectureError(f"{where}: {error}") from None
    if len(graph.live()) != len(graph.nodes):
        raise ArchitectureError(f"{where}: there are layers that the result does not need")
    found = graph.canonical_hash()
    if found != document["hash"]:
        raise ArchitectureError(f"{where}: hash = {document['hash']!r}, but that of its layers is {found!r}")
    return network


class _Layer:
    """One entry of ``layers``, checked."""

    def __init__(self, entry: Any, number: int, where: str) -> None:
        self.where = where = f"{where}: layer {number}"
        _check_keys(entry, _LAYER_KEYS, where, optional=("settings", "parameters", "training"))
        self.name = _text(entry["name"], f"{where}: name")
        self.where = where = f"{where} ({self.name!r})"
        self.kind: Kind = kind_of(entry["kind"], entry.get("settings", {}), where)
        inputs = entry["inputs"]
        if not isinstance(inputs, list) or not inputs or not all(_is_index(i) and i < number for i in inputs):
            raise ArchitectureError(
                f"{where}: inputs = {inputs!r}: expected numbers of layers before it, 0 is the image"
            )
        if len(inputs) not in input_counts(self.kind):
            raise ArchitectureError(
                f"{where}: inputs = {inputs!r}: {entry['kind']} does not take {len(inputs)} of them"
            )
        self.inputs: list[int] = inputs
        self.shape = entry["shape"]
        self.parameters: dict[str, str] = _texts(entry.get("parameters", {}), f"{where}: parameters")
        self.training = _training(entry.get("training", {}), f"{where}: training")

    def add(self, graph: Graph, values: Sequence[Node]) -> Node:
        """Append the layer to a graph, with its parameters called as they are in the file."""
        inputs = tuple(values[i] for i in self.inputs)
        shapes = [node.dims for node in inputs]
        try:
            self.kind.output_shape(shapes)  # before the parameters, which take for granted that it fits
            roles = [parameter.role for parameter in self.kind.parameters(shapes)]
        except (GraphError, ValueError, IndexError) as error:  # the latter where the number of axes is another one
            raise ArchitectureError(f"{self.where} does not fit inputs of {shapes}: {error}") from None
        if roles != list(self.parameters):
            raise ArchitectureError(f"{self.where}: parameters {list(self.parameters)}: expected names of {roles}")
        usual = all(name == f"{self.name}_{role}" for role, name in self.parameters.items())
        attrs = {role: ParamAttr(**settings) for role, settings in self.training.items()}
        return graph.add(self.kind, inputs, self.name, None if usual else self.parameters, attrs or None)


class _Body:
    """What a network that was read describes on an image."""

    def __init__(self, layers: Sequence[_Layer], result: Any, where: str) -> None:
        self._layers = layers
        self._result = result
        self._where = where

    def __call__(self, image: Any) -> Any:
        values: list[Node] = [image]
        for layer in self._layers:
            values.append(layer.add(image.graph, values))
        return _read_result(self._result, values, f"{self._where}: result")


def _layer(node: Node, place: Mapping[int, int]) -> dict[str, Any]:
    attrs = node.attrs or {}
    training = {
        role: {key: getattr(attr, key) for key in _LEARNING if getattr(attr, key) != getattr(ParamAttr(), key)}
        for role, attr in attrs.items()
    }
    entry: dict[str, Any] = {
        "name": node.name,
        "kind": type(node.kind).__name__,
        "settings": settings_of(node.kind),
        "inputs": [place[source.index] for source in node.inputs],
        "shape": list(node.dims),
        "parameters": {parameter.role: parameter.name for parameter in node.parameters},
        "training": {role: changed for role, changed in training.items() if changed},
    }
    return {key: value for key, value in entry.items() if value != {}}


def _shown(value: Any) -> str:
    """A value on one line, or a list of objects with a line for each."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join("    " + _shown(item) for item in value) + "\n  ]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _result(result: Any, place: Mapping[int, int]) -> Any:
    if isinstance(result, Node):
        return place[result.index]
    if isinstance(result, Mapping):
        for key in result:
            if not isinstance(key, int | str) or isinstance(key, bool):
                raise ExportError(f"a network that returns a dict with the key {key!r}: expected numbers or texts")
        return {"dict": [[key, _result(value, place)] for key, value in result.items()]}
    if isinstance(result, tuple | list):
        return {"tuple" if isinstance(result, tuple) else "list": [_result(value, place) for value in result]}
    return None


def _read_result(result: Any, values: Sequence[Node], where: str) -> Any:
    if result is None:
        return None
    if _is_index(result):
        if result >= len(values):
            raise ArchitectureError(f"{where}: {result} is no layer, there are {len(values) - 1}")
        return values[result]
    if isinstance(result, dict) and len(result) == 1:
        ((form, items),) = result.items()
        if form in ("tuple", "list") and isinstance(items, list):
            read = [_read_result(item, values, where) for item in items]
            return tuple(read) if form == "tuple" else read
        if form == "dict" and isinstance(items, list) and all(_is_pair(item) for item in items):
            return {key: _read_result(value, values, where) for key, value in items}
    raise ArchitectureError(
        f"{where} = {result!r}: expected the number of a layer, null, or a tuple, list or dict of them"
    )


def _document(text: str, where: str) -> dict[str, Any]:
    """The checked outer object of a file."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArchitectureError(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ArchitectureError(f'{where} is no architecture file: expected an object with "format": "{FORMAT}"')
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ArchitectureError(f"{where}: version = {version!r}: this version of sanas-spaces reads version {VERSION}")
    _check_keys(document, _KEYS, where)
    _text(document["name"], f"{where}: name")
    _text(document["hash"], f"{where}: hash")
    shape, tokens, choices = document["input_shape"], document["tokens"], document["choices"]
    if not isinstance(shape, list) or len(shape) != 3 or not all(_is_index(size) and size > 0 for size in shape):
        raise ArchitectureError(f"{where}: input_shape = {shape!r}: expected three positive integers [C, H, W]")
    if not isinstance(tokens, list) or not all(_is_index(token) for token in tokens):
        raise ArchitectureError(f"{where}: tokens = {tokens!r}: expected a list of whole numbers from 0")
    if not isinstance(choices, dict):
        raise ArchitectureError(f"{where}: choices = {choices!r}: expected an object of choices by label")
    if not isinstance(document["layers"], list):
        raise ArchitectureError(f"{where}: layers = {document['layers']!r}: expected a list")
    return document


def _check_keys(entry: Any, keys: Sequence[str], where: str, optional: Sequence[str] = ()) -> None:
    if not isinstance(entry, dict):
        raise ArchitectureError(f"{where} = {entry!r}: expected an object")
    for key in entry:
        if key not in keys:
            raise ArchitectureError(f"{where}: unknown key {key!r}; known are {', '.join(keys)}")
    for key in keys:
        if key not in entry and key not in optional:
            raise ArchitectureError(f"{where}: the key {key!r} is missing")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ArchitectureError(f"{where} = {value!r}: expected a text that is not empty")
    return value


def _texts(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ArchitectureError(f"{where} = {value!r}: expected names by role")
    return {role: _text(name, f"{where}: {role}") for role, name in value.items()}


def _training(value: Any, where: str) -> dict[str, dict[str, Any]]:
    """How parameters are trained, where it is not as usual."""
    if not isinstance(value, dict):
        raise ArchitectureError(f"{where} = {value!r}: expected settings by role")
    for role, settings in value.items():
        _check_keys(settings, _LEARNING, f"{where}: {role}", optional=_LEARNING)
        rate = settings.get("learning_rate", 1.0)
        if not isinstance(settings.get("trainable", True), bool) or isinstance(rate, bool):
            raise ArchitectureError(f"{where}: {role} = {settings!r}: expected trainable true or false, and a number")
        if not isinstance(rate, int | float) or not 0 <= rate < float("inf"):
            raise ArchitectureError(f"{where}: {role}: learning_rate = {rate!r}: expected a finite number from 0")
    return value


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_pair(item: Any) -> bool:
    return (
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], int | str) and not isinstance(item[0], bool)
    )
