"""A search space as it was written in 2020, with ``fluid.layers`` only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from sanas_spaces import SANAS, SEARCHSPACE, CombinedSpace, fluid
from sanas_spaces.fluid.param_attr import ParamAttr
from sanas_spaces.nas.search_space import SearchSpaceBase
from sanas_spaces.testing import SpaceConformance

from ..again import run_again

CHANNELS = (8, 16)
IMAGE = (3, 16, 16)


class GatedSpace(SearchSpaceBase):
    """MobileNetV3-like: a stem, blocks with squeeze-and-excitation, a classifier."""

    def init_tokens(self) -> list[int]:
        return [0, 1, 0]

    def range_table(self) -> list[int]:
        return [2, 2, 2]

    def token2arch(self, tokens: Any = None) -> Any:
        channels, kernel, gated = CHANNELS[tokens[0]], (3, 5)[tokens[1]], tokens[2]

        def conv_bn(x: Any, filters: int, size: int, stride: int, act: Any, name: str, groups: int = 1) -> Any:
            x = fluid.layers.conv2d(
                input=x, num_filters=filters, filter_size=size, stride=stride, padding=size // 2, groups=groups,
                param_attr=ParamAttr(name=name + "_weights", initializer=fluid.initializer.MSRA()), bias_attr=False,
            )  # fmt: skip
            return fluid.layers.batch_norm(
                input=x, act=act,
                param_attr=ParamAttr(name=name + "_scale", regularizer=fluid.regularizer.L2Decay(0.0)),
                bias_attr=ParamAttr(name=name + "_offset"),
                moving_mean_name=name + "_mean", moving_variance_name=name + "_variance",
            )  # fmt: skip

        def gate(x: Any, name: str) -> Any:
            y = fluid.layers.pool2d(input=x, pool_type="avg", global_pooling=True)
            y = fluid.layers.fc(input=y, size=4, act="relu", param_attr=ParamAttr(name=name + "_1_weights"),
                                bias_attr=ParamAttr(name=name + "_1_offset"))  # fmt: skip
            y = fluid.layers.fc(input=y, size=x.shape[1], act="hard_sigmoid",
                                param_attr=ParamAttr(name=name + "_2_weights"), bias_attr=False)  # fmt: skip
            return fluid.layers.elementwise_mul(x=x, y=y, axis=0)

        def net_arch(input: Any) -> Any:
            stem = conv_bn(input, channels, 3, 2, "hard_swish", "stem")
            x = conv_bn(stem, channels, kernel, 1, "relu", "dw", groups=channels)
            if gated:
                x = gate(x, "se")
            first, second = fluid.layers.split(fluid.layers.elementwise_add(x=x, y=stem), 2, dim=1)
            x = fluid.layers.concat([first, fluid.layers.relu6(second)], axis=1)
            x = fluid.layers.pool2d(input=x, pool_type="avg", global_pooling=True)
            x = fluid.layers.dropout(x, 0.2)
            return fluid.layers.fc(input=x, size=10, act="softmax", param_attr="fc_weights", bias_attr="fc_offset")

        return net_arch


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    SEARCHSPACE.register(GatedSpace)
    yield
    SEARCHSPACE.unregister("GatedSpace")


class TestGatedSpace(SpaceConformance):
    configs: ClassVar[list[Any]] = ["GatedSpace"]
    input_shape = IMAGE


@pytest.mark.parametrize("tokens", [[0, 0, 0], [1, 1, 1]])
def test_cost_by_hand(tokens: list[int]) -> None:
    c, k = CHANNELS[tokens[0]], (3, 5)[tokens[1]]
    cost = CombinedSpace(["GatedSpace"]).token2arch(tokens).cost(IMAGE)
    gate = 4 * c + 4 * c if tokens[2] else 0
    assert cost.flops == 64 * c * 27 + 64 * c * k * k + gate + 10 * c
    assert cost.params == c * 27 + c * k * k + 4 * c + (gate + 4 if tokens[2] else 0) + 10 * c + 10
    assert cost.output_shape == (10,)


def test_it_is_drawn_and_told_apart() -> None:
    space = CombinedSpace(["GatedSpace"])
    gated, plain = space.token2arch([0, 0, 1]), space.token2arch([0, 0, 0])
    assert "multiply" in gated.table(IMAGE)
    assert "multiply" not in plain.table(IMAGE)
    assert gated.hash(IMAGE) != plain.hash(IMAGE)


def test_a_script_trains_it() -> None:
    sanas = SANAS(["GatedSpace"], save_checkpoint=None, seed=0, constraints={"flops": 1e6}, input_shape=IMAGE)
    rng = np.random.default_rng(0)
    feed = {"image": rng.normal(size=(8, *IMAGE)).astype("float32"), "label": rng.integers(0, 10, (8, 1))}
    try:
        for arch in sanas.next_archs():
            program, startup = fluid.Program(), fluid.Program()
            with fluid.program_guard(program, startup):
                image = fluid.data(name="image", shape=[None, *IMAGE], dtype="float32")
                label = fluid.layers.data(name="label", shape=[1], dtype="int64")
                output = arch(image)
                loss = fluid.layers.mean(fluid.layers.cross_entropy(input=output, label=label))
                accuracy = fluid.layers.accuracy(input=output, label=label)
                fluid.optimizer.Adam(learning_rate=0.01).minimize(loss)
            executor = fluid.Executor(fluid.CPUPlace())
            with fluid.scope_guard(fluid.Scope()):
                executor.run(startup)
                losses = [executor.run(program, feed=feed, fetch_list=[loss, accuracy])[0][0] for _ in range(40)]
            assert losses[-1] < 0.9 * losses[0]
            names = [parameter.name for parameter in program.global_block().all_parameters()]
            assert {"stem_weights", "stem_mean", "fc_offset"} <= set(names)
        assert sanas.reward(-float(losses[-1]))
    finally:
        import paddle

        paddle.disable_static()


def test_twice_in_a_config_has_its_own_parameters() -> None:
    import paddle

    class Stem(GatedSpace):
        def token2arch(self, tokens: Any = None) -> Any:
            return lambda x: fluid.layers.conv2d(x, 4 + tokens[0], 3, param_attr="own", bias_attr=False)

    SEARCHSPACE.register(Stem)
    paddle.enable_static()
    try:
        archs = CombinedSpace(["Stem", "Stem"]).token2arch([0, 0, 0, 1, 0, 0])
        program = paddle.static.Program()
        with paddle.static.program_guard(program, paddle.static.Program()):
            archs(paddle.static.data("image", [None, *IMAGE], "float32"))
        built = {p.name: tuple(p.shape) for p in program.global_block().all_parameters()}
    finally:
        paddle.disable_static()
        SEARCHSPACE.unregister("Stem")
    assert built == {"own": (4, 3, 3, 3), "Stem_2/own": (5, 4, 3, 3)}
    assert archs.cost(IMAGE).params == 4 * 27 + 5 * 36


def test_a_layer_trains_it() -> None:
    import paddle

    layer = CombinedSpace(["GatedSpace"]).token2arch([1, 0, 1])[0].layer(IMAGE)
    image, label = paddle.randn([8, *IMAGE]), paddle.to_tensor(np.arange(8)[:, None])
    adam = paddle.optimizer.Adam(0.01, parameters=layer.parameters())
    losses = []
    for _ in range(40):
        loss = fluid.layers.mean(fluid.layers.cross_entropy(layer(image), label))
        loss.backward()
        adam.step()
        adam.clear_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("other", ["legacy", "dygraph"])
def test_other_modes_train_alike(other: str) -> None:
    """The tests of this file again, in a process with the legacy IR and in one that builds layers."""
    run_again(other, __file__)


def test_unknown_names_say_what_there_is_instead() -> None:
    with pytest.raises(AttributeError, match=r"fluid\.layers has no 'embedding'.*use paddle\.nn\.Embedding"):
        _ = fluid.layers.embedding  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"fluid has no 'nothing': it holds only"):
        _ = fluid.nothing
    with pytest.raises(AttributeError, match=r"fluid\.optimizer has no 'RMSProp'.*today in paddle\.optimizer"):
        _ = fluid.optimizer.RMSProp  # type: ignore[attr-defined]


@pytest.mark.parametrize("named", [True, False])
def test_programs_share_what_has_one_name(named: bool) -> None:
    """Two layers of one name have weights each; a second program finds those of the first by their names."""
    import paddle

    attrs = {"param_attr": "w", "bias_attr": "b"} if named else {"name": "a"}
    fluid.default_main_program()  # static mode from here on
    try:
        executor = fluid.Executor(fluid.CPUPlace())
        outputs = []
        with fluid.scope_guard(fluid.Scope()):
            for build in range(2):
                program, startup = fluid.Program(), fluid.Program()
                with fluid.program_guard(program, startup):
                    x = fluid.layers.data("x", [4])
                    once = fluid.layers.fc(x, 4, **attrs)
                    twice = fluid.layers.fc(once, 4, **attrs)
                if build == 0:
                    executor.run(startup)
                feed = {"x": np.eye(4, dtype="float32")}
                outputs.append(executor.run(program, feed=feed, fetch_list=[once, twice]))
        np.testing.assert_array_equal(outputs[0], outputs[1])
        once, twice = outputs[0]  # the weights, and their product with those of the second layer
        assert np.allclose(once @ once, twice, atol=1e-6) == named
    finally:
        paddle.disable_static()


def test_importing_does_not_import_paddle() -> None:
    code = "import sys; from sanas_spaces import fluid; fluid.ParamAttr(name='a'); assert 'paddle' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
