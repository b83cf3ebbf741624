"""Networks to export: of every registered space, of users' spaces, and with every kind of layer."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import paddle

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace, NetArch, fluid, ops
from sanas_spaces.arch import ArchList
from sanas_spaces.evaluate.weights import initial_weights
from sanas_spaces.fluid.param_attr import ParamAttr

IMAGE = (3, 16, 16)
NARROW = 40e6
"""FLOPs that a network may have, to be quick."""


def configs_of(name: str) -> list[Any]:
    return [(name, {"block_mask": [0, 1]})] if issubclass(SEARCHSPACE.get(name), BlockSpace) else [name]


def random_network(name: str, seed: int) -> ArchList:
    """A random network that is not too large; the smallest one where most are."""
    space = CombinedSpace(configs_of(name))
    rng = np.random.default_rng(seed)
    for _ in range(20):
        archs = space.token2arch(space.table.random(rng))
        if archs.cost(IMAGE).flops < NARROW:
            return archs
    tokens = [int(rng.integers(min(2, count))) for count in space.range_table()]
    return space.token2arch(tokens)


def of_ops(x: Any) -> Any:
    x = ops.conv_bn(x, 6, 3, stride=2, act="relu", name="own_1")
    y = ops.conv2d(ops.relu(x), 6, (1, 3), bias=True, padding=(0, 1), act="hard_swish", name="own_2")
    return ops.classification_head(ops.dropout(ops.add(x, y), 0.3), 5)


def of_fluid(x: Any) -> Any:
    layers = fluid.layers
    x = layers.conv2d(x, 8, 3, stride=2, padding=1, param_attr="own_weights", bias_attr=False)
    x = layers.batch_norm(x, act="hard_swish")
    gate = layers.pool2d(x, pool_type="avg", global_pooling=True)
    gate = layers.fc(layers.fc(gate, 4, act="relu"), 8, act="hard_sigmoid")
    return layers.elementwise_mul(x, gate, axis=0)


def of_all_kinds(x: Any) -> Any:
    """What no built-in space has."""
    layers = fluid.layers
    x = layers.conv2d(x, 8, 3, padding=[1, 2, 0, 1], dilation=1, act="leaky_relu", name="first")
    x = layers.batch_norm(x, momentum=0.8, epsilon=1e-3, is_test=True, act="tanh")
    first, second = layers.split(x, 2, dim=1)
    x = layers.concat([layers.sigmoid(first), layers.swish(second)], axis=1)
    x = layers.elementwise_add(x, layers.scale(x, 0.5, 0.1))
    x = layers.resize_bilinear(x, [12, 10])
    x = layers.resize_nearest(x, [7, 9])
    x = layers.resize_nearest(x, [14, 18], align_corners=False)
    x = layers.pool2d(x, 3, "avg", 2, 1, ceil_mode=True, exclusive=False)
    x = layers.pool2d(x, 2, "max", 1)
    x = layers.transpose(x, [0, 2, 3, 1])
    x = layers.fc(x, 5, num_flatten_dims=3, act="relu", param_attr=ParamAttr(name="rows", trainable=False))
    x = layers.reduce_mean(x, dim=[1], keep_dim=False)
    x = layers.reshape(x, [0, 5, -1])
    x = layers.leaky_relu(layers.flatten(x), 0.1)
    shared = {"param_attr": "shared_weights", "bias_attr": "shared_bias"}
    x = layers.fc(layers.fc(x, 6), 6, **shared)
    x = layers.fc(layers.relu6(x), 6, **shared)
    x = layers.dropout(layers.fc(x, 6, param_attr="shared_weights", bias_attr=False), 0.25)
    return layers.softmax(x, axis=1)


def of_odd_names(x: Any) -> Any:
    """Names that try to be code."""
    x = ops.conv_bn(x, 4, 3, name='"""\nimport os\n#')
    x = ops.conv_bn(x, 4, 1, name="x'); os.abort(  {x} \\")
    y = ops.conv_bn(x, 4, 3, act="relu6", name="class")
    y = ops.conv_bn(y, 4, 3, name="état☃")
    return {'a"]': ops.add(x, y), 3: [y, None]}


OWN = {body.__name__: body for body in (of_ops, of_fluid, of_all_kinds, of_odd_names)}
TAPPED = {
    "MobileNetV2Space": {"return_block": [1, 3, 5]},
    "ResNetSpace": {"return_block": [1, 2], "end_points": 3},
    "MobileNetV1Space": {"scale": 0.5, "return_block": 2},
    "InceptionABlockSpace": {"return_block": [0, 1]},
    "MobileNetV2BlockSpace": {"return_block": 1},
    "DartsSpace": {"is_train": True, "num_classes": 7},
}


def own_network(name: str) -> NetArch:
    return NetArch(OWN[name], described=True, name=f'{name} """ + "', input_shape=IMAGE)


def tapped_network(name: str) -> NetArch:
    space = CombinedSpace(configs_of(name))
    size = (3, 32, 32) if name == "DartsSpace" else IMAGE
    network = space.token2arch([0] * len(space.table)).network
    return NetArch(partial(network.body, **TAPPED[name]), described=True, name=name, input_shape=size)


def weights_of(network: NetArch, shape: Any = None) -> dict[str, Any]:
    """Weights that tell layers apart, statistics included."""
    rng = np.random.default_rng(5)
    parameters = network.graph(shape).parameters()
    weights = initial_weights(parameters, 1)
    for parameter in parameters:
        if parameter.role.startswith("bn_"):
            weights[parameter.name] = rng.uniform(0.5, 1.5, parameter.shape).astype(np.float32)
    return weights


def images(shape: Any = IMAGE, count: int = 2) -> Any:
    return np.random.default_rng(3).normal(size=(count, *shape)).astype(np.float32)


def run_layer(layer: Any, weights: dict[str, Any], shape: Any = IMAGE) -> Any:
    """What a layer gives in inference mode; weights are loaded by name, all of them."""
    missing, unknown = layer.set_state_dict(weights)
    assert not missing
    assert not unknown
    layer.eval()
    return arrays(layer(paddle.to_tensor(images(shape))))


def arrays(result: Any) -> Any:
    """A result with arrays for tensors, its nesting as it is."""
    if isinstance(result, dict):
        return {key: arrays(value) for key, value in result.items()}
    if isinstance(result, tuple | list):
        return type(result)(arrays(value) for value in result)
    return None if result is None else result.numpy()


def assert_same(found: Any, expected: Any) -> None:
    """Equal nesting, and values within the tolerance of float32."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif expected is not None:
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)
        assert np.abs(expected).max() > 0


def as_module(source: str) -> ModuleType:
    """Exported source as a module, in a namespace of its own."""
    module = ModuleType("exported")
    exec(compile(source, "exported.py", "exec"), module.__dict__)
    return module


def ruff(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
