"""Inverted residuals with linear bottlenecks (Sandler et al., MobileNetV2, arXiv:1801.04381)."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..registry import SEARCHSPACE
from ..space import BlockSpace, NetworkSpace, limit_stride, scaled
from ..taps import Taps
from ..tokens import TokenRow, choice

STEM_CHANNELS = 32
LAST_CHANNELS = 1280


def inverted_residual(
    x: Any, expanded: int, channels: int, kernel: int, *, stride: int, shortcut: bool, name: str
) -> tuple[Any, Any]:
    """1x1 expansion, depthwise convolution, linear 1x1 projection (figure 4).

    Maps [N, C, H, W] to [N, channels, H / stride, W / stride]; returns that and the depthwise output
    [N, expanded, H / stride, W / stride].
    """
    y = ops.conv_bn(x, expanded, 1, act="relu6", name=f"{name}_expand")
    depthwise = ops.conv_bn(y, expanded, kernel, stride=stride, groups=expanded, act="relu6", name=f"{name}_dwise")
    y = ops.conv_bn(depthwise, channels, 1, name=f"{name}_linear")
    return (ops.add(x, y) if shortcut else y), depthwise


def inverted_residuals(
    x: Any, in_channels: int, expansion: int, channels: int, repeats: int, kernel: int, *, stride: int, name: str
) -> tuple[Any, Any]:
    """A stage (a row of table 2): the first unit has the stride and no shortcut, the others have both the same shape.

    The first unit expands ``in_channels`` by ``expansion``, the others their own input. Returns the output and the
    last depthwise output.
    """
    for i in range(repeats):
        x, depthwise = inverted_residual(
            x,
            expansion * (channels if i else in_channels),
            channels,
            kernel,
            stride=1 if i else stride,
            shortcut=i > 0,
            name=f"{name}_{i + 1}",
        )
    return x, depthwise


class Head(TokenRow):
    """The stage after the stem: expansion 1, kernel 3, once."""

    channels = choice(3, 4, 8, 12, 16, 24, 32)


def stage_row(*channel_options: int) -> type[TokenRow]:
    """The choices of one stage."""

    class Row(TokenRow):
        expansion = choice(1, 2, 3, 4, 6)
        channels = choice(*channel_options)
        repeats = choice(1, 2, 3, 4, 5, 6)
        kernel = choice(3, 5)

    return Row


@SEARCHSPACE.register
class MobileNetV2Space(NetworkSpace):
    """MobileNetV2 (table 2): stem, seven stages of inverted residuals, a 1x1 convolution, global average pooling."""

    layout = (
        ("stage 1", Head),
        ("stage 2", stage_row(3, 4, 8, 12, 16, 24, 32, 48)),
        ("stage 3", stage_row(8, 12, 16, 24, 32, 48, 64, 80)),
        ("stage 4", stage_row(16, 24, 32, 48, 64, 80, 96, 128)),
        ("stage 5", stage_row(24, 32, 48, 64, 80, 96, 128, 144, 160, 192)),
        ("stage 6", stage_row(32, 48, 64, 80, 96, 128, 144, 160, 192, 224)),
        ("stage 7", stage_row(64, 80, 96, 128, 144, 160, 192, 224, 256, 320, 384, 512)),
    )
    initial = (4, 4, 5, 1, 0, 4, 4, 2, 0, 4, 4, 3, 0, 4, 5, 2, 0, 4, 7, 2, 0, 4, 9, 0, 0)

    def network(  # type: ignore[override]
        self,
        rows: list[Any],
        input: Any,
        scale: float = 1.0,
        return_block: Any = None,
        end_points: Any = None,
        output_stride: int | None = None,
    ) -> Any:
        """[N, C, H, W] -> [N, 1280, 1, 1].

        Args:
            rows: Decoded rows.
            input: Images or a feature map.
            scale: Width multiplier of all channels; the last convolution grows and never shrinks.
            return_block: Numbers of the stages whose last feature map is put into ``taps``: stage 1 ends before the
                second halving, and so on; the result is then ``(feature, taps)``.
            end_points: Number of the stage after which to stop and return ``(feature, taps)``.
            output_stride: Even number; halvings beyond it keep the size instead.
        """
        strides = limit_stride([1, 2, 2, 2, 1, 2, 1], output_stride)
        taps = Taps(return_block, end_points, overwrite=bool(self.compat))
        in_channels = scaled(STEM_CHANNELS, scale)
        x = tap = ops.conv_bn(input, in_channels, 3, stride=2, act="relu6", name="mobilenetv2_conv1")
        stage = 1
        for i, (row, stride) in enumerate(zip(rows, strides, strict=True)):
            stage += stride == 2
            taps.record(stage - 1, tap)
            if taps.ends_at(stage - 1):
                return x, taps.found
            channels = scaled(row.channels, scale)
            expansion, repeats, kernel = (1, 1, 3) if i == 0 else (row.expansion, row.repeats, row.kernel)
            x, tap = inverted_residuals(
                x, in_channels, expansion, channels, repeats, kernel, stride=stride, name=f"mobilenetv2_conv{i}"
            )
            in_channels = channels
        taps.record(stage, tap)
        if taps.ends_at(stage):
            return x, taps.found
        x = ops.conv_bn(x, max(LAST_CHANNELS, scaled(LAST_CHANNELS, scale)), 1, act="relu6", name="mobilenetv2_conv7")
        return taps.result(ops.global_avg_pool(x, name="mobilenetv2_last_pool"))


@SEARCHSPACE.register
class MobileNetV2BlockSpace(BlockSpace):
    """Stages of inverted residuals.

    The first block expands 32 channels whatever its input has, as PaddleSlim's does: 32 is what the stem of
    MobileNetV2 gives.

    Args:
        scale: Width multiplier of all channels.
    """

    class Row(TokenRow):
        """The choices of one stage."""

        expansion = choice(1, 2, 3, 4, 5, 6)
        channels = choice(3, 4, 8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 144, 160, 192, 224, 256, 320, 384, 512)
        repeats = choice(1, 2, 3, 4, 5, 6)
        kernel = choice(3, 5)

    prefix = "mobilenetv2_"
    records_last = True

    def __init__(self, *args: Any, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = scale

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        in_channels = scaled(STEM_CHANNELS, self.scale) if name == self.block_name(0) else x.shape[1]
        return inverted_residuals(
            x,
            in_channels,
            row.expansion,
            scaled(row.channels, self.scale),
            row.repeats,
            row.kernel,
            stride=stride,
            name=name,
        )
