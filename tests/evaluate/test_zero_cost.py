from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace, NetArch, ops, search
from sanas_spaces.errors import ConfigError, EvaluationError
from sanas_spaces.evaluate.data import ImageDataset, Split, load_dataset
from sanas_spaces.evaluate.weights import initial_weights
from sanas_spaces.evaluate.zero_cost import (
    BASELINES,
    RECTIFIERS,
    SCORES,
    ZeroCost,
    code_kernel,
    linearised,
    synaptic_flow,
    synflow,
)
from sanas_spaces.fluid import layers
from sanas_spaces.graph import Graph

SHAPE = (2, 4, 4)
CLASSES = 3


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load_dataset("digits")


@pytest.fixture(autouse=True)
def nothing_global_changes() -> Iterator[None]:
    def state() -> Any:
        return paddle.in_dynamic_mode(), paddle.get_flags("FLAGS_use_mkldnn"), paddle.get_default_dtype()

    before = state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]
    paddle.seed(5)
    expected = paddle.rand([1]).item()
    paddle.seed(5)
    yield
    assert paddle.rand([1]).item() == expected
    assert (state(), random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index,union-attr]


def network(body: Any) -> NetArch:
    return NetArch(body, described=True, name="tiny", input_shape=SHAPE)


def smallest(name: str) -> Any:
    block = issubclass(SEARCHSPACE.get(name), BlockSpace)
    space = CombinedSpace([(name, {"block_mask": [0, 1]} if block else {})])
    return space.token2arch([0] * len(space.table))


def evaluator(score: Any = SCORES, **settings: Any) -> ZeroCost:
    return ZeroCost(score, **{"input_shape": SHAPE, "num_classes": CLASSES, "batch_size": 5, **settings})


def weights_of(arch: NetArch, zero_cost: ZeroCost) -> dict[str, Any]:
    parameters = zero_cost.classifier(arch).graph().parameters()
    return {name: value.astype(np.float64) for name, value in initial_weights(parameters, zero_cost.seed).items()}


def convolved(x: Any, weights: Any) -> Any:
    """A convolution with SAME padding and stride 1, one output at a time."""
    reach = weights.shape[2] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    y = np.zeros((len(x), len(weights), *x.shape[2:]))
    for row, column in itertools.product(range(x.shape[2]), range(x.shape[3])):
        window = padded[:, :, row : row + weights.shape[2], column : column + weights.shape[3]]
        y[:, :, row, column] = np.einsum("nchw,ochw->no", window, weights)
    return y


def two_layers(act: str = "relu", bias: bool = False, norm: bool = False) -> NetArch:
    return network(lambda x: ops.conv2d(x, 4, 3, bias=bias, norm=norm, act=act, name="conv"))


def cross_entropy(logits: Any, labels: Any) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]))


# synflow


@pytest.mark.parametrize("act", ["relu", "relu6", "sigmoid"])
def test_synflow_is_the_product_of_all_weights(act: str) -> None:
    arch = two_layers(act, bias=True, norm=True)
    weights = weights_of(arch, evaluator())
    after = convolved(np.ones((1, *SHAPE)), np.abs(weights["conv_weights"])).mean(axis=(2, 3))
    through = float((after @ np.abs(weights["head_fc_weights"])).sum())
    expected = math.log(2 * through)  # each of the two layers has all of it
    assert evaluator("synflow")(arch)["synflow"] == pytest.approx(expected, rel=1e-6)


@st.composite
def chains(draw: Any) -> NetArch:
    rows = draw(st.lists(st.tuples(st.integers(1, 6), st.sampled_from([1, 3, 5]), st.sampled_from([1, 2])), max_size=5))
    act, pool = draw(st.sampled_from(["relu", "relu6", "hard_swish"])), draw(st.sampled_from(["avg", "max"]))

    def body(x: Any) -> Any:
        for i, (width, kernel, stride) in enumerate(rows):
            x = ops.conv_bn(x, width, kernel, stride=stride, act=act, name=f"chain_{i}")
            x = ops.pool2d(x, pool, 3, name=f"pool_{i}")
            x = ops.conv_bn(x, width, 3, groups=width, act=act, name=f"depthwise_{i}")
        return x

    return network(body)


@settings(max_examples=12, deadline=None)
@given(chains())
def test_synaptic_flow_is_conserved_in_chains(arch: NetArch) -> None:
    """The same flow passes each layer (Tanaka et al., theorem 2)."""
    flow = synaptic_flow(evaluator().classifier(arch).graph(), 0)
    assert list(flow.values()) == pytest.approx([flow["head_fc_weights"]] * len(flow))


def test_synaptic_flow_is_conserved_over_branches() -> None:
    def body(x: Any) -> Any:
        x = ops.conv_bn(x, 4, 3, act="relu", name="before")
        left = ops.conv_bn(x, 4, 3, act="relu", name="left")
        return ops.relu(ops.add(left, ops.conv_bn(x, 4, 1, name="right")))

    flow = synaptic_flow(evaluator().classifier(network(body)).graph(), 0)
    whole = flow["head_fc_weights"]
    assert flow["before_weights"] == pytest.approx(whole)
    assert flow["left_weights"] + flow["right_weights"] == pytest.approx(whole)


def test_a_linearised_network_has_weights_only() -> None:
    def body(x: Any) -> Any:
        x = ops.batch_norm(ops.conv2d(x, 4, 3, bias=True, norm=True, act="relu", name="a"), act="relu6", name="b")
        return ops.linear(ops.dropout(ops.flatten(ops.activation(x * -2.0 + 1.0, "tanh")), 0.5), 3, name="c")

    linear = linearised(network(body).graph())
    assert [spec.name for spec in linear.parameters()] == ["a_weights", "c_weights"]
    assert [(type(node.kind).__name__, *node.dims) for node in linear.live()[2:4]] == [
        ("Scale", 4, 4, 4),
        ("Scale", 4, 4, 4),
    ]
    assert [node.kind.scale for node in linear.live()[2:4]] == [2.0, 1.0]  # type: ignore[attr-defined]


def test_flow_that_is_no_number_is_an_error() -> None:
    def body(x: Any) -> Any:
        for _ in range(400):  # each doubles the flow by far
            x = ops.add(x * 10.0, x)
        return x

    with pytest.raises(EvaluationError, match=r"synflow of tiny \[\] is (inf|nan): expected a finite score"):
        evaluator("synflow")(network(body))


# naswot


def kernel_by_hand(codes: Any) -> Any:
    units = codes.shape[1]
    return np.array([[units - int((a != b).sum()) for b in codes] for a in codes], float)


@given(st.integers(0, 2**32), st.integers(1, 6), st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_kernel_counts_the_bits_that_agree(seed: int, images: int, units: list[int]) -> None:
    rng = np.random.default_rng(seed)
    codes = [rng.random((images, count)) > 0.5 for count in units]
    assert np.array_equal(code_kernel(codes), kernel_by_hand(np.concatenate(codes, axis=1)))


def test_kernel_of_many_units_is_exact() -> None:
    codes = np.random.default_rng(0).random((3, 200_000)) > 0.5
    assert np.array_equal(code_kernel([codes]), kernel_by_hand(codes))


@pytest.mark.parametrize("act", RECTIFIERS)
def test_naswot_is_the_log_determinant_of_the_codes(act: str) -> None:
    zero_cost = evaluator("naswot")
    arch = two_layers(act)
    before = convolved(zero_cost.images, weights_of(arch, zero_cost)["conv_weights"])
    expected = np.linalg.slogdet(kernel_by_hand((before > 0).reshape(5, -1)))[1]
    assert zero_cost(arch)["naswot"] == pytest.approx(expected, rel=1e-9)


def test_codes_come_after_batch_normalisation_and_from_all_layers() -> None:
    def body(x: Any) -> Any:
        x = ops.conv_bn(x, 4, 3, act="relu", name="conv")
        return ops.activation(ops.batch_norm(x * -1.0, act="relu", name="norm"), "sigmoid")

    zero_cost = evaluator("naswot")
    y = convolved(zero_cost.images, weights_of(network(body), zero_cost)["conv_weights"])
    axes = (0, 2, 3)
    y = (y - y.mean(axes, keepdims=True)) / np.sqrt(y.var(axes, keepdims=True) + 1e-5)
    first = y > 0
    second = -np.maximum(y, 0) > -np.maximum(y, 0).mean(axes, keepdims=True)
    codes = np.concatenate([first.reshape(5, -1), second.reshape(5, -1)], axis=1)
    expected = np.linalg.slogdet(kernel_by_hand(codes))[1]
    assert zero_cost(network(body))["naswot"] == pytest.approx(expected, rel=1e-9)


def test_networks_without_rectifiers_have_no_codes() -> None:
    with pytest.raises(EvaluationError, match=r"naswot needs one of the activations relu, .*; tiny has none"):
        evaluator("naswot")(two_layers("tanh"))


def test_images_that_look_alike_to_the_network_are_an_error() -> None:
    arch = network(lambda x: ops.relu(ops.linear(ops.flatten(x), 1, name="one")))
    with pytest.raises(EvaluationError, match=r"naswot of tiny \[\] is -inf"):
        evaluator("naswot", batch_size=20)(arch)


# gradients


def test_gradient_scores_are_those_of_finite_differences() -> None:
    zero_cost = evaluator(["snip", "grad_norm"])
    arch = two_layers()
    weights = weights_of(arch, zero_cost)

    def loss() -> float:
        features = np.maximum(convolved(zero_cost.images, weights["conv_weights"]), 0).mean(axis=(2, 3))
        return cross_entropy(features @ weights["head_fc_weights"] + weights["head_fc_bias"], zero_cost.labels)

    def gradient(values: Any, step: float = 1e-5) -> Any:
        found = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            kept = values[place]
            values[place] = kept + step
            above = loss()
            values[place] = kept - step
            found[place] = (above - loss()) / (2 * step)
            values[place] = kept
        return found

    gradients = {name: gradient(weights[name]) for name in ("conv_weights", "head_fc_weights")}
    values = zero_cost(arch)
    assert values["grad_norm"] == pytest.approx(sum(np.linalg.norm(g) for g in gradients.values()), rel=1e-4)
    assert values["snip"] == pytest.approx(sum(np.abs(weights[n] * g).sum() for n, g in gradients.items()), rel=1e-4)


def test_gradient_scores_of_a_linear_network() -> None:
    zero_cost = evaluator(["snip", "grad_norm"], batch_size=7)
    arch = network(ops.flatten)
    weights = weights_of(arch, zero_cost)
    images = zero_cost.images.reshape(7, -1)
    logits = images @ weights["head_fc_weights"] + weights["head_fc_bias"]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gradient = images.T @ (chances - np.eye(CLASSES)[zero_cost.labels]) / 7
    values = zero_cost(arch)
    assert values["grad_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    assert values["snip"] == pytest.approx(np.abs(gradient * weights["head_fc_weights"]).sum(), rel=1e-5)


def test_shared_weights_count_once() -> None:
    def body(x: Any) -> Any:
        names = {"weights": "shared"}
        x = ops.conv2d(x, 2, 3, act="relu", name="a", names=names)
        return ops.conv2d(x, 2, 3, act="relu", name="b", names=names)

    values = evaluator()(network(body))
    assert all(math.isfinite(value) for value in values.values())
    assert set(synaptic_flow(evaluator().classifier(network(body)).graph(), 0)) == {"shared", "head_fc_weights"}


# all of them


@pytest.mark.parametrize("name", sorted(SEARCHSPACE))
def test_every_space_is_scored(name: str) -> None:
    arch = smallest(name)
    zero_cost = ZeroCost(SCORES, input_shape=(3, 16, 16), num_classes=10, batch_size=4)
    values = zero_cost(arch)
    assert list(values) == [*SCORES, *BASELINES]
    assert all(type(value) is float and math.isfinite(value) for value in values.values())
    cost = zero_cost.cost(arch)
    assert values["log_flops"] == math.log(cost.flops)
    assert values["log_params"] == math.log(cost.params)
    assert values["depth"] == cost.depth


def test_the_same_seed_gives_the_same_scores() -> None:
    arch = smallest("MobileNetV2BlockSpace")
    settings: dict[str, Any] = {"input_shape": (3, 16, 16), "num_classes": 10, "batch_size": 8}
    first = ZeroCost(SCORES, **settings)
    values = first(arch)
    np.random.default_rng().random()
    assert first(arch) == values == ZeroCost(SCORES, **settings)(arch)
    other = ZeroCost(SCORES, seed=1, **settings)(arch)
    assert all(other[name] != values[name] for name in SCORES)
    assert all(other[name] == values[name] for name in BASELINES)


def test_a_score_does_not_depend_on_the_others() -> None:
    together = evaluator()(two_layers())
    for name in SCORES:
        assert evaluator(name)(two_layers())[name] == together[name]


def test_one_score_is_the_reward_and_several_have_none() -> None:
    values = evaluator("snip")(two_layers())
    assert list(values) == ["reward", "snip", *BASELINES]
    assert values["reward"] == values["snip"]
    assert list(evaluator(["snip", "depth"])(two_layers())) == ["snip", "depth", "log_flops", "log_params"]
    values = evaluator("log_flops")(two_layers())
    assert values["reward"] == values["log_flops"] == math.log(16 * 4 * 18 + 4 * 3)


def test_static_mode_and_programs_stay_as_they_are() -> None:
    expected = evaluator()(two_layers())
    program = paddle.static.Program()
    paddle.enable_static()
    try:
        with paddle.static.program_guard(program), paddle.no_grad():
            assert evaluator()(two_layers()) == expected
            assert not paddle.in_dynamic_mode()
        assert not program.global_block().ops
    finally:
        paddle.disable_static()


def test_dropout_is_left_out() -> None:
    plain = network(lambda x: ops.conv_bn(x, 4, 3, act="relu", name="conv"))
    dropping = network(lambda x: ops.dropout(ops.conv_bn(x, 4, 3, act="relu", name="conv"), 0.5))
    assert evaluator()(dropping) == evaluator()(plain)


def test_the_minibatch_is_of_training_images(digits: ImageDataset) -> None:
    zero_cost = ZeroCost("naswot", digits, batch_size=16, seed=3)
    assert (zero_cost.input_shape, zero_cost.num_classes) == ((1, 8, 8), 10)
    pairs = {(image.tobytes(), label) for image, label in zip(digits.train.images, digits.train.labels, strict=True)}
    assert all((i.tobytes(), n) in pairs for i, n in zip(zero_cost.images, zero_cost.labels, strict=True))
    assert len({image.tobytes() for image in zero_cost.images}) == 16
    few = Split(digits.train.images[:6], digits.train.labels[:6])
    small = ImageDataset("few", few, few, few, digits.class_names, digits.mean, digits.std)
    assert len(ZeroCost("naswot", small).images) == 6


def test_a_search_takes_a_score(digits: ImageDataset) -> None:
    configs = [("MobileNetV1BlockSpace", {"block_mask": [1]})]
    zero_cost = ZeroCost("naswot", digits, batch_size=8)
    result = search(configs, zero_cost, objectives={"reward": "max"}, steps=5, seed=0)
    assert [row["reward"] for row in result.history] == [row["naswot"] for row in result.history]
    for row in result.history:
        assert row["log_flops"] == math.log(row["flops"])
    scores = zero_cost(result.best)
    assert scores["reward"] == result.best.reward == max(row["naswot"] for row in result.history)
    named = search(configs, ZeroCost(SCORES, digits, batch_size=8), objectives={"naswot": "max"}, steps=2, seed=0)
    assert named.history[0]["naswot"] == result.history[0]["naswot"]


def test_weights_of_fluid_networks_start_as_they_should() -> None:
    graph = network(lambda x: layers.fc(x, 50)).graph()
    (weights,) = (p for p in graph.parameters() if p.role == "weights")
    values = initial_weights([weights], 0)[weights.name]
    bound = (6 / (32 + 50)) ** 0.5
    assert weights.init == "xavier_uniform"
    assert 0.95 * bound < np.abs(values).max() <= bound
    assert math.isfinite(synflow(graph, 0))


def test_networks_that_call_paddle_themselves_are_an_error() -> None:
    arch = NetArch(lambda x: paddle.nn.functional.relu(x), name="closure")
    with pytest.raises(EvaluationError, match=r"need the description of a network: closure .* not described"):
        evaluator("naswot")(arch)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score": "synflo"}, "score 'synflo' is unknown; did you mean 'synflow'"),
        ({"score": []}, "expected one or some of synflow"),
        ({"batch_size": 0}, "batch_size = 0: expected at least 1"),
        ({"input_shape": None}, "expected data, or both input_shape"),
        ({"num_classes": None}, "expected data, or both input_shape"),
    ],
)
def test_bad_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluator(**{"score": "snip", **arguments})


def test_data_knows_its_shape(digits: ImageDataset) -> None:
    with pytest.raises(ConfigError, match="give either them or data"):
        ZeroCost("snip", digits, num_classes=10)


def test_a_graph_is_not_changed() -> None:
    graph: Graph = evaluator().classifier(two_layers()).graph()
    before = graph.canonical_hash(), len(graph.nodes)
    synaptic_flow(graph, 0)
    assert (graph.canonical_hash(), len(graph.nodes)) == before
