"""An architecture: called like PaddleSlim's ``net_arch``, and read for its cost, hash, table and layer."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from .cost import Cost, graph_cost
from .draw import layer_table
from .errors import BuildError, CostError, SanasError
from .graph import Graph, Node
from .notebook import figures, folded, heading
from .picture import WIDTH, Picture, draw_graph

if TYPE_CHECKING:
    from .paddle_build import GraphLayer

ImageShape = tuple[int, int, int]


class NetArch:
    """One network of a search space.

    Calling it builds the network where the input lives: operations of a static program for a static variable (PIR
    or legacy IR), a layer whose parameters are kept here for a dygraph tensor, a description for a graph node. A
    tuple is taken as ``(feature, ...)``, so what one block space returns can be passed to the next as it is.

    Args:
        body: Function of the input, and of keywords, that describes the network with :mod:`sanas_spaces.ops`; or that
            calls Paddle itself: then it can only be called, and is told the mode if it has a keyword ``is_test`` or
            ``training``.
        described: Whether ``body`` is known to use ``ops`` only.
        name: Name for people.
        tokens: The tokens it was decoded from.
        choices: What the tokens picked, by label.
        input_shape: Image shape [C, H, W] assumed where none is given.
        scope: Put before all parameter names.
    """

    def __init__(
        self,
        body: Callable[..., Any],
        *,
        described: bool = False,
        name: str = "network",
        tokens: Iterable[int] = (),
        choices: Mapping[str, Any] | None = None,
        input_shape: ImageShape = (3, 224, 224),
        scope: str = "",
    ) -> None:
        self.body = body
        self.described = described
        self.name = name
        self.tokens = list(tokens)
        self.choices = dict(choices or {})
        self.input_shape = input_shape
        self.scope = scope
        self.training = True
        self._graphs: dict[ImageShape, Graph] = {}
        self._layers: dict[str, GraphLayer] = {}
        self._tensors: dict[str, Any] = {}

    def __call__(self, input: Any, *args: Any, is_test: bool | None = None, **kwargs: Any) -> Any:
        """Build the network on ``input`` [N, C, H, W] and return what PaddleSlim's ``net_arch`` returns.

        Args:
            input: A static variable, a dygraph tensor or a graph node, or a tuple whose first element is one.
            args: As the space documents (``scale``, ``return_block``, ``end_points``, ...).
            is_test: Inference mode for this call; by default what :meth:`train` or :meth:`eval` set.
            kwargs: As the space documents.
        """
        if isinstance(input, tuple | list):
            input = input[0]
        if isinstance(input, Node):
            with input.graph.scope(self.scope):
                return self.body(input, *args, **kwargs)
        from . import paddle_build

        training = self.training if is_test is None else not is_test
        traced = self._scoped_trace(input, args, kwargs)
        if traced is None and not self.described:
            try:
                with paddle_build.mode(training):
                    return self.body(input, *args, **self._with_mode(args, kwargs, training))
            except paddle_build.NeedsLayerError:
                pass  # described with ops after all, and called on a dygraph tensor
        graph, feeds = traced or self._trace_call(input, args, kwargs)
        if paddle_build.is_static(input):
            return paddle_build.build_static(graph, feeds, training=training)
        return self._kept_layer(graph, training)(*feeds)

    def train(self) -> NetArch:
        """Build in training mode from now on (batch statistics); returns itself."""
        self.training = True
        return self

    def eval(self) -> NetArch:
        """Build in inference mode from now on (moving statistics, no dropout); returns itself."""
        self.training = False
        return self

    def graph(self, input_shape: ImageShape | None = None, **kwargs: Any) -> Graph:
        """The description of the network for images of ``input_shape`` [C, H, W].

        Raises:
            CostError: The network calls Paddle itself, so there is no description.
        """
        dims = self._dims(input_shape)
        if kwargs:
            return self._trace(dims, kwargs)
        if dims not in self._graphs:
            self._graphs[dims] = self._trace(dims, kwargs)
        return self._graphs[dims]

    def cost(self, input_shape: ImageShape | None = None, **kwargs: Any) -> Cost:
        """FLOPs, parameters, memory, depth and output shape for one image, without building anything."""
        return graph_cost(self.graph(input_shape, **kwargs))

    def hash(self, input_shape: ImageShape | None = None) -> str:
        """Canonical hash: equal for networks that compute the same with the same layers."""
        return self.graph(input_shape).canonical_hash()

    def layer(self, input_shape: ImageShape | None = None, **kwargs: Any) -> GraphLayer:
        """A new ``paddle.nn.Layer`` with parameters of its own, in the mode of this architecture."""
        from .paddle_build import GraphLayer

        layer = GraphLayer(self.graph(input_shape, **kwargs))
        if not self.training:
            layer.eval()
        return layer

    def parameters(self) -> list[Any]:
        """Trainable tensors created by calls on dygraph tensors so far."""
        return [tensor for tensor in self._tensors.values() if not tensor.stop_gradient]

    def table(self, input_shape: ImageShape | None = None) -> str:
        """Readable table of layers, shapes, parameters and FLOPs."""
        dims = self._dims(input_shape)
        heading = f"{self.name} on {dims[0]}x{dims[1]}x{dims[2]}"
        return "\n".join([heading, *layer_table(self.graph(dims))])

    def draw(self, input_shape: ImageShape | None = None, *, width: int = WIDTH, **kwargs: Any) -> Picture:
        """An SVG drawing, blocks folded into stages, with shapes, channels and shares of the FLOPs.

        Args:
            input_shape: Image shape [C, H, W].
            width: Width of the drawing in pixels.
            kwargs: Keywords of the network: with ``return_block=[1, 2]`` the drawing shows where the taps are.

        Returns:
            The drawing, which Jupyter shows; its ``save("network.svg")`` writes a file.
        """
        return draw_graph(self.graph(input_shape, **kwargs), self.name, width=width)

    def __str__(self) -> str:
        try:
            return self.table()
        except CostError:
            return repr(self)

    def _repr_html_(self) -> str:
        title = heading(self.name, f"tokens {self.tokens}" if self.tokens else "")
        try:
            cost, picture = figures(self.cost().metrics()), self.draw().svg
        except CostError as error:
            return title + heading("", str(error))
        return title + cost + folded("drawing", picture)

    def __repr__(self) -> str:
        return f"<NetArch {self.name} tokens={self.tokens}>"

    def _dims(self, input_shape: ImageShape | None) -> ImageShape:
        shape = tuple(self.input_shape if input_shape is None else input_shape)
        if len(shape) != 3 or any(not isinstance(size, int) or size < 1 for size in shape):
            raise CostError(f"input_shape = {input_shape!r}: expected three positive integers [C, H, W]")
        return shape

    def _with_mode(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool) -> dict[str, Any]:
        """Add the mode to keywords for a function that calls Paddle itself and asks for it."""
        free = list(inspect.signature(self.body).parameters)[1 + len(args) :]
        mode = {"is_test": not training, "training": training}
        return {**{name: value for name, value in mode.items() if name in free}, **kwargs}

    def _trace(self, dims: ImageShape, kwargs: Mapping[str, Any]) -> Graph:
        graph = Graph()
        self._describe(graph, graph.input(dims), kwargs)
        return graph

    def _scoped_trace(
        self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Graph, tuple[Any, ...]] | None:
        """The description of a function that is not known to have one, if its parameters need names of their own."""
        if self.described or not self.scope:
            return None
        try:
            return self._trace_call(x, args, kwargs)
        except CostError:
            return None

    def _trace_call(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Graph, tuple[Any, ...]]:
        """Describe a call; Paddle tensors among the arguments become further inputs of the graph."""
        graph = Graph()
        image = graph.input(_tensor_dims(x))
        feeds = [x]
        bound = inspect.signature(self.body).bind(image, *args, **kwargs).arguments
        first, *rest = bound
        for name in rest:
            if hasattr(bound[name], "stop_gradient"):
                feeds.append(bound[name])
                bound[name] = graph.input(_tensor_dims(bound[name]), name)
        extra = bound.pop("kwargs", {})
        del bound[first]
        self._describe(graph, image, {**bound, **extra})
        return graph, tuple(feeds)

    def _describe(self, graph: Graph, image: Node, kwargs: Mapping[str, Any]) -> None:
        if self.described:
            with graph.scope(self.scope):
                graph.result = self.body(image, **kwargs)
            return
        try:
            with graph.scope(self.scope), _scratch():
                result = self.body(image, **kwargs)
            graph.result = result
            if not graph.outputs:
                raise BuildError(f"{self.name} returned no layer")
        except SanasError:
            raise
        except Exception as error:
            raise CostError(
                f"{self.name} can be called but not described: its net_arch calls functions that need a Paddle tensor "
                f"({type(error).__name__}: {_first_line(error)}); write it with sanas_spaces.ops to get cost, hash, "
                "table and layer"
            ) from error

    def _kept_layer(self, graph: Graph, training: bool) -> GraphLayer:
        from .paddle_build import GraphLayer

        key = f"{graph.canonical_hash()} {len(graph.nodes)} {graph.outputs}"
        if key not in self._layers:
            layer = self._layers[key] = GraphLayer(graph, self._tensors)
            self._tensors.update(layer.state_dict())
        layer = self._layers[key]
        if training:
            layer.train()
        else:
            layer.eval()
        return layer


class ArchList(list[NetArch]):
    """The architectures of a config, one per space, which chain into one network.

    It is the list that PaddleSlim's ``next_archs()`` returns, and calling it (or asking it for cost, hash, layer
    or table) treats the chain as one :class:`NetArch`.
    """

    def __init__(self, archs: Iterable[NetArch]) -> None:
        super().__init__(archs)
        if len(self) == 1:
            self.network = self[0]
            return
        self.network = NetArch(
            self._chain,
            described=all(arch.described for arch in self),
            name=" + ".join(arch.name for arch in self),
            tokens=[token for arch in self for token in arch.tokens],
            choices={f"{arch.name} {label}": value for arch in self for label, value in arch.choices.items()},
            input_shape=self[0].input_shape if self else (3, 224, 224),
        )

    def __call__(self, input: Any, **kwargs: Any) -> Any:
        """Build all architectures, one after the other; see :meth:`NetArch.__call__`."""
        return self.network(input, **kwargs)

    def train(self) -> ArchList:
        """Build in training mode from now on; returns itself."""
        for arch in (self.network, *self):
            arch.train()
        return self

    def eval(self) -> ArchList:
        """Build in inference mode from now on; returns itself."""
        for arch in (self.network, *self):
            arch.eval()
        return self

    def cost(self, input_shape: ImageShape | None = None) -> Cost:
        """Cost of the chain; see :meth:`NetArch.cost`."""
        return self.network.cost(input_shape)

    def hash(self, input_shape: ImageShape | None = None) -> str:
        """Canonical hash of the chain; see :meth:`NetArch.hash`."""
        return self.network.hash(input_shape)

    def layer(self, input_shape: ImageShape | None = None) -> GraphLayer:
        """The chain as a layer; see :meth:`NetArch.layer`."""
        return self.network.layer(input_shape)

    def table(self, input_shape: ImageShape | None = None) -> str:
        """Table of the chain; see :meth:`NetArch.table`."""
        return self.network.table(input_shape)

    def draw(self, input_shape: ImageShape | None = None, *, width: int = WIDTH) -> Picture:
        """Drawing of the chain; see :meth:`NetArch.draw`."""
        return self.network.draw(input_shape, width=width)

    def __str__(self) -> str:
        return str(self.network)

    def _repr_html_(self) -> str:
        return self.network._repr_html_()

    def _chain(self, x: Any) -> Any:
        for arch in self:
            x = arch(x)
        return x


def main_output(result: Any) -> Any:
    """The feature of a result that may be ``(feature, taps)`` or ``(feature,)``."""
    return result[0] if isinstance(result, tuple | list) else result


def _tensor_dims(x: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in x.shape[1:])


def _scratch() -> Any:
    if "paddle" not in sys.modules:
        return nullcontext()
    from .paddle_build import scratch

    return scratch()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return lines[0][:160]
