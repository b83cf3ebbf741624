"""Depthwise separable convolutions (Howard et al., MobileNets, arXiv:1704.04861)."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..registry import SEARCHSPACE
from ..space import BlockSpace, NetworkSpace, limit_stride, scaled
from ..taps import Taps
from ..tokens import TokenRow, choice

_F1 = (3, 4, 8, 12, 16, 24, 32, 48)
_F2 = (8, 12, 16, 24, 32, 48, 64, 80)
_F3 = (16, 24, 32, 48, 64, 80, 96, 128, 144, 160)
_F4 = (24, 32, 48, 64, 80, 96, 128, 144, 160, 192)
_F5 = (32, 48, 64, 80, 96, 128, 144, 160, 192, 224, 256, 320)
_F6 = (64, 80, 96, 128, 144, 160, 192, 224, 256, 320, 384)
_F7 = (64, 80, 96, 128, 144, 160, 192, 224, 256, 320, 384, 512, 1024, 1048)
_F8 = (128, 144, 160, 192, 224, 256, 320, 384, 512, 576, 640, 704, 768)
_F9 = (160, 192, 224, 256, 320, 384, 512, 640, 768, 832, 1024, 1048)
_CHANNELS = (
    3,
    4,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    80,
    96,
    128,
    144,
    160,
    192,
    224,
    256,
    320,
    384,
    512,
    576,
    640,
    768,
    1024,
    1048,
)


class Stem(TokenRow):
    """The first convolution."""

    channels = choice(3, 4, 8, 12, 16, 24, 32)


class Repeats(TokenRow):
    """How often the block after it stands."""

    repeats = choice(1, 2, 3, 4, 5, 6)


def separable_row(depthwise: tuple[int, ...], pointwise: tuple[int, ...]) -> type[TokenRow]:
    """The choices of one depthwise separable block."""

    class Row(TokenRow):
        depthwise_channels = choice(*depthwise)
        channels = choice(*pointwise)
        kernel = choice(3, 5)

    return Row


def depthwise_separable(
    x: Any, depthwise_channels: int, channels: int, kernel: int, *, stride: int, act: str | None, name: str
) -> Any:
    """Depthwise convolution, then 1x1 convolution (section 3.1): [N, C, H, W] -> [N, channels, H / stride, W / stride].

    The depthwise width is ``depthwise_channels`` rounded down to a multiple of the input channels, and at least
    those, since each input channel has the same number of filters.
    """
    groups = x.shape[1]
    width = max(depthwise_channels - depthwise_channels % groups, groups)
    x = ops.conv_bn(x, width, kernel, stride=stride, groups=groups, act=act, name=f"{name}_dw")
    return ops.conv_bn(x, channels, 1, act=act, name=f"{name}_sep")


@SEARCHSPACE.register
class MobileNetV1Space(NetworkSpace):
    """MobileNet V1 (table 1): stem, nine or more depthwise separable blocks, global average pooling."""

    layout = (
        ("stem", Stem),
        ("block 1", separable_row(_F1, _F2)),
        ("block 2", separable_row(_F2, _F3)),
        ("block 3", separable_row(_F3, _F4)),
        ("block 4", separable_row(_F4, _F5)),
        ("block 5", separable_row(_F5, _F6)),
        ("block 6", separable_row(_F6, _F7)),
        ("block 7", Repeats),
        ("block 7", separable_row(_F7, _F8)),
        ("block 8", separable_row(_F8, _F9)),
        ("block 9", separable_row(_F9, _F9)),
    )
    initial = (6, 6, 6, 0, 6, 7, 0, 7, 6, 0, 6, 10, 0, 10, 8, 0, 8, 11, 0, 4, 11, 8, 0, 8, 10, 0, 10, 10, 0)

    def network(  # type: ignore[override]
        self,
        rows: list[Any],
        input: Any,
        scale: float = 1.0,
        return_block: Any = None,
        end_points: Any = None,
        output_stride: int | None = None,
    ) -> Any:
        """[N, C, H, W] -> [N, channels, 1, 1]; see :class:`MobileNetV2Space` for the keywords."""
        stem, *blocks = rows
        first, (repeat, repeated), last = blocks[:6], blocks[6:8], blocks[8:]
        stack = [*first, *[repeated] * repeat.repeats, *last]
        strides = limit_stride([1, 2, 1, 2, 1, 2, *[1] * repeat.repeats, 2, 1], output_stride)
        act = None if self.compat else "relu"
        taps = Taps(return_block, end_points, overwrite=bool(self.compat))
        x = ops.conv_bn(input, stem.channels, 3, stride=2, act=act, name="mobilenetv1_conv1")
        stage = 1
        for i, (row, stride) in enumerate(zip(stack, strides, strict=True)):
            stage += stride == 2
            taps.record(stage - 1, x)
            if taps.ends_at(stage - 1):
                return x, taps.found
            x = depthwise_separable(
                x,
                scaled(row.depthwise_channels, scale),
                scaled(row.channels, scale),
                row.kernel,
                stride=stride,
                act=act,
                name=f"mobilenetv1_{i + 1}",
            )
        if not self.compat:
            taps.record(stage, x)
        if taps.ends_at(stage):
            return x, taps.found
        return taps.result(ops.global_avg_pool(x, name="mobilenetv1_last_pool"))


@SEARCHSPACE.register
class MobileNetV1BlockSpace(BlockSpace):
    """Depthwise separable blocks.

    Args:
        scale: Width multiplier of all channels.
    """

    Row = separable_row(_CHANNELS, _CHANNELS)
    prefix = "mobilenetv1_"

    def __init__(self, *args: Any, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = scale

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        x = depthwise_separable(
            x,
            scaled(row.depthwise_channels, self.scale),
            scaled(row.channels, self.scale),
            row.kernel,
            stride=stride,
            act=None if self.compat else "relu",
            name=name,
        )
        return x, x
