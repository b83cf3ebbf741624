"""ONNX of every registered space gives what Paddle gives; the exporter notices when it does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sanas_spaces import SEARCHSPACE, NetArch
from sanas_spaces.errors import ExportError
from sanas_spaces.export import export, onnx_model

from . import networks
from .networks import IMAGE, images, run_layer, weights_of

if not onnx_model.onnx_is_installed():  # paddle2onnx has no wheels for Python 3.13
    assert not os.environ.get("CI")
    pytest.skip("paddle2onnx is not installed", allow_module_level=True)

import onnx
import onnxruntime


def flat(result: Any) -> list[Any]:
    if isinstance(result, dict):
        return [array for value in result.values() for array in flat(value)]
    if isinstance(result, tuple | list):
        return [array for value in result for array in flat(value)]
    return [] if result is None else [result]


def run_onnx(path: Path, shape: Any) -> list[Any]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["image"]
    assert session.get_inputs()[0].shape == ["batch", *shape]
    return session.run(None, {"image": images(shape)})


def check(network: NetArch, shape: Any, folder: Path) -> None:
    weights = weights_of(network, shape)
    expected = flat(run_layer(network.layer(shape), weights, shape))
    path = export(network, folder, formats=["onnx"], weights=weights, input_shape=shape)["onnx"]
    found = run_onnx(path, shape)
    assert len(found) == len(expected)
    assert onnx_model.largest_difference(expected, found) <= 1e-4
    assert all(np.abs(array).max() > 0 for array in expected)


@pytest.mark.parametrize("name", list(SEARCHSPACE))
def test_random_network_of_a_space(name: str, tmp_path: Path) -> None:
    check(networks.random_network(name, 2).network, IMAGE, tmp_path)


@pytest.mark.parametrize("name", ["of_ops", "of_fluid"])
def test_network_of_a_user(name: str, tmp_path: Path) -> None:
    check(networks.own_network(name), IMAGE, tmp_path)


def test_network_with_taps(tmp_path: Path) -> None:
    network = networks.tapped_network("MobileNetV2BlockSpace")
    check(network, IMAGE, tmp_path)
    model = onnx.load(tmp_path / "network.onnx")
    assert [value.name for value in model.graph.output] == ["output", "output_1"]
    assert not {"Identity", "Constant"} & {node.op_type for node in model.graph.node}
    assert {"mobilenetv2_1_1_expand_weights"} <= {tensor.name for tensor in model.graph.initializer}


def test_a_difference_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is real: with no tolerance at all the rounding of another order is too much."""
    monkeypatch.setattr(onnx_model, "TOLERANCE", 0.0)
    network = networks.random_network("MobileNetV2BlockSpace", 0).network
    with pytest.raises(ExportError, match=r"network\.onnx: onnxruntime differs from Paddle by"):
        export(network, tmp_path, formats=["onnx"], weights=weights_of(network, IMAGE), input_shape=IMAGE)
    assert not list(tmp_path.glob("*.onnx"))


def test_differences_count_shapes_and_numbers_that_are_none() -> None:
    one = [np.ones((2, 3))]
    assert onnx_model.largest_difference(one, [np.ones((2, 2))]) == float("inf")
    assert onnx_model.largest_difference(one, []) == float("inf")
    assert not onnx_model.largest_difference(one, [np.full((2, 3), np.nan)]) <= 1e-4
    assert onnx_model.largest_difference([np.full(2, 1e3)], [np.full(2, 1e3 + 0.05)]) == pytest.approx(5e-5)
