"""``result.export()`` and all formats at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sanas_spaces import load_arch, search
from sanas_spaces.errors import ConfigError, ExportError
from sanas_spaces.evaluate import ImageClassification, load_dataset
from sanas_spaces.export import export, save_model

from . import networks
from .networks import IMAGE, as_module, images, run_layer, weights_of

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [1]})]


def size(candidate: Any) -> float:
    return -float(candidate.cost.flops)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any], dict[str, Path]]:
    network = networks.random_network("MobileNetV2BlockSpace", 4).network
    weights = weights_of(network, IMAGE)
    folder = tmp_path_factory.mktemp("export")
    formats = ["paddle", "weights", "json", "python", "json"]
    return network, weights, export(network, folder, formats=formats, weights=weights, input_shape=IMAGE)


def test_every_format_gives_the_outputs(exported: Any) -> None:
    import paddle

    network, weights, written = exported
    assert list(written) == ["paddle", "weights", "json", "python"]
    (expected,) = run_layer(network.layer(IMAGE), weights)

    state = paddle.load(str(written["weights"]))
    assert set(state) == set(weights)
    layer = as_module(written["python"].read_text()).Network()
    for rebuilt in (layer, load_arch(written["json"]).layer()):
        assert rebuilt.set_state_dict(state) == ([], [])
        rebuilt.eval()
        np.testing.assert_allclose(rebuilt(paddle.to_tensor(images()))[0].numpy(), expected, atol=1e-4)

    paddle.enable_static()
    try:
        with paddle.static.scope_guard(paddle.static.Scope()):
            executor = paddle.static.Executor()
            path = str(written["paddle"].with_suffix(""))
            program, (name,), outputs = paddle.static.load_inference_model(path, executor)
            (found,) = executor.run(program, feed={name: images()}, fetch_list=outputs)
    finally:
        paddle.disable_static()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_second_network_of_the_source_has_parameters_of_its_own(exported: Any) -> None:
    module = as_module(exported[2]["python"].read_text())
    first, second = module.Network(), module.Network()
    before = first.state_dict()["mobilenetv2_1_1_expand_weights"].numpy()
    assert not np.array_equal(before, second.state_dict()["mobilenetv2_1_1_expand_weights"].numpy())
    missing, unknown = second.set_state_dict({"other": before})
    assert len(missing) == len(first.state_dict())
    assert unknown == ["other"]
    assert len(first.parameters()) == len(exported[0].graph(IMAGE).parameters())


def test_formats_are_checked(tmp_path: Path) -> None:
    network = networks.random_network("MobileNetV2BlockSpace", 4).network
    with pytest.raises(ConfigError, match="format 'onx': did you mean 'onnx'"):
        export(network, tmp_path, formats=["onx"])
    with pytest.raises(ConfigError, match=r"formats = \[\]"):
        export(network, tmp_path, formats=[])
    assert list(export(network, tmp_path)) == ["json"]


def test_the_result_of_a_search_is_exported(tmp_path: Path) -> None:
    result = search(CONFIGS, size, steps=3, seed=0, input_shape=(1, 8, 8))
    written = result.export(tmp_path, num_classes=10)
    loaded = load_arch(written["json"])
    assert loaded.tokens == result.best.tokens
    assert loaded.cost().output_shape == (10,)
    with pytest.raises(ExportError, match="need weights, and none are given"):
        result.export(tmp_path, formats=["paddle"])
    other = next(row for row in result.history if row["tokens"] != result.best.tokens)
    from sanas_spaces import CombinedSpace

    layer = CombinedSpace(CONFIGS).token2arch(result.best.tokens).layer((1, 8, 8))
    assert result.export(tmp_path, ["weights"], weights=layer.state_dict())["weights"].exists()
    assert other["tokens"] != load_arch(result.export(tmp_path, ["json"])["json"]).tokens


def test_weights_that_the_run_kept_are_used(tmp_path: Path) -> None:
    result = search(CONFIGS, size, steps=2, seed=0, input_shape=(1, 8, 8), folder=tmp_path / "run")
    with pytest.raises(ExportError, match="none are given"):
        result.export(tmp_path / "out", ["weights"])
    data = load_dataset("digits")
    trained = ImageClassification(data, epochs=1, final_epochs=1).train_best(result.best.archs)
    save_model(tmp_path / "run" / "model", trained, configs=CONFIGS)
    written = result.export(tmp_path / "out", ["weights", "json"])

    import paddle

    layer = load_arch(written["json"]).layer()
    layer.set_state_dict(paddle.load(str(written["weights"])))
    layer.eval()
    found = layer(paddle.to_tensor(data.test.images[:8])).numpy()
    np.testing.assert_allclose(found, trained.logits(data.test.images[:8]), atol=1e-3)
