"""Scores of networks at initialisation, without training: one minibatch, one forward and one backward pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arch import ArchList, ImageShape, NetArch
from ..cost import Cost, graph_cost
from ..errors import ConfigError, CostError, EvaluationError, did_you_mean
from ..functions import Scale
from ..graph import Graph, Node
from ..kinds import Activation, BatchNorm, Conv2d, Dropout, Input, Linear
from .combined import REWARD
from .data import as_dataset
from .training import classifier
from .weights import initial_weights

Array = np.ndarray[Any, Any]

SCORES = ("synflow", "naswot", "grad_norm", "snip")
BASELINES = ("log_flops", "log_params", "depth")
RECTIFIERS = ("relu", "relu6", "leaky_relu", "swish", "hard_swish")
"""Activations that give a bit of a code: all are positive where their input is, and only there."""
UNITS_AT_ONCE = 1 << 16


class ZeroCost:
    """Scores a network with its initial weights; larger scores are said to promise better networks.

    - ``synflow``: natural logarithm of the sum of weight times gradient, where the network has the absolute values of
      its weights and no biases, batch normalisation or activations, its input is all ones, and what is differentiated
      is the sum of its outputs (Tanaka et al., arXiv:2006.05467, equation 3; without batch normalisation as in the code
      of Abdelfattah et al.). Computed in double precision; needs no images.
    - ``naswot``: log-determinant of the kernel N - d(i, j), where the N bits of an image say which rectifiers are
      positive for it, and d counts the bits in which two images differ (Mellor et al., arXiv:2006.04647, section 3).
    - ``grad_norm``: sum over convolutions and linear layers of the Euclidean norm of the gradient of their weights, for
      the cross-entropy of the minibatch (Abdelfattah et al., arXiv:2101.08134, section 3).
    - ``snip``: sum of the absolute value of weight times gradient, for the same cross-entropy (Lee et al.,
      arXiv:1810.02340, section 4; summed over the network as Abdelfattah et al. do).

    The values always hold the baselines ``log_flops``, ``log_params`` (natural logarithms) and ``depth`` as well: a
    score that orders networks no better than those tells nothing new.

    Networks are as in training: batch normalisation takes the statistics of the minibatch, dropout is left out. A bit
    of ``naswot`` is whether a ReLU, ReLU6, leaky ReLU, swish or hard swish has a positive input. Sigmoids, tanh and
    softmax give none: they are as steep on both sides of zero.

    Args:
        score: The score, which then is the ``reward`` among the values, or several of them, and then there is no
            reward. Baselines can be asked for, too.
        data: Images; the minibatch is drawn from those for training.
        input_shape: Without ``data``: shape [C, H, W] of images of random numbers with random labels.
        num_classes: Without ``data``: number of classes.
        batch_size: Images in the minibatch, at most as many as there are.
        seed: Seed of minibatch and weights; the same for every network, so that they compare.

    Raises:
        ConfigError: A score is unknown, or there are neither images nor their shape.
    """

    def __init__(
        self,
        score: str | Sequence[str],
        data: Any = None,
        *,
        input_shape: ImageShape | None = None,
        num_classes: int | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        self.scores = (score,) if isinstance(score, str) else tuple(score)
        for name in self.scores:
            if name not in SCORES + BASELINES:
                raise ConfigError(f"score {name!r} is unknown; {did_you_mean(str(name), SCORES + BASELINES)}")
        if not self.scores:
            raise ConfigError(f"score = {score!r}: expected one or some of {', '.join(SCORES)}")
        if batch_size < 1:
            raise ConfigError(f"batch_size = {batch_size!r}: expected at least 1")
        self.reward = score if isinstance(score, str) else None
        self.seed = seed
        rng = np.random.default_rng((seed, 1))
        if data is not None:
            if input_shape is not None or num_classes is not None:
                raise ConfigError("input_shape and num_classes are those of data; give either them or data")
            data = as_dataset(data)
            self.input_shape, self.num_classes = data.image_shape, data.num_classes
            chosen = rng.permutation(len(data.train))[:batch_size]
            self.images, self.labels = data.train.images[chosen], data.train.labels[chosen]
        elif input_shape is not None and num_classes is not None:
            self.input_shape, self.num_classes = input_shape, num_classes
            self.images = rng.normal(size=(batch_size, *input_shape)).astype(np.float32)
            self.labels = rng.integers(num_classes, size=batch_size)
        else:
            raise ConfigError("expected data, or both input_shape=[C, H, W] and num_classes")

    def __call__(self, candidate: Any) -> dict[str, float]:
        """Score an architecture, or the ``archs`` of a candidate.

        Raises:
            EvaluationError: A score is not finite, or the network calls Paddle itself and so has no description.
        """
        network = self.classifier(getattr(candidate, "archs", candidate))
        try:
            graph = network.graph()
        except CostError as error:
            raise EvaluationError(f"zero-cost scores need the description of a network: {error}") from error
        cost = graph_cost(graph)
        values = dict.fromkeys(self.scores, math.nan)  # in the order that was asked for
        values |= {"log_flops": _log(cost.flops), "log_params": _log(cost.params), "depth": float(cost.depth)}
        if "synflow" in values:
            values["synflow"] = synflow(graph, self.seed)
        if not values.keys().isdisjoint(SCORES[1:]):
            values |= self._minibatch_scores(graph, network.name)
        for name, value in values.items():
            if not math.isfinite(value):
                raise EvaluationError(f"{name} of {network.name} {network.tokens} is {value}: expected a finite score")
        return values if self.reward is None else {REWARD: values[self.reward], **values}

    def classifier(self, arch: NetArch | ArchList) -> NetArch:
        """``arch`` with a classifier for the classes of the data."""
        return classifier(arch, self.num_classes, self.input_shape)

    def cost(self, archs: NetArch | ArchList) -> Cost:
        """Cost of the network for one image, its classifier included."""
        return self.classifier(archs).cost()

    def _minibatch_scores(self, graph: Graph, name: str) -> dict[str, float]:
        """Those of ``naswot``, ``grad_norm`` and ``snip`` that were asked for."""
        import paddle

        plain = _without_dropout(graph)
        rectifiers = [node for node in plain.nodes if _activation(node) in RECTIFIERS]
        if "naswot" in self.scores and not rectifiers:
            raise EvaluationError(f"naswot needs one of the activations {', '.join(RECTIFIERS)}; {name} has none")
        plain.result = (plain.result, rectifiers)
        weights = initial_weights(plain.parameters(), self.seed)
        found: dict[str, float] = {}
        with _dygraph():
            layer, tensors = _layer(plain, weights)
            logits, outputs = layer(paddle.to_tensor(self.images))
            if "naswot" in self.scores:
                codes = [output.numpy().reshape(len(self.images), -1) > 0 for output in outputs]
                found["naswot"] = float(np.linalg.slogdet(code_kernel(codes))[1])
            if not {"grad_norm", "snip"}.isdisjoint(self.scores):
                loss = paddle.nn.functional.cross_entropy(logits, paddle.to_tensor(self.labels))
                gradients = _gradients(loss, plain, tensors)
                scores = {
                    "grad_norm": sum(float(np.linalg.norm(gradient)) for gradient in gradients.values()),
                    "snip": sum(float(np.abs(weights[key] * gradients[key]).sum()) for key in gradients),
                }
                found |= {key: scores[key] for key in scores if key in self.scores}
        return found


def synflow(graph: Graph, seed: int) -> float:
    """Logarithm of the sum of synaptic flow of the weights of a network."""
    return _log(sum(synaptic_flow(graph, seed).values()))


def synaptic_flow(graph: Graph, seed: int) -> dict[str, float]:
    """Sum of weight times gradient of each convolution and linear layer, by the name of its weights."""
    import paddle

    linear = linearised(graph)
    weights = {name: np.abs(value) for name, value in initial_weights(graph.parameters(), seed, np.float64).items()}
    with _dygraph():
        layer, tensors = _layer(linear, {spec.name: weights[spec.name] for spec in linear.parameters()})
        ones = paddle.ones([1, *linear.inputs[0].dims], "float64")
        gradients = _gradients(paddle.sum(layer(ones)), linear, tensors)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller names the network
        return {name: float((weights[name] * gradient).sum()) for name, gradient in gradients.items()}


def linearised(graph: Graph) -> Graph:
    """The network without biases, batch normalisation, activations and dropout."""
    return _mapped(graph, linear=True)


def code_kernel(codes: Sequence[Array]) -> Array:
    """Number of bits in which two images agree [N, N], of the bits [N, units] of each layer."""
    count = len(codes[0])
    kernel = np.zeros((count, count))
    for layer in codes:
        for start in range(0, layer.shape[1], UNITS_AT_ONCE):
            bits = layer[:, start : start + UNITS_AT_ONCE].astype(np.float32)  # exact up to 2 ** 24 units
            both, ones = bits @ bits.T, bits.sum(axis=1)
            kernel += bits.shape[1] - ones[:, None] - ones[None, :] + 2 * both
    return kernel


def _without_dropout(graph: Graph) -> Graph:
    return _mapped(graph, linear=False)


def _mapped(graph: Graph, *, linear: bool) -> Graph:
    """A new graph of the live layers and the main output, without some of the layers."""
    new = Graph()
    place: dict[int, Node] = {}
    for node in graph.live():
        sources = tuple(place[source.index] for source in node.inputs)
        kind: Any = node.kind
        if isinstance(kind, Input):
            place[node.index] = new.input(node.dims, kind.name)
            continue
        if linear and isinstance(kind, Conv2d):
            kind = kind._replace(bias=False, norm=False, act=None)
        elif linear and isinstance(kind, Linear):
            kind = kind._replace(bias=False)
        elif linear and isinstance(kind, Scale):
            kind = Scale(abs(kind.scale))
        if isinstance(kind, Dropout) or (linear and isinstance(kind, BatchNorm | Activation)):
            place[node.index] = sources[0]
        else:
            place[node.index] = new.add(kind, sources, node.name, node.names, node.attrs)
    new.result = place[graph.outputs[0].index]
    return new


def _activation(node: Node) -> str | None:
    """Name of the activation that a layer ends with."""
    kind = node.kind
    if isinstance(kind, Conv2d | BatchNorm):
        return kind.act
    return kind.function if isinstance(kind, Activation) else None


def _layer(graph: Graph, weights: Mapping[str, Array]) -> tuple[Any, dict[str, Any]]:
    """A layer with given weights, drawn without Paddle's generator, and its tensors by name."""
    import paddle

    from ..paddle_build import GraphLayer

    tensors = {}
    for spec in graph.parameters():
        values = weights[spec.name]
        if spec.trainable:
            zeros = paddle.nn.initializer.Constant(0.0)
            tensor = paddle.create_parameter(list(spec.shape), str(values.dtype), default_initializer=zeros)
            tensor.set_value(values)
        else:
            tensor = paddle.to_tensor(values)
        tensors[spec.name] = tensor
    return GraphLayer(graph, tensors), tensors


def _gradients(loss: Any, graph: Graph, tensors: Mapping[str, Any]) -> dict[str, Array]:
    """Gradients of the weights of convolutions and linear layers, each once, by name."""
    import paddle

    nodes = [node for node in graph.live() if isinstance(node.kind, Conv2d | Linear)]
    names = list(dict.fromkeys(p.name for node in nodes for p in node.parameters if p.role == "weights"))
    if not names:
        return {}
    gradients = paddle.grad(loss, [tensors[name] for name in names])
    return {name: gradient.numpy() for name, gradient in zip(names, gradients, strict=True)}


@contextmanager
def _dygraph() -> Iterator[None]:
    """Compute tensors with gradients and plain kernels inside, and leave Paddle as it was."""
    import paddle

    flag = "FLAGS_use_mkldnn"
    before = paddle.get_flags(flag)
    paddle.set_flags({flag: False})  # some gradients of oneDNN fail
    try:
        with paddle.base.dygraph.guard(), paddle.utils.unique_name.guard(), paddle.enable_grad():
            yield
    finally:
        paddle.set_flags(before)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
