"""Architecture files: read in every mode, checked in every part."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sanas_spaces import CombinedSpace, NetArch, load_arch, ops, save_arch
from sanas_spaces.errors import ArchitectureError, CostError, ExportError
from sanas_spaces.export import to_json
from sanas_spaces.export.architecture import from_json
from sanas_spaces.export.inference import InferenceProgram
from sanas_spaces.export.settings import KINDS, kind_of, settings_of
from sanas_spaces.kinds import PlainKind

from ..again import run_again
from . import networks
from .networks import IMAGE, assert_same, images, run_layer, weights_of

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    archs = CombinedSpace(CONFIGS).token2arch([0, 1, 1, 0, 1, 2, 0, 1])
    return json.loads(to_json(archs, IMAGE, configs=CONFIGS))


@pytest.mark.parametrize("name", ["MobileNetV2BlockSpace", "InceptionABlockSpace", "ResNetBlockSpace2"])
def test_static_program_and_layer_of_a_file_agree(name: str, tmp_path: Path) -> None:
    """In this mode: the PIR, and the legacy IR below."""
    network = networks.random_network(name, 3).network
    loaded = load_arch(save_arch(network, tmp_path / "network.json", input_shape=IMAGE))
    weights = weights_of(loaded)
    (expected,) = run_layer(network.layer(IMAGE), weights)
    (found,) = run_layer(loaded.layer(), weights)
    assert_same(found, expected)
    (static,) = InferenceProgram(loaded.graph(), weights).run(images())
    assert_same(static, expected)
    assert loaded.table() == network.table(IMAGE)


def test_the_legacy_ir_reads_it_alike() -> None:
    run_again("legacy", __file__, "-k", "agree or taps")


def test_taps_of_a_file_are_found_in_all_modes(tmp_path: Path) -> None:
    network = networks.tapped_network("MobileNetV2BlockSpace")
    loaded = load_arch(save_arch(network, tmp_path / "taps.json"))
    weights = weights_of(loaded)
    feature, taps = run_layer(loaded.layer(), weights)
    static = InferenceProgram(loaded.graph(), weights).run(images())
    assert_same(static, [feature, taps[1]])


def test_it_works_on_other_sizes_and_trains(tmp_path: Path) -> None:
    import paddle

    network = networks.own_network("of_ops")
    loaded = load_arch(save_arch(network, tmp_path / "own.json"))
    assert loaded.cost((3, 32, 32)) == network.cost((3, 32, 32))
    layer = loaded.layer((3, 32, 32))
    optimizer = paddle.optimizer.SGD(0.1, parameters=layer.parameters())
    losses = []
    for _ in range(5):
        loss = (layer(paddle.to_tensor(images((3, 32, 32)))) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[-1] < losses[0]


def test_parameters_that_are_not_trained_stay_so(tmp_path: Path) -> None:
    loaded = load_arch(save_arch(networks.own_network("of_all_kinds"), tmp_path / "own.json"))
    trained = {name: not tensor.stop_gradient for name, tensor in loaded.layer().named_parameters()}
    assert trained["rows"] is False
    assert trained["shared_weights"] is True


def test_it_tells_where_it_came_from(document: dict[str, Any]) -> None:
    assert document["configs"] == [["MobileNetV2BlockSpace", {"block_mask": [0, 1]}]]
    assert document["tokens"] == [0, 1, 1, 0, 1, 2, 0, 1]
    assert document["choices"]["block 2 kernel"] == 5
    assert document["layers"][0]["settings"]["out_channels"] == 32


def test_a_network_that_calls_paddle_cannot_be_written() -> None:
    import paddle

    with pytest.raises(CostError, match="can be called but not described"):
        to_json(NetArch(lambda x: paddle.nn.Conv2D(3, 4, 3)(x)), IMAGE)


def test_a_key_that_json_has_not_is_refused() -> None:
    with pytest.raises(ExportError, match=r"key \(1, 2\)"):
        to_json(NetArch(lambda x: {(1, 2): ops.relu(x)}, described=True), IMAGE)


def change(*path: Any, to: Any) -> Callable[[Any], None]:
    def apply(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        if to is KeyError:
            del document[path[-1]]
        else:
            document[path[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change("format", to="other"), "is no architecture file"),
        (change("version", to=2), "version = 2: this version of sanas-spaces reads version 1"),
        (change("version", to=True), "version = True"),
        (change("tokens", to=KeyError), "the key 'tokens' is missing"),
        (change("extra", to=1), "unknown key 'extra'"),
        (change("input_shape", to=[3, 16]), r"input_shape = \[3, 16\]: expected three positive integers"),
        (change("tokens", to=[1.5]), r"tokens = \[1.5\]"),
        (change("choices", to=[]), "choices = "),
        (change("name", to=""), "name = '': expected a text that is not empty"),
        (change("layers", to={}), r"layers = \{\}: expected a list"),
        (change("layers", 0, to=7), "layer 1 = 7: expected an object"),
        (change("layers", 0, "kind", to="Conv2D"), "unknown kind 'Conv2D'; did you mean 'Conv2d'"),
        (change("layers", 0, "kind", to="Input"), "unknown kind 'Input'"),
        (change("layers", 0, "code", to="x"), r"layer 1: unknown key 'code'"),
        (change("layers", 0, "settings", "out_channels", to=0), "out_channels = 0: expected at least 1"),
        (change("layers", 0, "settings", "out_channels", to=True), "out_channels = True: expected a whole number"),
        (change("layers", 0, "settings", "out_channels", to=KeyError), "needs the setting 'out_channels'"),
        (change("layers", 0, "settings", "kernel", to=[3]), r"kernel = \[3\]: expected a list of 2 whole numbers"),
        (change("layers", 0, "settings", "padding", to="VALID"), "padding = 'VALID': expected one of 'SAME' or a list"),
        (change("layers", 0, "settings", "act", to="relu7"), "act = 'relu7'; did you mean 'relu"),
        (change("layers", 0, "settings", "size", to=3), "Conv2d has no setting 'size'"),
        (change("layers", 0, "inputs", to=[1]), r"inputs = \[1\]: expected numbers of layers before it"),
        (change("layers", 0, "inputs", to=[0, 0]), "Conv2d does not take 2 of them"),
        (change("layers", 0, "inputs", to=[]), r"inputs = \[\]"),
        (change("layers", 0, "shape", to=[32, 16, 15]), r"shape = \[32, 16, 15\]: computed is \[32, 16, 16\]"),
        (change("layers", 0, "parameters", "weights", to=""), "parameters: weights = ''"),
        (change("layers", 0, "parameters", "weights", to=KeyError), "expected names of"),
        (change("layers", 0, "training", to={"weights": {"decay": 1}}), "unknown key 'decay'"),
        (change("layers", 0, "training", to={"weights": {"learning_rate": -1}}), "learning_rate = -1"),
        (change("layers", 1, "parameters", "weights", to="mobilenetv2_1_1_expand_weights"), "is used with shapes"),
        (change("layers", 1, "settings", "groups", to=5), "does not fit inputs of"),
        (change("result", to=99), "99 is no layer"),
        (change("result", to={"set": [1]}), "expected the number of a layer, null, or a tuple"),
        (change("result", to={"tuple": [1]}), "there are layers that the result does not need"),
        (change("hash", to="0" * 32), "hash = '0+', but that of its layers is"),
        (change("layers", 0, "settings", "act", to="relu"), "hash = "),
    ],
)
def test_damage_is_told(document: dict[str, Any], damage: Callable[[Any], None], message: str) -> None:
    broken = copy.deepcopy(document)
    damage(broken)
    with pytest.raises(ArchitectureError, match=message) as error:
        from_json(json.dumps(broken), "file.json")
    assert str(error.value).startswith("file.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"format": NaN}'])
def test_what_is_no_file_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    path.write_text(text)
    with pytest.raises(ArchitectureError, match=re.escape(str(path))):
        load_arch(path)


def test_files_that_are_missing_or_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        load_arch(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(bytes(range(256)))
    with pytest.raises(ArchitectureError, match="cannot be read"):
        load_arch(tmp_path / "bytes.json")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_written_and_read(name: str) -> None:
    """With a value for each setting that is no default, made by its type: a new kind is covered at once."""
    cls: Any = KINDS[name]
    assert issubclass(cls, PlainKind)
    values = {
        "out_channels": 3, "kernel": (2, 3), "stride": (1, 2), "padding": (1, 2, 0, 1), "dilation": (2, 1), "groups": 3,
        "bias": 0.5 if name == "Scale" else True, "norm": True, "act": "relu6", "init": "uniform_fan_in",
        "momentum": 0.7, "epsilon": 1e-3, "frozen": True, "settings": (0.25,), "mode": "max", "ceil_mode": True,
        "exclusive": False, "out_features": 4, "bias_init": "zeros", "axes": (1, 2) if name == "Mean" else 2,
        "rate": 0.25, "downscale": True, "cell": 1, "node": 2, "branch": 0, "drop_prob": 0.1, "axis": 2, "start": 1,
        "stop": 3, "top": 1, "left": 2, "shape": (2, 3), "order": (0, 2, 1), "keep": True, "size": (3, 4),
        "align_corners": False, "align_mode": 0, "scale": 2.0,
    }  # fmt: skip
    values |= {"mode": "bilinear"} if name == "Resize" else {}
    values |= {"function": "add" if name == "Elementwise" else "leaky_relu"}
    kind = cls(**{field: values[field] for field in cls._fields})
    text = json.dumps(settings_of(kind))
    read = kind_of(name, json.loads(text), "here")
    assert read == kind
    assert type(read) is cls
    assert repr(read) == repr(kind)


def test_reading_does_not_import_paddle(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    path.write_text(json.dumps(document))
    code = (
        "import sys; from sanas_spaces import load_arch; "
        f"print(load_arch({str(path)!r}).cost().flops); assert 'paddle' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == from_json(json.dumps(document)).cost().flops


def test_names_of_weights_are_checked(document: dict[str, Any], tmp_path: Path) -> None:
    from sanas_spaces.export import export

    network = from_json(json.dumps(document))
    weights = weights_of(network)
    name = next(iter(weights))
    with pytest.raises(ExportError, match=f"'{name}' is missing"):
        export(network, tmp_path, formats=["weights"], weights={k: v for k, v in weights.items() if k != name})
    with pytest.raises(ExportError, match=r"has the shape \[2\], expected"):
        export(network, tmp_path, formats=["weights"], weights={**weights, name: np.zeros(2)})
    with pytest.raises(ExportError, match="paddle need weights, and none are given"):
        export(network, tmp_path, formats=["paddle"])
    assert not list(tmp_path.iterdir())
