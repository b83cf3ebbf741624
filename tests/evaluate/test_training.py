from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from sanas_spaces import SEARCHSPACE, CombinedSpace, NetArch, ops
from sanas_spaces.errors import CandidatePruned, ConfigError, EvaluationError
from sanas_spaces.evaluate import (
    ImageClassification,
    ImageDataset,
    TrainedNetwork,
    classifier,
    load_dataset,
    score_inference_model,
)
from sanas_spaces.evaluate.trained import ONEDNN_KINDS
from sanas_spaces.evaluate.training import shifted
from sanas_spaces.evaluate.weights import initial_value
from sanas_spaces.graph import NamedParameter
from sanas_spaces.kinds import ACTIVATIONS

SPACE = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [1, 0]})])
ARCH_TOKENS = [1, 4, 0, 0, 2, 6, 0, 0]


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load_dataset("digits")


@pytest.fixture(autouse=True)
def paddle_is_left_as_it_was() -> Iterator[None]:
    before = paddle.in_dynamic_mode(), paddle.get_flags("FLAGS_use_mkldnn"), paddle.static.global_scope()
    numpy_state = np.random.get_state()[1].copy()  # type: ignore[index]
    yield
    assert (paddle.in_dynamic_mode(), paddle.get_flags("FLAGS_use_mkldnn"), paddle.static.global_scope()) == before
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # type: ignore[index]


def test_training_learns_and_is_repeatable(digits: ImageDataset) -> None:
    losses: list[float] = []
    evaluator = ImageClassification(digits, epochs=3, on_epoch=lambda epoch, epochs, loss: losses.append(loss))
    accuracy = evaluator(SPACE.token2arch(ARCH_TOKENS))
    assert accuracy > 0.85
    assert losses == sorted(losses, reverse=True)
    assert evaluator(SPACE.token2arch(ARCH_TOKENS)) == accuracy


class Watched:
    """A candidate whose search wants scores on the way."""

    prunable = True
    budget = 3

    def __init__(self, patience: int) -> None:
        self.archs = SPACE.token2arch(ARCH_TOKENS)
        self.patience = patience
        self.scores: dict[int, float] = {}

    def report(self, score: float, step: int) -> None:
        self.scores[step] = score

    def should_prune(self) -> bool:
        return len(self.scores) > self.patience


def test_scores_on_the_way_change_nothing_and_a_budget_is_a_number_of_epochs(digits: ImageDataset) -> None:
    watched = Watched(patience=5)
    accuracy = ImageClassification(digits, epochs=1)(watched)
    assert accuracy == ImageClassification(digits, epochs=3)(watched.archs)
    assert list(watched.scores) == [1, 2]
    assert 0.1 < watched.scores[1] < watched.scores[2] <= accuracy
    hurried = Watched(patience=1)
    with pytest.raises(CandidatePruned, match="stopped after epoch 2 of 3"):
        ImageClassification(digits)(hurried)
    assert hurried.scores == watched.scores


def test_exported_network_scores_and_computes_the_same(digits: ImageDataset, tmp_path: Path) -> None:
    evaluator = ImageClassification(digits, epochs=1, final_epochs=2)
    trained = evaluator.train_best(SPACE.token2arch(ARCH_TOKENS))
    trained.save(tmp_path / "deep" / "network")
    assert score_inference_model(tmp_path / "deep" / "network", digits.test) == trained.accuracy(digits.test) > 0.8
    logits = trained.logits(digits.test.images)
    one_by_one = np.concatenate([trained.logits(digits.test.images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(logits[:5], one_by_one, rtol=1e-4, atol=1e-4)


def test_statistics_are_those_of_the_training_images(digits: ImageDataset) -> None:
    network = NetArch(
        lambda x: ops.classification_head(ops.batch_norm(x, name="bn"), 10), described=True, input_shape=(1, 8, 8)
    )
    trained = train(network)
    images = digits.train.images[:256] * 3 + 1
    trained.calibrate([images[:128], images[128:]])
    weights = trained.weights()
    np.testing.assert_allclose(weights["bn_bn_mean"], images.mean(), rtol=1e-4)
    within = np.mean([images[:128].var(), images[128:].var()])
    np.testing.assert_allclose(weights["bn_bn_variance"], within, rtol=1e-3)


def train(network: NetArch, steps: int = 0, image_shape: Any = (1, 8, 8)) -> TrainedNetwork:
    trained = TrainedNetwork(
        network,
        image_shape,
        np.random.default_rng(0),
        learning_rate=paddle.optimizer.lr.StepDecay(0.05, 1000),
        weight_decay=0.0,
        label_smoothing=0.0,
    )
    rng = np.random.default_rng(1)
    images, labels = rng.normal(size=(16, *image_shape)).astype(np.float32), np.arange(16) % 10
    for _ in range(steps):
        trained.train_step(images, labels)
    return trained


def compare_with_plain_kernels(network: NetArch, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = network.input_shape
    fast = train(network, 1, shape).weights()
    real = paddle.set_flags
    monkeypatch.setattr(paddle, "set_flags", lambda flags: real(dict.fromkeys(flags, False)))
    plain = train(network, 1, shape).weights()
    moving = {p.name for p in network.graph().parameters() if not p.trainable}
    for name in fast.keys() - moving:
        np.testing.assert_allclose(fast[name], plain[name], rtol=1e-3, atol=1e-4, err_msg=name)


def smallest(name: str) -> NetArch:
    space = CombinedSpace([(name, {"block_mask": [1, 0]} if "Block" in name else {})])
    return classifier(space.token2arch([0] * len(space.table)), 10, (1, 64, 64))


def uses_onednn(network: NetArch) -> bool:
    return all(isinstance(node.kind, ONEDNN_KINDS) for node in network.graph().live())


@pytest.mark.parametrize("name", [name for name in sorted(SEARCHSPACE) if uses_onednn(smallest(name))])
def test_every_space_trains_as_with_plain_kernels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_with_plain_kernels(smallest(name), monkeypatch)


def test_spaces_with_concatenation_train_without_onednn(digits: ImageDataset) -> None:
    assert not any(uses_onednn(smallest(name)) for name in ("DartsSpace", "InceptionABlockSpace"))
    archs = CombinedSpace([("InceptionABlockSpace", {"block_mask": [1]})]).token2arch([5] * 7 + [0, 0])
    assert ImageClassification(digits, epochs=2)(archs) > 0.5


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_every_activation_trains_as_with_plain_kernels(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def body(x: Any) -> Any:
        x = ops.conv2d(x, 8, 3, bias=True, dilation=2, padding=2, name="a")
        x = ops.batch_norm(ops.activation(x, act), act=act, name="b")
        x = ops.conv2d(x, 8, 3, groups=2, stride=2, norm=True, act=act, name="c")
        return ops.classification_head(ops.add(x, x), 10)

    compare_with_plain_kernels(NetArch(body, described=True, input_shape=(1, 8, 8)), monkeypatch)


def test_networks_that_call_paddle_themselves_train(digits: ImageDataset) -> None:
    def body(x: Any) -> Any:
        weight = paddle.create_parameter([8, 1, 3, 3], "float32", attr=paddle.ParamAttr(name="own_w"))
        x = paddle.nn.functional.relu(paddle.nn.functional.conv2d(x, weight, padding="SAME"))
        return paddle.flatten(x, 1)

    assert ImageClassification(digits, epochs=2)(NetArch(body)) > 0.8


def test_classifier_fits_what_the_network_gives() -> None:
    shape = (3, 16, 16)
    vector = NetArch(lambda x: ops.flatten(ops.global_avg_pool(x)), described=True)
    pair = NetArch(lambda x: (ops.relu(x), {1: x}), described=True)
    for arch in (vector, pair, SPACE.token2arch(ARCH_TOKENS)):
        assert classifier(arch, 7, shape).cost().output_shape == (7,)
    darts = classifier(CombinedSpace(["DartsSpace"]).token2arch([0] * 20), 7, shape)
    names = [parameter.name for parameter in darts.graph().parameters()]
    assert not any(name.startswith("head") for name in names)
    assert darts.cost().output_shape == (7,)


def test_cost_counts_the_classifier(digits: ImageDataset) -> None:
    archs = SPACE.token2arch(ARCH_TOKENS)
    bare = archs.cost((1, 8, 8))
    cost = ImageClassification(digits).cost(archs)
    channels = bare.output_shape[0]
    assert cost.flops - bare.flops == channels * 10
    assert cost.params - bare.params == channels * 10 + 10


def test_shifts_keep_the_image_and_its_size() -> None:
    images = np.zeros((200, 1, 8, 8), np.float32)
    images[:, :, 4, 4] = 1
    moved = shifted(images, 0.25, np.random.default_rng(0))
    assert moved.shape == images.shape
    assert np.array_equal(moved.sum(axis=(1, 2, 3)), np.ones(200))
    _, _, rows, columns = np.nonzero(moved)
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6}
    assert shifted(images, 0.0, np.random.default_rng(0)) is images


def test_a_loss_that_is_not_finite_is_an_error(digits: ImageDataset) -> None:
    evaluator = ImageClassification(digits, epochs=1, learning_rate=1e38)
    with pytest.raises(EvaluationError, match=r"the loss of MobileNetV2BlockSpace became (nan|inf) in epoch 1"):
        evaluator(SPACE.token2arch(ARCH_TOKENS))


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"batch_size": 0}, {"final_epochs": -1}])
def test_bad_settings_are_named(digits: ImageDataset, settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        ImageClassification(digits, **settings)


def test_every_initializer_gives_weights() -> None:
    shape = (6, 4, 3, 3)
    values = {
        init: initial_value(NamedParameter("w", "weight", shape, init, True, 36), np.random.default_rng(0))
        for init in ("msra_normal", "uniform_fan_in", "xavier_uniform", "zeros", "ones")
    }
    assert values["msra_normal"].std() == pytest.approx((2 / 36) ** 0.5, rel=0.2)
    assert np.abs(values["uniform_fan_in"]).max() == pytest.approx(1 / 6, rel=0.05)
    assert np.abs(values["xavier_uniform"]).max() == pytest.approx((6 / 90) ** 0.5, rel=0.05)
    assert (values["zeros"] == 0).all()
    assert (values["ones"] == 1).all()
