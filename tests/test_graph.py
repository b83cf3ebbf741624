from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces import NetArch, ops
from sanas_spaces.errors import CostError, GraphError


def net(body: Callable[[Any], Any], channels: int = 4) -> NetArch:
    return NetArch(body, described=True, input_shape=(channels, 8, 8))


def same(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> bool:
    return net(first).hash() == net(second).hash()


def conv(x: Any, channels: int = 4, kernel: int = 3, **settings: Any) -> Any:
    return ops.conv2d(x, channels, kernel, **settings)


def test_names_do_not_count() -> None:
    assert same(lambda x: conv(x, name="a"), lambda x: conv(x, name="b"))


def test_numpy_integers_are_integers() -> None:
    three, eight = np.array([3, 8])
    plain = lambda x: conv(ops.conv_bn(x, 8, 3, stride=1, groups=1), 8, 3)  # noqa: E731
    assert same(
        plain, lambda x: conv(ops.conv_bn(x, eight, three, stride=np.int64(1), groups=np.int64(1)), eight, three)
    )


def test_order_of_an_addition_does_not_count() -> None:
    assert same(lambda x: ops.add(ops.relu(x), conv(x)), lambda x: ops.add(conv(x), ops.relu(x)))


def test_order_of_a_concatenation_counts() -> None:
    assert not same(lambda x: ops.concat([ops.relu(x), x]), lambda x: ops.concat([x, ops.relu(x)]))


def test_fused_and_separate_compare_equal() -> None:
    separate = lambda x: ops.relu(ops.batch_norm(conv(x)))  # noqa: E731
    assert same(separate, lambda x: conv(x, norm=True, act="relu"))
    assert same(separate, lambda x: ops.batch_norm(conv(x), act="relu"))
    assert not same(separate, lambda x: ops.batch_norm(conv(x, act="relu")))


def test_layers_that_lead_nowhere_do_not_count() -> None:
    def with_dead_end(x: Any) -> Any:
        conv(x, 16, name="dead")
        return conv(x, name="live")

    assert same(with_dead_end, conv)
    assert net(with_dead_end).cost() == net(conv).cost()


def test_one_layer_used_twice_is_not_two_layers() -> None:
    def once(x: Any) -> Any:
        y = conv(x)
        return ops.add(y, y)

    assert not same(once, lambda x: ops.add(conv(x, name="a"), conv(x, name="b")))
    shared = lambda x: ops.add(conv(x, name="a"), conv(ops.relu(x), name="a"))  # noqa: E731
    own = lambda x: ops.add(conv(x, name="a"), conv(ops.relu(x), name="b"))  # noqa: E731
    assert not same(shared, own)
    assert net(shared).cost().params * 2 == net(own).cost().params


def test_wiring_of_equal_layers_counts() -> None:
    def fork(which: int) -> Callable[[Any], Any]:
        def body(x: Any) -> Any:
            first, second = conv(x, name="a"), conv(x, name="b")
            third = conv(first if which else second, name="c")
            return ops.concat([ops.add(first, third), ops.relu(second)])

        return body

    assert not same(fork(0), fork(1))


settings = st.fixed_dictionaries(
    {
        "channels": st.sampled_from([4, 8]),
        "kernel": st.sampled_from([1, 3]),
        "stride": st.sampled_from([1, 2]),
        "groups": st.sampled_from([1, 2, 4]),
        "dilation": st.sampled_from([1, 2]),
        "bias": st.booleans(),
        "norm": st.booleans(),
        "act": st.sampled_from([None, "relu", "relu6"]),
    }
)


@given(settings, settings)
def test_hash_is_equal_exactly_for_equal_settings(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert same(lambda x: conv(x, **first), lambda x: conv(x, **second)) == (first == second)


def test_input_channels_count_and_its_size_does_not() -> None:
    body = lambda x: ops.conv_bn(x, 4, 3)  # noqa: E731
    assert net(body, 3).hash() != net(body, 4).hash()
    assert net(body).hash((4, 8, 8)) == net(body).hash((4, 16, 16))


def test_a_node_reads_like_a_variable() -> None:
    def body(x: Any) -> Any:
        assert x.shape == [-1, 4, 8, 8]
        assert x.shape[1] == 4
        return x + ops.relu(x)

    assert net(body).cost().output_shape == (4, 8, 8)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda x: ops.add(x, conv(x, stride=2, name="half")), r"add needs equal shapes.*4, 8, 8.*4, 4, 4"),
        (lambda x: ops.concat([x, conv(x, stride=2)]), "equal heights and widths"),
        (lambda x: conv(x, groups=3, name="odd"), r"layer 'odd': conv2d with groups = 3: 4 input"),
        (lambda x: ops.linear(x, 3), r"vectors \[N, C\], not \[N, 4, 8, 8\]; flatten first"),
        (lambda x: conv(ops.flatten(x)), r"feature map \[N, C, H, W\]"),
        (lambda x: conv(x, 0, name="none"), r"layer 'none': out_channels = 0"),
        (lambda x: conv(x, act="mish"), "unknown activation 'mish'; known are relu"),
        (lambda x: conv(x, kernel=9, padding=0), "kernel 9 and padding 0 does not fit a size of 8"),
        (lambda x: ops.pool2d(x, "median", 3), "mode = 'median': expected 'avg' or 'max'"),  # type: ignore[arg-type]
        (lambda x: ops.crop(x, 8, 0), "cannot crop 8 rows"),
        (lambda x: ops.dropout(x, 1.0), "rate = 1.0: expected 0 <= rate < 1"),
        (lambda x: ops.concat([]), "at least one input"),
        (lambda x: 3, "returns layers.*not int"),
        (lambda x: ops.add(conv(x, 4, name="a"), conv(x, 4, 5, name="a")), "'a_weights' is used with shapes"),
    ],
)
def test_layers_that_do_not_fit_are_named(body: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(GraphError, match=f"(?s){message}"):
        net(body).graph().parameters()


def test_layers_of_two_networks_do_not_mix() -> None:
    stolen: list[Any] = []
    net(lambda x: stolen.append(x) or x).graph()
    with pytest.raises(GraphError, match="belongs to another network"):
        net(lambda x: ops.add(x, stolen[0])).graph()


@pytest.mark.parametrize("shape", [(3, 8), (3, 0, 8), (3, 8, 8.0), "3x8x8", 3])
def test_bad_input_shapes_are_named(shape: Any) -> None:
    with pytest.raises((CostError, TypeError), match=r"input_shape|iterable"):
        net(conv).cost(shape)


def test_cost_of_a_network_computed_by_hand() -> None:
    def body(x: Any) -> Any:
        y = ops.conv2d(x, 8, 3, stride=2, bias=True, norm=True, act="relu", name="a")  # [8, 4, 4]
        z = ops.conv2d(y, 8, 5, groups=8, name="b")  # [8, 4, 4]
        w = ops.pool2d(ops.add(y, z), "max", 2, stride=2, padding=0)  # [8, 2, 2]
        return ops.linear(ops.flatten(w), 10, name="c")

    cost = net(body).cost()
    a, b, c = 8 * 4 * 9, 8 * 25, 32 * 10
    assert cost.flops == a * 16 + b * 16 + c
    assert cost.params == a + 8 + 16 + b + c + 10
    assert cost.buffers == 16
    assert cost.params_with_statistics == cost.params + 16
    assert cost.depth == 3
    assert cost.output_shape == (10,)
    # a, b and their sum have 128 values, pooling and flattening 32, the result 10
    assert cost.activation_bytes == 4 * (3 * 128 + 2 * 32 + 10)
    # image 4 * 64 with a; then y, z and their sum at once: 3 * 128
    assert cost.peak_activation_bytes == 4 * max(256 + 128, 3 * 128)


def test_peak_memory_keeps_a_shortcut_alive() -> None:
    def chain(x: Any) -> Any:
        return ops.relu(ops.relu(ops.relu(x)))

    assert net(chain).cost().peak_activation_bytes == 4 * 2 * 256
    assert net(lambda x: ops.add(chain(x), x)).cost().peak_activation_bytes == 4 * 3 * 256


def test_table_lists_every_layer_and_the_totals() -> None:
    text = net(lambda x: ops.conv_bn(ops.relu(x), 8, 3, stride=2, groups=4, act="relu6", name="dw")).table()
    lines = text.splitlines()
    assert lines[0] == "network on 4x8x8"
    assert "dw" in lines[-3]
    assert "conv 3x3 /2 depthwise bn relu6" in lines[-3]
    assert lines[-3].split()[-3:] == ["8x4x4", "88", "1,152"]
    assert lines[-1].split() == ["total", "depth", "1", "8x4x4", "88", "1,152"]
