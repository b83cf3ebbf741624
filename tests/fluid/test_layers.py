"""Each function of the shim against NumPy, however the network is built."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from sanas_spaces import NetArch
from sanas_spaces.errors import ConfigError, GraphError
from sanas_spaces.fluid import ParamAttr, layers
from sanas_spaces.testing.modes import mode_environment

from ..golden.record import fixed_value
from .running import WAYS, run

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 6, 5)).astype("float32")
GATE = RNG.normal(size=(2, 4)).astype("float32")
ROWS = RNG.normal(size=(3, 10)).astype("float32")


def clip(x: Any, low: float, high: float) -> Any:
    return np.minimum(np.maximum(x, low), high)


def softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


Case = tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]
CASES: dict[str, Case] = {
    "relu": (layers.relu, lambda x: np.maximum(x, 0), (X,)),
    "relu6": (lambda x: layers.relu6(layers.scale(x, 9.0)), lambda x: clip(9 * x, 0, 6), (X,)),
    "sigmoid": (layers.sigmoid, lambda x: 1 / (1 + np.exp(-x)), (X,)),
    "tanh": (layers.tanh, np.tanh, (X,)),
    "hard_sigmoid": (layers.hard_sigmoid, lambda x: clip(0.2 * x + 0.5, 0, 1), (X,)),
    "hard_sigmoid settings": (lambda x: layers.hard_sigmoid(x, 0.3, 0.4), lambda x: clip(0.3 * x + 0.4, 0, 1), (X,)),
    "swish": (layers.swish, lambda x: x / (1 + np.exp(-x)), (X,)),
    "hard_swish": (layers.hard_swish, lambda x: x * clip(x + 3, 0, 6) / 6, (X,)),
    "leaky_relu": (layers.leaky_relu, lambda x: np.maximum(x, 0.02 * x), (X,)),
    "softmax": (layers.softmax, lambda x: softmax(x, -1), (ROWS,)),
    "softmax axis": (lambda x: layers.softmax(x, axis=1), lambda x: softmax(x, 1), (X,)),
    "elementwise_add": (lambda x, y: layers.elementwise_add(x, y, act="relu"),
                        lambda x, y: np.maximum(x + y, 0), (X, X[::-1].copy())),
    "elementwise_add axis": (lambda x, y: layers.elementwise_add(x, y, axis=0),
                             lambda x, y: x + y[:, :, None, None], (X, GATE)),
    "elementwise_mul": (layers.elementwise_mul, lambda x, y: x * y, (X, X[::-1].copy())),
    "elementwise_mul axis": (lambda x, y: layers.elementwise_mul(x, y, axis=0),
                             lambda x, y: x * y[:, :, None, None], (X, GATE)),
    "elementwise_mul gate": (layers.elementwise_mul, lambda x, y: x * y, (X, GATE[:, :, None, None])),
    "concat": (lambda x, y: layers.concat([x, y], axis=1), lambda x, y: np.concatenate([x, y], 1), (X, X)),
    "concat rows": (lambda x, y: layers.concat([x, y], axis=2), lambda x, y: np.concatenate([x, y], 2), (X, X)),
    "split": (lambda x: layers.split(x, 2, dim=1), lambda x: np.split(x, 2, 1), (X,)),
    "split sections": (lambda x: layers.split(x, [1, -1], dim=1), lambda x: [x[:, :1], x[:, 1:]], (X,)),
    "split last": (lambda x: layers.split(x, [4, 1]), lambda x: [x[..., :4], x[..., 4:]], (X,)),
    "reshape": (lambda x: layers.reshape(x, [0, 2, -1]), lambda x: x.reshape(2, 2, -1), (X,)),
    "reshape keep": (lambda x: layers.reshape(x, [-1, 0, 30]), lambda x: x.reshape(2, 4, 30), (X,)),
    "transpose": (lambda x: layers.transpose(x, [0, 2, 3, 1]), lambda x: x.transpose(0, 2, 3, 1), (X,)),
    "squeeze": (lambda x: layers.squeeze(layers.pool2d(x, global_pooling=True), [2, 3]), lambda x: x.max((2, 3)), (X,)),
    "flatten": (layers.flatten, lambda x: x.reshape(2, -1), (X,)),
    "scale": (lambda x: layers.scale(x, 2.0, 1.0), lambda x: 2 * x + 1, (X,)),
    "scale after bias": (lambda x: layers.scale(x, 2.0, 1.0, bias_after_scale=False), lambda x: 2 * (x + 1), (X,)),
    "reduce_mean": (lambda x: layers.reduce_mean(x, [2, 3], keep_dim=True),
                    lambda x: x.mean((2, 3), keepdims=True), (X,)),
    "reduce_mean drop": (lambda x: layers.reduce_mean(x, -1), lambda x: x.mean(-1), (X,)),
    "resize_nearest": (lambda x: layers.resize_nearest(x, scale=2.0, align_corners=False),
                       lambda x: x.repeat(2, 2).repeat(2, 3), (X,)),
    "pool max": (lambda x: layers.pool2d(x, 2, "max", 2),
                 lambda x: x[:, :, :, :4].reshape(2, 4, 3, 2, 2, 2).max((3, 5)), (X,)),
    "pool avg": (lambda x: layers.pool2d(x, 2, "avg", 2),
                 lambda x: x[:, :, :, :4].reshape(2, 4, 3, 2, 2, 2).mean((3, 5)), (X,)),
    "pool ceil": (lambda x: layers.pool2d(x, 2, "max", 2, ceil_mode=True),
                  lambda x: np.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=-9)
                  .reshape(2, 4, 3, 2, 3, 2).max((3, 5)), (X,)),
    "pool inclusive": (lambda x: layers.pool2d(x, 2, "avg", 2, [0, 0, 1, 1], exclusive=False),
                       lambda x: np.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0))).reshape(2, 4, 3, 2, 3, 2).mean((3, 5)),
                       (X,)),
    "global avg": (lambda x: layers.pool2d(x, pool_type="avg", global_pooling=True),
                   lambda x: x.mean((2, 3), keepdims=True), (X,)),
    "global max": (lambda x: layers.pool2d(x, pool_type="max", global_pooling=True),
                   lambda x: x.max((2, 3), keepdims=True), (X,)),
    "dropout": (lambda x: layers.dropout(x, 0.25), lambda x: 0.75 * x, (X,)),
    "dropout upscale": (lambda x: layers.dropout(x, 0.25, dropout_implementation="upscale_in_train"),
                        lambda x: x, (X,)),
    "fc": (lambda x: layers.fc(x, 3, act="relu", name="head"),
           lambda x: np.maximum(x.reshape(2, -1) @ fixed_value("head.w_0", (120, 3))
                                + fixed_value("head.b_0", (3,)), 0),
           (X,)),
    "fc named": (lambda x: layers.fc(x, 3, param_attr=ParamAttr(name="shared"), bias_attr=False),
                 lambda x: x @ fixed_value("shared", (10, 3)), (ROWS,)),
    "fc twice": (lambda x: layers.fc(layers.fc(x, 10, param_attr="w", bias_attr=False), 10, param_attr="w",
                                     bias_attr=False),
                 lambda x: x @ fixed_value("w", (10, 10)) @ fixed_value("w", (10, 10)), (ROWS,)),
    "fc unnamed": (lambda x: layers.fc(layers.fc(x, 4), 3),
                   lambda x: (x @ fixed_value("fc_0.w_0", (10, 4)) + fixed_value("fc_0.b_0", (4,)))
                   @ fixed_value("fc_1.w_0", (4, 3)) + fixed_value("fc_1.b_0", (3,)), (ROWS,)),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_function_computes_as_numpy_does(name: str, way: str) -> None:
    body, expected, inputs = CASES[name]
    found, wanted = run(way, body, *inputs), expected(*inputs)
    for a, b in zip(*((found, wanted) if isinstance(wanted, list) else ([found], [wanted])), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


CONVOLUTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({"filter_size": 3}, {}),
    "same": ({"filter_size": 3, "padding": "SAME", "stride": 2}, {"padding": "SAME", "stride": 2}),
    "valid": ({"filter_size": 3, "padding": "valid"}, {}),
    "four": ({"filter_size": (3, 5), "padding": [1, 1, 2, 2]}, {"padding": [1, 2]}),
    "groups": (
        {"filter_size": 3, "groups": 2, "padding": 1, "dilation": 2},
        {"groups": 2, "padding": 1, "dilation": 2},
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_and_normalisation_compute_as_paddles_do(name: str, way: str) -> None:
    arguments, settings = CONVOLUTIONS[name]

    def body(x: Any) -> Any:
        x = layers.conv2d(x, 8, act="leaky_relu", name="c", **arguments)
        return layers.batch_norm(x, act="relu", name="b", moving_mean_name="mean", moving_variance_name="variance")

    size = arguments["filter_size"]
    kernel = size if isinstance(size, tuple) else (size, size)
    weight = fixed_value("c.w_0", (8, 4 // settings.get("groups", 1), *kernel))
    y = F.conv2d(
        paddle.to_tensor(X), paddle.to_tensor(weight), paddle.to_tensor(fixed_value("c.b_0", (8,))), **settings
    )
    y = F.leaky_relu(y, 0.02).numpy()
    mean, variance, scale, offset = (
        fixed_value(n, (8,))[:, None, None] for n in ("mean", "variance", "b.w_0", "b.b_0")
    )
    variance = np.abs(variance)  # values of other names than PaddleSlim's may be negative

    found = run(way, body, X)
    if (fixed_value("variance", (8,)) > 0).all():
        expected = np.maximum((y - mean) / np.sqrt(variance + 1e-5) * scale + offset, 0)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    trained = run(way, body, X, training=True)
    centre, spread = y.mean((0, 2, 3), keepdims=True), y.var((0, 2, 3), keepdims=True)
    expected = np.maximum((y - centre) / np.sqrt(spread + 1e-5) * scale + offset, 0)
    np.testing.assert_allclose(trained, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_frozen_normalisation_and_dropout_in_training(way: str) -> None:
    def body(x: Any) -> Any:
        x = layers.batch_norm(x, use_global_stats=True, epsilon=1e-4, name="b", moving_variance_name="variance")
        return layers.dropout(x, 0.5, is_test=True)

    np.testing.assert_array_equal(run(way, body, X, training=True), run(way, body, X))
    dropped = run(way, lambda x: layers.dropout(x, 0.5), X, training=True)
    kept = dropped != 0
    assert 0.2 < kept.mean() < 0.8
    np.testing.assert_array_equal(dropped[kept], X[kept])


def test_legacy_programs_compute_alike() -> None:
    """The tests of this file on variables again, in a process with the legacy IR."""
    legacy = mode_environment("legacy")
    if legacy.items() <= os.environ.items():
        return
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "variables", __file__],
        env={**os.environ, **legacy},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]


def test_align_corners() -> None:
    def body(x: Any) -> Any:
        return layers.image_resize(x, [11, 9])

    found = run("layer", body, X)
    np.testing.assert_allclose(found[:, :, ::2, ::2], X, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[:, :, 1, 0], (X[:, :, 0, 0] + X[:, :, 1, 0]) / 2, rtol=1e-5, atol=1e-6)


def test_functions_over_the_batch() -> None:
    probabilities = softmax(ROWS, -1)
    labels = np.array([[1], [9], [4]])
    found = layers.cross_entropy(paddle.to_tensor(probabilities), paddle.to_tensor(labels))
    np.testing.assert_allclose(found.numpy(), -np.log(probabilities[np.arange(3), labels[:, 0]])[:, None], rtol=1e-5)
    soft = layers.cross_entropy(paddle.to_tensor(probabilities), paddle.to_tensor(probabilities), soft_label=True)
    np.testing.assert_allclose(soft.numpy(), -(probabilities * np.log(probabilities)).sum(1, keepdims=True), rtol=1e-5)
    of_logits = layers.softmax_with_cross_entropy(paddle.to_tensor(ROWS), paddle.to_tensor(labels))
    np.testing.assert_allclose(of_logits.numpy(), found.numpy(), rtol=1e-5)
    assert layers.mean(found).shape == [1]
    np.testing.assert_allclose(layers.mean(found).numpy()[0], found.numpy().mean(), rtol=1e-6)
    np.testing.assert_allclose(layers.reduce_mean(paddle.to_tensor(X)).numpy()[0], X.mean(), rtol=1e-5, atol=1e-6)


ERRORS: list[tuple[Callable[..., Any], str]] = [
    (lambda x: layers.conv2d(x, 4, 3, padding=[0, 1, 0, 0]), "as much on both sides"),
    (lambda x: layers.conv2d(x, 4, 3, padding="FULL"), "padding = 'FULL': expected 'SAME'"),
    (lambda x: layers.conv2d(x, 4, 3, data_format="NHWC"), "data format 'NHWC'"),
    (lambda x: layers.conv2d(x, 4, 3, act="gelu"), "act = 'gelu': expected one of relu"),
    (lambda x: layers.pool2d(x, 2, "min"), "pool_type = 'min'"),
    (lambda x: layers.pool2d(x), "needs a pool_size"),
    (lambda x: layers.fc([x, x], 3), "fc of 2 inputs"),
    (lambda x: layers.fc(x, 3, num_flatten_dims=2), "num_flatten_dims = 2"),
    (lambda x: layers.relu6(x, 5.0), "threshold = 5.0: expected 6.0"),
    (lambda x: layers.dropout(x, 0.5, dropout_implementation="none"), "dropout_implementation = 'none'"),
    (lambda x: layers.elementwise_mul(x, layers.fc(x, 3), axis=0), "needs a second tensor that fits"),
    (lambda x: layers.concat([x, x]), "concat along axis 0"),
    (lambda x: layers.split(x, 3, dim=1), "into 3 equal parts"),
    (lambda x: layers.split(x, [1, 1], dim=1), "expected a sum of 4"),
    (lambda x: layers.reshape(x, [2, -1]), "first size has to be 0 or -1"),
    (lambda x: layers.reshape(x, [0, 7, 7]), "not as many values"),
    (lambda x: layers.squeeze(x, [1]), "expected sizes of 1"),
    (lambda x: layers.transpose(x, [1, 0, 2, 3]), "batch has to stay first"),
    (lambda x: layers.reduce_mean(x), "over the batch"),
    (lambda x: layers.mean(x), "over the batch"),
    (lambda x: layers.image_resize(x, [3, 3], resample="TRILINEAR"), "by 'TRILINEAR'"),
    (lambda x: layers.image_resize(x), "needs out_shape"),
]


@pytest.mark.parametrize(("body", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_errors_name_what_is_wrong(body: Callable[..., Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        NetArch(body, described=True).graph((4, 6, 5))


def test_attributes_are_checked() -> None:
    with pytest.raises(ConfigError, match="3: expected a ParamAttr, a name, an initializer or None"):
        NetArch(lambda x: layers.conv2d(x, 4, 3, param_attr=3), described=True).graph((4, 6, 5))
