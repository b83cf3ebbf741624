"""Each function of the shim against NumPy, however the network is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from sanas_spaces import NetArch
from sanas_spaces.errors import BuildError, ConfigError, GraphError
from sanas_spaces.fluid import ParamAttr, initializer, layers

from ..again import run_again
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


def interpolated(x: Any, size: tuple[int, int], corners: bool, mode: int) -> Any:
    """Linear interpolation as fluid defines it: ``align_mode`` 0 puts values in the middle of their cells."""
    for axis, new in zip((2, 3), size, strict=True):
        old = x.shape[axis]
        places = np.arange(new)
        if corners:
            at = places * (old - 1) / (new - 1)
        else:
            at = places * old / new if mode == 1 else np.maximum((places + 0.5) * old / new - 0.5, 0)
        low = np.floor(at).astype(int)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(low, axis) * (1 - part) + x.take(np.minimum(low + 1, old - 1), axis) * part
    return x


def nearest(x: Any, size: tuple[int, int]) -> Any:
    """Nearest values with the corners aligned, halves rounded up."""
    for axis, new in zip((2, 3), size, strict=True):
        x = x.take([int((x.shape[axis] - 1) / (new - 1) * k + 0.5) for k in range(new)], axis)
    return x


def dense(x: Any, name: str, size: int, bias: str | None = None) -> Any:
    y = x @ fixed_value(name, (x.shape[-1], size))
    return y if bias is None else y + fixed_value(bias, (size,))


Case = tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]
CASES: dict[str, Case] = {
    "relu": (layers.relu, lambda x: np.maximum(x, 0), (X,)),
    "arithmetic": (lambda x: x * layers.relu6(x + 3.0) / 6.0, lambda x: x * clip(x + 3, 0, 6) / 6, (X,)),
    "arithmetic of numbers": (lambda x: 2.0 * (1.0 + x) - 0.5, lambda x: 2 * (1 + x) - 0.5, (X,)),
    "gate": (lambda x: x * layers.pool2d(x, pool_type="avg", global_pooling=True) + x,
             lambda x: x * x.mean((2, 3), keepdims=True) + x, (X,)),
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
    "elementwise_mul of a smaller first": (lambda x, y: layers.elementwise_mul(y, x), lambda x, y: x * y,
                                           (X, GATE[:, :, None, None])),
    "elementwise_mul gate axis": (lambda x, y: layers.elementwise_mul(x, y, axis=0), lambda x, y: x * y,
                                  (X, GATE[:, :, None, None])),
    "concat": (lambda x, y: layers.concat([x, y], axis=1), lambda x, y: np.concatenate([x, y], 1), (X, X)),
    "concat rows": (lambda x, y: layers.concat([x, y], axis=2), lambda x, y: np.concatenate([x, y], 2), (X, X)),
    "split": (lambda x: layers.split(x, 2, dim=1), lambda x: np.split(x, 2, 1), (X,)),
    "split sections": (lambda x: layers.split(x, [1, -1], dim=1), lambda x: [x[:, :1], x[:, 1:]], (X,)),
    "split last": (lambda x: layers.split(x, [4, 1]), lambda x: [x[..., :4], x[..., 4:]], (X,)),
    "reshape": (lambda x: layers.reshape(x, [0, 2, -1]), lambda x: x.reshape(2, 2, -1), (X,)),
    "reshape keep": (lambda x: layers.reshape(x, [-1, 0, 30]), lambda x: x.reshape(2, 4, 30), (X,)),
    "transpose": (lambda x: layers.transpose(x, [0, 2, 3, 1]), lambda x: x.transpose(0, 2, 3, 1), (X,)),
    "squeeze": (lambda x: layers.squeeze(layers.pool2d(x, global_pooling=True), [2, 3]), lambda x: x.max((2, 3)), (X,)),
    "squeeze all": (lambda x: layers.squeeze(layers.pool2d(x, global_pooling=True), []), lambda x: x.max((2, 3)), (X,)),
    "flatten": (layers.flatten, lambda x: x.reshape(2, -1), (X,)),
    "scale": (lambda x: layers.scale(x, 2.0, 1.0), lambda x: 2 * x + 1, (X,)),
    "scale after bias": (lambda x: layers.scale(x, 2.0, 1.0, bias_after_scale=False), lambda x: 2 * (x + 1), (X,)),
    "reduce_mean": (lambda x: layers.reduce_mean(x, [2, 3], keep_dim=True),
                    lambda x: x.mean((2, 3), keepdims=True), (X,)),
    "reduce_mean drop": (lambda x: layers.reduce_mean(x, -1), lambda x: x.mean(-1), (X,)),
    "resize_nearest": (lambda x: layers.resize_nearest(x, scale=2.0, align_corners=False),
                       lambda x: x.repeat(2, 2).repeat(2, 3), (X,)),
    "resize_nearest corners": (lambda x: layers.resize_nearest(x, [9, 8]), lambda x: nearest(x, (9, 8)), (X,)),
    "resize_nearest smaller": (lambda x: layers.image_resize(x, [3, 2], resample="NEAREST"),
                               lambda x: nearest(x, (3, 2)), (X,)),
    "resize_bilinear": (lambda x: layers.resize_bilinear(x, [11, 7]), lambda x: interpolated(x, (11, 7), True, 1),
                        (X,)),
    "resize_bilinear scale": (lambda x: layers.resize_bilinear(x, scale=2.0, align_corners=False),
                              lambda x: interpolated(x, (12, 10), False, 1), (X,)),
    "resize_bilinear middle": (lambda x: layers.image_resize(x, [11, 7], align_corners=False, align_mode=0),
                               lambda x: interpolated(x, (11, 7), False, 0), (X,)),
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
    "pool uneven": (lambda x: layers.pool2d(x, 2, "max", 2, [0, 0, 1, 0]),
                    lambda x: np.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0)), constant_values=-9)
                    .reshape(2, 4, 3, 2, 3, 2).max((3, 5)), (X,)),
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
    "fc of the same name": (lambda x: layers.fc(layers.fc(x, 10, name="a", bias_attr=False), 10, name="a"),
                            lambda x: dense(dense(x, "a.w_0", 10), "a.w_1", 10, "a.b_0"), (ROWS,)),
    "fc of two": (lambda x, y: layers.fc([x, y], 3, name="a"),
                  lambda x, y: dense(x.reshape(2, -1), "a.w_0", 3) + dense(y, "a.w_1", 3, "a.b_0"), (X, GATE)),
    "fc of two named": (lambda x, y: layers.fc([x, y], 3, param_attr=["u", ParamAttr(name="v")], bias_attr=False),
                        lambda x, y: dense(x, "u", 3) + dense(y, "v", 3), (ROWS, ROWS[:, :4].copy())),
    "fc on rows": (lambda x: layers.fc(x, 3, num_flatten_dims=2, name="a", act="sigmoid"),
                   lambda x: 1 / (1 + np.exp(-dense(x.reshape(2, 4, 30), "a.w_0", 3, "a.b_0"))), (X,)),
    "fc on the last axis": (lambda x: layers.fc(x, 3, num_flatten_dims=-1, name="a"),
                            lambda x: dense(x, "a.w_0", 3, "a.b_0"), (X,)),
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
    "uneven": ({"filter_size": 3, "padding": [0, 1, 2, 0], "stride": 2}, {"padding": [0, 1, 2, 0], "stride": 2}),
    "pairs": (
        {"filter_size": 3, "padding": [[0, 0], [0, 0], [0, 1], [1, 1]]},
        {"padding": [0, 1, 1, 1]},
    ),
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
    expected = np.maximum((y - mean) / np.sqrt(variance + 1e-5) * scale + offset, 0)
    np.testing.assert_allclose(run(way, body, X), expected, rtol=1e-4, atol=1e-5)
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
    run_again("legacy", __file__, "-k", "variables")


PROBABILITIES = softmax(ROWS, -1)
LABELS = np.array([[1], [9], [4]])
PICKED = -np.log(PROBABILITIES[np.arange(3), LABELS[:, 0]])[:, None]
OVER_THE_BATCH: dict[str, Case] = {
    "cross_entropy": (layers.cross_entropy, lambda p, label: PICKED, (PROBABILITIES, LABELS)),
    "cross_entropy ignored": (lambda p, label: layers.cross_entropy(p, label, ignore_index=9),
                              lambda p, label: PICKED * [[1], [0], [1]], (PROBABILITIES, LABELS)),
    "cross_entropy soft": (lambda p, q: layers.cross_entropy(p, q, soft_label=True),
                           lambda p, q: -(q * np.log(p)).sum(1, keepdims=True),
                           (PROBABILITIES, PROBABILITIES[::-1].copy())),
    "softmax_with_cross_entropy": (layers.softmax_with_cross_entropy, lambda x, label: PICKED, (ROWS, LABELS)),
    "mean": (layers.mean, lambda x: x.mean()[None], (X,)),
    "reduce_mean": (layers.reduce_mean, lambda x: x.mean()[None], (X,)),
    "reduce_mean of all axes": (lambda x: layers.reduce_mean(x, [0, 1]), lambda x: x.mean()[None], (ROWS,)),
    "reduce_mean kept": (lambda x: layers.reduce_mean(x, keep_dim=True), lambda x: x.mean(keepdims=True), (X,)),
    "concat": (lambda x: layers.concat([x, x]), lambda x: np.concatenate([x, x]), (X,)),
    "split": (lambda x: layers.split(x, [1, 2], dim=0), lambda x: [x[:1], x[1:]], (ROWS[:3],)),
    "accuracy": (lambda p, label: layers.accuracy(p, label, k=3),
                 lambda p, label: (np.argsort(p)[:, -3:] == label).any(1).mean()[None], (PROBABILITIES, LABELS)),
}  # fmt: skip


@pytest.mark.parametrize("way", ["called on variables", "layer"])
@pytest.mark.parametrize("name", OVER_THE_BATCH)
def test_function_over_the_batch(name: str, way: str) -> None:
    body, expected, inputs = OVER_THE_BATCH[name]
    found, wanted = run(way, body, *inputs), expected(*inputs)
    for a, b in zip(*((found, wanted) if isinstance(wanted, list) else ([found], [wanted])), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_normalisation_of_vectors(way: str) -> None:
    found = run(way, lambda x: layers.batch_norm(x, epsilon=1e-3, name="b"), ROWS, training=True)
    scale, offset = (fixed_value(name, (10,)) for name in ("b.w_0", "b.b_0"))
    expected = (ROWS - ROWS.mean(0)) / np.sqrt(ROWS.var(0) + 1e-3) * scale + offset
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def names_of(body: Callable[..., Any]) -> list[str]:
    return [parameter.name for parameter in NetArch(body, described=True).graph((4, 6, 5)).parameters()]


def test_parameters_are_called_as_in_fluid() -> None:
    def block(x: Any) -> Any:
        x = layers.batch_norm(layers.conv2d(x, 4, 1), param_attr="scale", bias_attr=ParamAttr(name="offset"))
        x = layers.batch_norm(layers.conv2d(x, 4, 1, bias_attr=False, name="a"), name="a", moving_mean_name="mean")
        return layers.fc(x, 2, param_attr=paddle.ParamAttr(name="weights"))

    expected = ["conv2d_0.w_0", "conv2d_0.b_0", "scale", "offset", "batch_norm_0.w_0", "batch_norm_0.w_1"]
    expected += ["a.w_0", "a.w_1", "a.b_0", "mean", "a.w_2", "weights", "fc_0.b_0"]
    assert names_of(block) == expected
    paddle.enable_static()
    try:
        program = paddle.static.Program()
        with paddle.static.program_guard(program), paddle.utils.unique_name.guard():
            NetArch(block)(paddle.static.data("x", [None, 4, 6, 5]))
        assert sorted(p.name for p in program.global_block().all_parameters()) == sorted(expected)
    finally:
        paddle.disable_static()


def test_a_parameter_called_as_a_layer_is_refused_in_dygraph() -> None:
    arch = NetArch(lambda x: layers.fc(x, 3, name="head", param_attr="head"))
    assert arch.cost((4, 6, 5)).params == 363
    with pytest.raises(BuildError, match=r"parameters 'head' and 'head\.b_0' cannot stand in one layer"):
        arch.layer((4, 6, 5))


def test_parameters_start_as_in_fluid() -> None:
    def body(x: Any) -> Any:
        x = layers.conv2d(x, 400, 3, groups=2, name="c")
        return layers.fc(layers.pool2d(x, global_pooling=True), 200, name="f")

    tensors = {name: value.numpy() for name, value in NetArch(body).layer((40, 6, 5)).state_dict().items()}
    np.testing.assert_allclose(tensors["c.w_0"].std(), np.sqrt(2 / (40 * 9)), rtol=0.02)  # groups do not count
    bound = np.sqrt(6 / (400 + 200))
    assert 0.99 * bound < np.abs(tensors["f.w_0"]).max() <= bound * 1.0001
    np.testing.assert_allclose(tensors["f.w_0"].std(), bound / np.sqrt(3), rtol=0.02)
    assert not tensors["c.b_0"].any()
    assert not tensors["f.b_0"].any()


INITIALIZERS: list[tuple[Any, float, float]] = [
    (initializer.Constant(0.25), 0.25, 0.0),
    (initializer.Normal(1.0, 0.5), 1.0, 0.5),
    (initializer.Uniform(0.0, 1.0), 0.5, np.sqrt(1 / 12)),
    (initializer.MSRA(), 0.0, np.sqrt(2 / 360)),
    (initializer.MSRA(uniform=False), 0.0, np.sqrt(2 / 360)),
    (initializer.Xavier(), 0.0, np.sqrt(2 / (360 + 1800))),
    (initializer.Xavier(uniform=False), 0.0, np.sqrt(2 / (360 + 1800))),
]


@pytest.mark.parametrize(("start", "mean", "deviation"), INITIALIZERS)
def test_initializers(start: Any, mean: float, deviation: float) -> None:
    body = NetArch(lambda x: layers.conv2d(x, 200, 3, param_attr=ParamAttr(name="w", initializer=start)))
    value = body.layer((40, 6, 5)).state_dict()["w"].numpy()
    np.testing.assert_allclose([value.mean(), value.std()], [mean, deviation], rtol=0.03, atol=0.005)


def test_layers_on_rows_are_counted() -> None:
    arch = NetArch(lambda x: layers.fc(x, 3, num_flatten_dims=2), described=True)
    cost = arch.cost((4, 6, 5))
    assert (cost.flops, cost.params, cost.output_shape) == (4 * 30 * 3, 30 * 3 + 3, (4, 3))
    assert "resize nearest" in NetArch(lambda x: layers.resize_nearest(x, [2, 2])).table((4, 6, 5))


def test_resizing_a_map_of_unknown_size_is_refused() -> None:
    paddle.enable_static()
    try:
        with paddle.static.program_guard(paddle.static.Program()):
            x = paddle.static.data("x", [None, 4, -1, -1])
            with pytest.raises(BuildError, match="expected a known height and width"):
                layers.resize_nearest(x, [8, 8])
    finally:
        paddle.disable_static()


ERRORS: list[tuple[Callable[..., Any], str]] = [
    (lambda x: layers.conv2d(x, 4, 3, padding=[0, 1, 0]), "expected 1, 2 or 4 numbers"),
    (lambda x: layers.conv2d(x, 4, 9, padding=[0, 1, 0, 1]), r"padding \(0, 1\) does not fit a size of 6"),
    (lambda x: layers.conv2d(x, 4, 3, padding="FULL"), "padding = 'FULL': expected 'SAME'"),
    (lambda x: layers.conv2d(x, 4, 3, data_format="NHWC"), "data format 'NHWC'"),
    (lambda x: layers.conv2d(x, 4, 3, act="gelu"), "act = 'gelu': expected one of relu"),
    (lambda x: layers.pool2d(x, 2, "min"), "pool_type = 'min'"),
    (lambda x: layers.pool2d(x), "needs a pool_size"),
    (lambda x: layers.fc([], 3), "fc of 0 inputs"),
    (lambda x: layers.fc([x, x], 3, param_attr=["a"]), "fc of 2 inputs with 1 param_attr"),
    (lambda x: layers.fc(x, 3, num_flatten_dims=4), "num_flatten_dims = 4: expected 1 to 3"),
    (lambda x: layers.relu6(x, 5.0), "threshold = 5.0: expected 6.0"),
    (lambda x: layers.dropout(x, 0.5, dropout_implementation="none"), "dropout_implementation = 'none'"),
    (lambda x: layers.elementwise_mul(x, layers.fc(x, 3), axis=0), "needs a second tensor that fits"),
    (lambda x: layers.elementwise_add(x, layers.pool2d(x, global_pooling=True), axis=1), "axis = 1: expected 0"),
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
    with pytest.raises(ConfigError, match="layer 'a': weights = False"):
        NetArch(lambda x: layers.conv2d(x, 4, 3, param_attr=False, name="a"), described=True).graph((4, 6, 5))
    with pytest.raises(ConfigError, match="3: expected a ParamAttr, a name, an initializer or None"):
        NetArch(lambda x: layers.conv2d(x, 4, 3, param_attr=3), described=True).graph((4, 6, 5))
