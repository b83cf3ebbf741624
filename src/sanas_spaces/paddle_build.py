"""Build a graph with Paddle: as operations of a static program (PIR or legacy IR) or as a ``paddle.nn.Layer``.

The only room that calls Paddle layers. One table says how each kind of layer is computed; what differs
between the modes is only where parameters come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from operator import attrgetter
from typing import Any

import paddle
import paddle.nn.functional as F

from . import kinds
from .errors import BuildError
from .graph import Graph, NamedParameter, map_leaves
from .kinds import Kind
from .paddle_functions import FUNCTIONS, unary

Tensors = tuple[Any, ...]
Emit = Callable[[Any, Tensors, Mapping[str, Any], bool], Any]

_training: ContextVar[bool] = ContextVar("training", default=True)


class NeedsLayerError(BuildError):
    """A layer with parameters was built outside a network that could keep them."""


def is_static(x: Any) -> bool:
    """Whether ``x`` is a variable of a static program."""
    return not paddle.in_dynamic_mode() or not isinstance(x, paddle.Tensor)


def build_static(graph: Graph, feeds: Tensors, *, training: bool) -> Any:
    """Append the live layers of ``graph`` to the current program and return its result with variables for nodes.

    Parameters are created by name, so programs that name the same parameters share them through the scope. A PIR
    program lists the newest parameter first; there they are created from the last one on, so that both IRs list them
    in their order.
    """
    specs = graph.parameters()
    if paddle.framework.use_pir_api():
        specs.reverse()
    created = {spec.name: _create(spec, static=True) for spec in specs}
    return _run(graph, feeds, lambda spec: created[spec.name], training)


def build_layer(
    kind: Kind,
    inputs: Tensors,
    name: str | None,
    names: Mapping[str, str] | None,
    attrs: Mapping[str, Any] | None = None,
) -> Any:
    """Build one layer on Paddle tensors; layers with parameters need a static program.

    Raises:
        NeedsLayerError: A layer with parameters was called on dygraph tensors, where nothing could keep its parameters.
    """
    graph = Graph()
    nodes = tuple(graph.input(tuple(x.shape[1:]), f"input_{i}") for i, x in enumerate(inputs))
    if name is None:
        name = paddle.utils.unique_name.generate(type(kind).__name__.lower())
    graph.result = graph.add(kind, nodes, name, names, attrs)
    if graph.result.parameters and not is_static(inputs[0]):
        raise NeedsLayerError(
            f"layer {name!r} has parameters and was called on a dygraph tensor; describe the network in a function "
            "and call NetArch(function).layer(), which keeps them"
        )
    return build_static(graph, inputs, training=_training.get())


@contextmanager
def mode(training: bool) -> Iterator[None]:
    """Whether layers built one by one inside normalise with batch (True) or moving statistics."""
    token = _training.set(training)
    try:
        yield
    finally:
        _training.reset(token)


@contextmanager
def scratch() -> Iterator[None]:
    """Run code that may call Paddle on something that is no tensor, leaving no trace in the user's programs."""
    dynamic = paddle.in_dynamic_mode()
    if dynamic:
        paddle.enable_static()
    try:
        programs = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(*programs), paddle.utils.unique_name.guard():
            yield
    finally:
        if dynamic:
            paddle.disable_static()


class GraphLayer(paddle.nn.Layer):
    """A graph as a layer to train, save and convert with ``paddle.jit.to_static``.

    ``state_dict`` keys are the parameter names of the graph (PaddleSlim's, for its spaces). ``forward`` takes the
    graph's inputs in order and returns its result with tensors for nodes.

    Args:
        graph: The network.
        tensors: Tensors by parameter name that are used instead of new ones where the shape fits.
    """

    def __init__(self, graph: Graph, tensors: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._graph = graph
        specs = graph.parameters()
        _check_names(specs)
        for spec in specs:
            tensor = (tensors or {}).get(spec.name)
            if tensor is None or tuple(tensor.shape) != spec.shape:
                tensor = _create(spec, static=False)
            holder, name = self._holder(spec.name)
            if spec.trainable:
                holder.add_parameter(name, tensor)
            else:
                holder.register_buffer(name, tensor)

    @property
    def graph(self) -> Graph:
        """The description it was built from."""
        return self._graph

    def _holder(self, name: str) -> tuple[paddle.nn.Layer, str]:
        """The layer that holds a parameter, and its name there: ``fc_0.w_0`` is ``w_0`` of the sublayer ``fc_0``."""
        holder: paddle.nn.Layer = self
        *path, last = name.split(".")
        for part in path:
            known = dict(holder.named_children())
            holder = known[part] if part in known else holder.add_sublayer(part, paddle.nn.Layer())
        return holder, last

    def forward(self, input: Any, *others: Any) -> Any:
        return _run_layer(self, (input, *others))


def _check_names(specs: list[NamedParameter]) -> None:
    """A layer has one thing of a name: a parameter, or the sublayer of the parameters called ``{name}.*``."""
    names = {spec.name for spec in specs}
    for name in names:
        path = name.split(".")
        for count in range(1, len(path)):
            parent = ".".join(path[:count])
            if parent in names:
                raise BuildError(f"parameters {parent!r} and {name!r} cannot stand in one layer; rename the first one")


@paddle.jit.not_to_static
def _run_layer(layer: GraphLayer, inputs: Tensors) -> Any:
    # plain Python over the graph: nothing for to_static to convert
    def tensor(spec: NamedParameter) -> Any:
        return attrgetter(spec.name)(layer)  # which is a variable while to_static converts for the legacy IR

    return _run(layer._graph, inputs, tensor, layer.training)


def _run(graph: Graph, feeds: Tensors, parameter: Callable[[NamedParameter], Any], training: bool) -> Any:
    if len(feeds) != len(graph.inputs):
        raise BuildError(f"the network takes {len(graph.inputs)} inputs, {len(feeds)} given")
    values: dict[int, Any] = {node.index: x for node, x in zip(graph.inputs, feeds, strict=True)}
    for node in graph.live():
        if node.index not in values:
            tensors = {spec.role: parameter(spec) for spec in node.parameters}
            sources = tuple(values[source.index] for source in node.inputs)
            values[node.index] = _EMIT[type(node.kind)](node.kind, sources, tensors, training)
    return map_leaves(graph.result, values)


def _create(spec: NamedParameter, *, static: bool) -> Any:
    if not spec.trainable and not static:
        return paddle.full(list(spec.shape), 1.0 if spec.init == "ones" else 0.0)
    # dygraph refuses a name that was ever used in the process, so only static parameters carry theirs
    name = spec.name if static else None
    given = spec.attr
    trainable = spec.trainable and (given is None or given.trainable)
    attr = paddle.ParamAttr(
        name=name,
        initializer=_initializer(spec) if given is None or given.initializer is None else given.initializer,
        learning_rate=1.0 if given is None else given.learning_rate,
        regularizer=None if given is None else given.regularizer,
        trainable=trainable,
    )
    tensor = paddle.create_parameter(list(spec.shape), paddle.get_default_dtype(), attr=attr)
    if not trainable:
        tensor.stop_gradient = True
    return tensor


def _initializer(spec: NamedParameter) -> Any:
    initializers = paddle.nn.initializer
    if spec.init == "msra_normal":
        return initializers.Normal(0.0, (2.0 / spec.fan_in) ** 0.5)
    if spec.init == "uniform_fan_in":
        bound = spec.fan_in**-0.5
        return initializers.Uniform(-bound, bound)
    if spec.init == "xavier_uniform":
        return initializers.XavierUniform()
    return initializers.Constant(1.0 if spec.init == "ones" else 0.0)


def _conv2d(kind: kinds.Conv2d, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    padding = kind.padding if kind.padding == "SAME" else list(kind.padding)
    y = F.conv2d(
        inputs[0],
        tensors["weights"],
        tensors.get("bias"),
        list(kind.stride),
        padding,
        list(kind.dilation),
        kind.groups,
    )
    if kind.norm:
        return _batch_norm(kinds.BatchNorm(kind.act), (y,), tensors, training)
    return _ACTIVATIONS[kind.act](y) if kind.act else y


def _batch_norm(kind: kinds.BatchNorm, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    y = F.batch_norm(
        inputs[0],
        tensors["bn_mean"],
        tensors["bn_variance"],
        tensors["bn_scale"],
        tensors["bn_offset"],
        training=training and not kind.frozen,
        momentum=kind.momentum,
        epsilon=kind.epsilon,
    )
    return _ACTIVATIONS[kind.act](y) if kind.act else y


def _pool2d(kind: kinds.Pool2d, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    padding = kind.padding if kind.padding == "SAME" else list(kind.padding)
    kernel, stride = list(kind.kernel), list(kind.stride)
    if kind.mode == "max":
        return F.max_pool2d(inputs[0], kernel, stride=stride, padding=padding, ceil_mode=kind.ceil_mode)
    return F.avg_pool2d(
        inputs[0], kernel, stride=stride, padding=padding, ceil_mode=kind.ceil_mode, exclusive=kind.exclusive
    )


def _linear(kind: kinds.Linear, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    return F.linear(inputs[0], tensors["weights"], tensors.get("bias"))


def _dropout(kind: kinds.Dropout, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    mode = "downscale_in_infer" if kind.downscale else "upscale_in_train"
    return F.dropout(inputs[0], kind.rate, training=training, mode=mode)


def _drop_path(kind: kinds.DropPath, inputs: Tensors, tensors: Mapping[str, Any], training: bool) -> Any:
    x, mask = inputs[0], inputs[-1]
    # given as a tensor, it is one value for all images or one per image
    drop_prob: Any = paddle.reshape(inputs[1], [-1, 1, 1, 1]) if len(inputs) == 3 else kind.drop_prob
    keep = paddle.reshape(mask[:, kind.cell, kind.node, kind.branch], [-1, 1, 1, 1])
    return x / (1.0 - drop_prob) * keep


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": unary("sigmoid"),
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
    "swish": F.swish,
    "leaky_relu": F.leaky_relu,
    "tanh": unary("tanh"),
    "softmax": F.softmax,
}

_EMIT: dict[type, Emit] = {
    kinds.Conv2d: _conv2d,
    kinds.BatchNorm: _batch_norm,
    kinds.Activation: lambda kind, inputs, tensors, training: _ACTIVATIONS[kind.function](inputs[0], *kind.settings),
    kinds.Pool2d: _pool2d,
    kinds.GlobalMaxPool: lambda kind, inputs, tensors, training: F.adaptive_max_pool2d(inputs[0], 1),
    kinds.GlobalAvgPool: lambda kind, inputs, tensors, training: F.adaptive_avg_pool2d(inputs[0], 1),
    kinds.Linear: _linear,
    kinds.Dropout: _dropout,
    kinds.DropPath: _drop_path,
    **FUNCTIONS,
}
