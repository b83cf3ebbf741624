"""Calling architectures as PaddleSlim's net_arch is called, in PIR mode and dygraph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle
import pytest

from sanas_spaces import CombinedSpace, NetArch, ops
from sanas_spaces.errors import BuildError, CostError
from sanas_spaces.graph import Graph

WHOLE = ["MobileNetV1Space", "MobileNetV2Space", "ResNetSpace"]
COMPAT = "paddleslim-2.6"


@pytest.fixture
def static() -> Iterator[Any]:
    """A static program to build in."""
    paddle.enable_static()
    program = paddle.static.Program()
    with paddle.static.program_guard(program, paddle.static.Program()):
        yield program
    paddle.disable_static()


def image(size: int = 32) -> Any:
    return paddle.static.data("image", [-1, 3, size, size], "float32")


def initial(name: str, config: dict[str, Any] | None = None) -> NetArch:
    space = CombinedSpace([(name, config or {})])
    tokens = [0] * len(space.table) if "Block" in name else None
    return space.token2arch(tokens)[0]


def describe(arch: NetArch, **kwargs: Any) -> Any:
    return arch.graph((3, 64, 64), **kwargs).result


def test_return_types_are_paddleslims(static: Any) -> None:
    assert tuple(initial("MobileNetV2Space")(image()).shape) == (-1, 1280, 1, 1)
    for config in ({"block_mask": [1]}, {"block_mask": [1], "compat": COMPAT}):
        result = initial("MobileNetV2BlockSpace", config)(image())
        assert isinstance(result, tuple)
        assert len(result) == 1
        feature, taps = initial("MobileNetV2BlockSpace", config)(image(), return_mid_layer=True)
        assert tuple(feature.shape) == (-1, 3, 16, 16)
        assert taps == {}
    logits, auxiliary = initial("DartsSpace")(image(), 0.0, None, False, 7)
    assert tuple(logits.shape) == (-1, 7)
    assert auxiliary is None


@pytest.mark.parametrize("name", WHOLE)
def test_end_points_stop_the_network(name: str) -> None:
    feature, taps = describe(initial(name), end_points=2)
    assert feature.dims[1:] == (16, 16)
    assert taps == {}
    feature, taps = describe(initial(name), end_points=[3], return_block=[1, 2, 3])
    assert feature.dims[1:] == (8, 8)
    assert {stage: tap.dims[1] for stage, tap in taps.items()} == {1: 32, 2: 16, 3: 8}


@pytest.mark.parametrize("name", WHOLE)
def test_taps_are_the_last_map_of_their_stage(name: str) -> None:
    result = describe(initial(name), return_block=[1, 2, 3])
    assert isinstance(result, tuple), "taps that were asked for are returned"
    _, taps = result
    sizes = {stage: (tap.dims[1], tap.index) for stage, tap in taps.items()}
    assert [size for size, _ in sizes.values()] == [32, 16, 8]
    # the tap of a stage is what the next stage starts from
    for stage, tap in taps.items():
        feature, _ = describe(initial(name), end_points=stage)
        if name != "MobileNetV2Space":  # whose taps are depthwise outputs
            assert tap.dims == feature.dims
    compat = describe(initial(name, {"compat": COMPAT}), return_block=[1, 2, 3])
    assert not isinstance(compat, tuple), "PaddleSlim 2.6 loses them without end_points"


def test_taps_of_compat_are_overwritten_as_in_paddleslim() -> None:
    config = {"block_mask": [1, 0, 0], "compat": COMPAT}
    arch = CombinedSpace([("ResNetBlockSpace2", {"block_mask": [1, 0, 0, 1]})]).token2arch([0] * 12)[0]
    assert set(describe(arch, return_mid_layer=True, return_block=[0, 1, 2])[1]) == {0, 1, 2}
    old = initial("MobileNetV1BlockSpace", config)
    _, taps = describe(old, return_mid_layer=True, return_block=[0])
    assert taps[0].dims == (3, 32, 32), "overwritten by the map before the last block"
    _, taps = describe(initial("MobileNetV1BlockSpace", {"block_mask": [1, 0, 0]}), return_block=[0, 1])
    assert {stage: tap.dims for stage, tap in taps.items()} == {0: (3, 64, 64), 1: (3, 32, 32)}


@pytest.mark.parametrize("name", ["MobileNetV1Space", "MobileNetV2Space"])
def test_output_stride_and_scale_hold_for_one_call(name: str) -> None:
    arch = initial(name)
    plain = arch.cost((3, 64, 64))
    assert describe(arch, output_stride=8, end_points=3)[0].dims[1:] == (8, 8)
    strided = arch.graph((3, 64, 64), output_stride=8)
    assert min(node.dims[1] for node in strided.live() if node.dims[1] > 1) == 8
    assert arch.cost((3, 64, 64), scale=0.5).params < plain.params
    assert arch.cost((3, 64, 64)) == plain
    with pytest.raises(ValueError, match="output_stride = 7: expected an even number"):
        arch.graph(output_stride=7)


def test_misspelt_keywords_are_refused() -> None:
    with pytest.raises(TypeError, match="return_blok"):
        initial("MobileNetV2Space").graph(return_blok=1)
    with pytest.raises(ValueError, match="expected an integer or a list of integers"):
        initial("MobileNetV2Space").graph(return_block="1")


def test_spaces_chain_also_by_hand(static: Any) -> None:
    mask = {"block_mask": [1]}
    archs = CombinedSpace([("MobileNetV2BlockSpace", mask), ("ResNetBlockSpace2", mask)]).token2arch([0] * 7)
    whole = archs(image())
    by_hand = archs[1](archs[0](image()))
    assert tuple(whole[0].shape) == tuple(by_hand[0].shape) == (-1, 8, 8, 8)


def test_parameters_are_named_as_paddleslim_names_them(static: Any) -> None:
    initial("MobileNetV2Space")(image())
    names = {p.name for p in static.global_block().all_parameters()}
    assert len(names) == 265
    assert {"mobilenetv2_conv1_weights", "mobilenetv2_conv3_2_dwise_bn_scale", "mobilenetv2_conv7_bn_variance"} <= names


def test_unknown_image_sizes_build(static: Any) -> None:
    x = paddle.static.data("image", [-1, 3, -1, -1], "float32")
    assert tuple(initial("MobileNetV2Space")(x).shape) == (-1, 1280, 1, 1)


def closure_with_ops(x: Any) -> Any:
    return ops.conv_bn(x, 4, 3, act="relu", name="own")


def raw_static_closure(x: Any) -> Any:
    weight = paddle.create_parameter([4, 3, 3, 3], "float32", attr=paddle.ParamAttr(name="raw_w"))
    return paddle.nn.functional.relu(paddle.nn.functional.conv2d(x, weight, padding=1))


def test_closures_that_call_paddle_build_and_say_why_they_have_no_cost(static: Any) -> None:
    arch = NetArch(raw_static_closure, name="Raw")
    assert tuple(arch(image()).shape) == (-1, 4, 32, 32)
    before = len(static.global_block().ops)
    with pytest.raises(CostError, match=r"Raw can be called but not described.*write it with sanas_spaces.ops"):
        arch.cost()
    assert len(static.global_block().ops) == before, "the attempt left something in the program"
    assert str(arch).startswith("<NetArch Raw")


def test_closures_that_call_paddle_work_in_dygraph() -> None:
    arch = NetArch(lambda x, training=True: paddle.nn.functional.dropout(x, 0.5, training=training))
    ones = paddle.ones([2, 3, 8, 8])
    assert set(np.unique(arch(ones).numpy())) == {0.0, 2.0}
    for inference in (arch(ones, is_test=True), arch(ones, training=False), arch(ones, False), arch.eval()(ones)):
        np.testing.assert_array_equal(inference.numpy(), ones.numpy())


def test_closures_of_ops_have_everything(static: Any) -> None:
    arch = NetArch(closure_with_ops)
    assert tuple(arch(image()).shape) == (-1, 4, 32, 32)
    assert arch.cost((3, 8, 8)).flops == 4 * 27 * 64
    names = {p.name for p in static.global_block().all_parameters()}
    assert names == {f"own_{role}" for role in ("weights", "bn_scale", "bn_offset", "bn_mean", "bn_variance")}


def test_closures_of_ops_keep_their_parameters_in_dygraph() -> None:
    arch = NetArch(closure_with_ops)
    x = paddle.to_tensor(np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("float32"))
    arch.eval()
    np.testing.assert_array_equal(arch(x).numpy(), arch(x).numpy())
    assert len(arch.parameters()) == 3
    with pytest.raises(BuildError, match="has parameters and was called on a dygraph tensor"):
        ops.conv_bn(x, 4, 3)


def test_mode_is_kept_and_can_be_set_for_one_call() -> None:
    arch = initial("ResNetBlockSpace2", {"block_mask": [1]})
    x = paddle.to_tensor(np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype("float32"))
    assert arch.training
    assert arch.eval() is arch
    inference = arch(x)[0].numpy()
    training = arch(x, is_test=False)[0].numpy()
    assert not np.allclose(inference, training)
    assert arch.train() is arch
    np.testing.assert_allclose(arch(x)[0].numpy(), training, rtol=1e-5, atol=1e-6)
    assert not np.allclose(arch(x, is_test=True)[0].numpy(), inference), "moving statistics have moved"


def test_every_call_of_one_architecture_shares_parameters_in_dygraph() -> None:
    arch = initial("MobileNetV2Space").eval()
    x = paddle.to_tensor(np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype("float32"))
    arch(x)
    count = len(arch.parameters())
    with_taps, _ = arch(x, return_block=[1])
    np.testing.assert_allclose(with_taps.numpy(), arch(x).numpy(), rtol=1e-6)
    assert len(arch.parameters()) == count
    other = initial("MobileNetV2Space").eval()
    assert not np.allclose(other(x).numpy(), arch(x).numpy()), "another architecture has its own"


def test_a_layer_trains_with_to_static() -> None:
    arch = initial("MobileNetV2BlockSpace", {"block_mask": [1, 0]})
    layer = arch.layer((3, 8, 8))
    static_layer = paddle.jit.to_static(layer, full_graph=True)
    x = paddle.to_tensor(np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype("float32"))
    optimizer = paddle.optimizer.SGD(0.5, parameters=layer.parameters())
    losses = []
    for _ in range(5):
        loss = paddle.mean((static_layer(x)[0] - 1.0) ** 2)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    layer.eval()
    plain = arch.layer((3, 8, 8)).eval() or arch.layer((3, 8, 8))
    plain.set_state_dict(layer.state_dict())
    plain.eval()
    np.testing.assert_allclose(static_layer(x)[0].numpy(), plain(x)[0].numpy(), rtol=1e-4, atol=1e-5)


def test_darts_trains_with_any_batch_and_drops_paths_per_image() -> None:
    arch = CombinedSpace(["DartsSpace"]).token2arch([0] * 20)[0]
    rng = np.random.default_rng(0)
    x = paddle.to_tensor(rng.normal(size=(3, 3, 32, 32)).astype("float32"))
    keep = np.ones((3, 20, 4, 2), np.float32)
    kept = arch(x, paddle.to_tensor([0.0]), paddle.to_tensor(keep), True, 10)
    assert [tuple(output.shape) for output in kept] == [(3, 10), (3, 10)]
    none = arch(x, 0.0, None, True, 10)
    np.testing.assert_allclose(kept[0].numpy(), none[0].numpy(), rtol=1e-4, atol=1e-5)
    paddle.mean(kept[0] + kept[1]).backward()
    assert all(p.grad is not None for p in arch.parameters())


def test_darts_trains_in_a_static_program_with_a_mask_to_feed(static: Any) -> None:
    arch = CombinedSpace(["DartsSpace"]).token2arch([0] * 20)[0]
    startup = paddle.static.default_startup_program()
    prob = paddle.static.data("prob", [1], "float32")
    mask = paddle.static.data("mask", [-1, 20, 4, 2], "float32")
    logits, auxiliary = arch(image(), prob, mask, True, 7)
    loss = paddle.mean(logits * logits + auxiliary * auxiliary)
    paddle.optimizer.SGD(0.01).minimize(loss)
    executor, rng = paddle.static.Executor(paddle.CPUPlace()), np.random.default_rng(0)
    feed = {
        "image": rng.normal(size=(3, 3, 32, 32)).astype("float32"),
        "prob": np.array([0.2], "float32"),
        "mask": rng.integers(0, 2, (3, 20, 4, 2)).astype("float32"),
    }
    with paddle.static.scope_guard(paddle.static.Scope()):
        executor.run(startup)
        losses = [float(executor.run(static, feed=feed, fetch_list=[loss])[0]) for _ in range(2)]
    assert np.isfinite(losses).all()
    assert losses[0] != losses[1]


def test_drop_path_by_hand() -> None:
    def body(x: Any, prob: Any = None, mask: Any = None) -> Any:
        return ops.drop_path(x, prob, mask, cell=1, node=2, branch=0)

    x = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 2, 2)
    mask = np.zeros((2, 3, 4, 2), np.float32)
    mask[1, 1, 2, 0] = 1.0
    arch = NetArch(body, described=True)
    for prob, kept in ((paddle.to_tensor([0.2]), 0.8), (0.2, 0.8), (paddle.to_tensor([[0.2], [0.4]]), 0.6)):
        dropped = arch(paddle.to_tensor(x), prob, paddle.to_tensor(mask)).numpy()
        np.testing.assert_allclose(dropped, np.stack([0 * x[0], x[1] / kept]), rtol=1e-6)


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_layers_without_parameters_compute_as_numpy_does(kind: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype("float32")
    arch = NetArch(lambda t: ops.pool2d(t, kind, 2, stride=2, padding=0), described=True)
    windows = x.reshape(2, 3, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 3, 2, 2, 4)
    expected = windows.mean(-1) if kind == "avg" else windows.max(-1)
    np.testing.assert_allclose(arch(paddle.to_tensor(x)).numpy(), expected, rtol=1e-6)
    crop = NetArch(lambda t: ops.crop(t, 1, 2), described=True)
    np.testing.assert_array_equal(crop(paddle.to_tensor(x)).numpy(), x[:, :, 1:, 2:])


def test_a_description_is_a_topological_order() -> None:
    graph: Graph = initial("DartsSpace").graph()
    for node in graph.nodes:
        assert all(source.index < node.index for source in node.inputs)
        assert graph.nodes[node.index] is node
