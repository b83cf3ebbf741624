"""Bottleneck residual blocks (He et al., ResNet, arXiv:1512.03385)."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..registry import SEARCHSPACE
from ..space import BlockSpace, NetworkSpace
from ..taps import Taps
from ..tokens import TokenRow, choice


def projection(x: Any, channels: int, stride: int, *, name: str) -> Any:
    """The shortcut (section 3.3, option B): identity where the shape stays, else a 1x1 convolution."""
    if x.shape[1] == channels and stride == 1:
        return x
    return ops.conv_bn(x, channels, 1, stride=stride, name=name)


def bottleneck(x: Any, widths: tuple[int, int, int], *, stride: int, name: str) -> Any:
    """1x1, 3x3 with the stride, 1x1 (figure 5, right): [N, C, H, W] -> [N, widths[2], H / stride, W / stride]."""
    y = ops.conv_bn(x, widths[0], 1, act="relu", name=f"{name}0")
    y = ops.conv_bn(y, widths[1], 3, stride=stride, act="relu", name=f"{name}1")
    return ops.conv_bn(y, widths[2], 1, name=f"{name}2")


def stage_row(filter_options: tuple[int, ...], repeat_options: tuple[int, ...]) -> type[TokenRow]:
    """The choices of one stage."""

    class Row(TokenRow):
        filters = choice(*filter_options)
        repeats = choice(*repeat_options)

    return Row


@SEARCHSPACE.register
class ResNetSpace(NetworkSpace):
    """ResNet (table 1) with a 5x5 stem and no pooling: four stages of bottlenecks, 4 x filters channels out."""

    layout = (
        ("stage 1", stage_row((48, 64, 96, 128, 160, 192, 224), (2, 3, 4, 5, 6))),
        ("stage 2", stage_row((64, 96, 128, 160, 192, 256, 320), (2, 3, 4, 5, 6, 7))),
        ("stage 3", stage_row((128, 160, 192, 256, 320, 384), (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24))),
        ("stage 4", stage_row((192, 256, 384, 512, 640), (2, 3, 4, 5, 6, 7))),
    )
    initial = (1, 1, 2, 2, 3, 4, 3, 1)

    def network(  # type: ignore[override]
        self, rows: list[Any], input: Any, return_block: Any = None, end_points: Any = None
    ) -> Any:
        """[N, C, H, W] -> [N, 4 * filters, H / 16, W / 16]; see :class:`MobileNetV2Space` for the keywords."""
        taps = Taps(return_block, end_points, overwrite=bool(self.compat))
        x = ops.conv_bn(input, rows[0].filters, 5, stride=2, act="relu", name="resnet_conv0")
        stage = 1
        for block, row in enumerate(rows):
            for i in range(row.repeats):
                stride = 2 if i == 0 and block > 0 else 1
                stage += stride == 2
                taps.record(stage - 1, x)
                if taps.ends_at(stage - 1):
                    return x, taps.found
                name = f"resnet_depth{i}_block{block}"
                out = 4 * row.filters
                y = bottleneck(x, (row.filters, row.filters, out), stride=stride, name=f"{name}_bottleneck_conv")
                x = ops.add(projection(x, out, stride, name=f"{name}_shortcut_conv"), y)
        if not self.compat:
            taps.record(stage, x)
        if taps.ends_at(stage):
            return x, taps.found
        return taps.result(x)


@SEARCHSPACE.register
class ResNetBlockSpace(BlockSpace):
    """Bottlenecks whose 1x1 convolutions repeat.

    ``reduce_repeats`` 1x1 convolutions of ``reduce_channels``, a convolution of ``channels`` with the stride,
    ``expand_repeats`` 1x1 convolutions of ``out_channels``. Without the last ones the middle convolution has
    ``out_channels``, since it is what the shortcut is added to.
    """

    class Row(TokenRow):
        """The choices of one block."""

        reduce_channels = choice(48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 512, 640)
        channels = choice(48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 512, 640)
        out_channels = choice(48, 64, 96, 128, 160, 192, 224, 256, 320, 384, 512, 640)
        kernel = choice(3, 5)
        reduce_repeats = choice(0, 1, 2, 3, 4, 6, 7, 8, 10, 12, 14, 16)
        expand_repeats = choice(0, 1, 2, 3, 4, 6, 7, 8, 10, 12, 14, 16)

    prefix = "resnet"

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        short = projection(x, row.out_channels, stride, name=f"{name}_shortcut")
        middle = row.channels if row.expand_repeats and not self.compat else row.out_channels
        for i in range(row.reduce_repeats):
            x = ops.conv_bn(x, row.reduce_channels, 1, act="relu", name=f"{name}_bottleneck_conv0_{i}")
        x = ops.conv_bn(x, middle, row.kernel, stride=stride, act="relu", name=f"{name}_bottleneck_conv1")
        for i in range(row.expand_repeats):
            x = ops.conv_bn(x, row.out_channels, 1, name=f"{name}_bottleneck_conv2_{i}")
        x = ops.add(short, x, name=f"{name}_bottleneck_add")
        return x, x


@SEARCHSPACE.register
class ResNetBlockSpace2(BlockSpace):
    """The custom space of PaddleSlim's documentation: bottlenecks with three free widths."""

    class Row(TokenRow):
        """The choices of one block: the widths of its three convolutions."""

        reduce_channels = choice(8, 16, 32, 40, 64, 128, 256, 512)
        channels = choice(8, 16, 32, 40, 64, 128, 256, 512)
        out_channels = choice(8, 16, 32, 40, 64, 128, 256, 512)

    prefix = "resnet_layer"
    random_init = False

    def init_tokens(self, rng: Any = None) -> list[int]:
        """All zeros: the narrowest network."""
        return [0] * len(self.table)

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        short = projection(x, row.out_channels, stride, name=f"{name}_shortcut")
        widths = (row.reduce_channels, row.channels, row.out_channels)
        x = ops.add(short, bottleneck(x, widths, stride=stride, name=f"{name}_conv"), name=f"{name}_elementwise_add")
        return x, x
