"""Inception modules with searched widths (Szegedy et al., Rethinking the Inception Architecture, arXiv:1512.00567)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import ops
from ..registry import SEARCHSPACE
from ..space import BlockSpace
from ..tokens import TokenRow, choice

_FILTERS = (3, 4, 8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 144, 160, 192, 224, 256, 320, 384, 448, 480, 512, 1024)
_POOLS = ("avg", "max")


class _InceptionSpace(BlockSpace):
    """What the two modules share: PaddleSlim 2.6 ignores their ``block_mask``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.compat and self.block_mask is not None:
            self.plan = replace(self.plan, strides=(1,) * len(self.plan.strides))

    def block(self, x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
        x = self.module(x, row, stride, name)
        return x, x

    def module(self, x: Any, row: Any, stride: int, name: str) -> Any:
        """Describe one module; every branch halves the map if ``stride`` is 2."""
        raise NotImplementedError


def pool_and_pointwise(x: Any, row: Any, stride: int, name: str) -> tuple[Any, Any]:
    """The two branches without spatial convolutions: pooling and a 1x1 convolution, and a 1x1 convolution."""
    pooled = ops.pool2d(x, row.pool, row.kernel, name=f"{name}_pool2d")
    return (
        ops.conv_bn(pooled, row.conv1_filters, 1, stride=stride, act="relu", name=f"{name}_conv1"),
        ops.conv_bn(x, row.conv2_filters, 1, stride=stride, act="relu", name=f"{name}_conv2"),
    )


@SEARCHSPACE.register
class InceptionABlockSpace(_InceptionSpace):
    """Modules of four branches (figure 5): pool and 1x1; 1x1; 1x1 and kxk; 1x1, kxk and kxk."""

    class Row(TokenRow):
        """The choices of one module."""

        conv1_filters = choice(*_FILTERS)
        conv2_filters = choice(*_FILTERS)
        conv3_1_filters = choice(*_FILTERS)
        conv3_2_filters = choice(*_FILTERS)
        conv4_1_filters = choice(*_FILTERS)
        conv4_2_filters = choice(*_FILTERS)
        conv4_3_filters = choice(*_FILTERS)
        kernel = choice(3, 5)
        pool = choice(*_POOLS)

    prefix = "inceptionA_"

    def module(self, x: Any, row: Any, stride: int, name: str) -> Any:
        """[N, C, H, W] -> [N, conv1 + conv2 + conv3_2 + conv4_3, H / stride, W / stride]."""
        branch1, branch2 = pool_and_pointwise(x, row, stride, name)
        k = row.kernel
        y = ops.conv_bn(x, row.conv3_1_filters, 1, act="relu", name=f"{name}_conv3_1")
        branch3 = ops.conv_bn(y, row.conv3_2_filters, k, stride=stride, act="relu", name=f"{name}_conv3_2")
        y = ops.conv_bn(x, row.conv4_1_filters, 1, act="relu", name=f"{name}_conv4_1")
        y = ops.conv_bn(y, row.conv4_2_filters, k, act="relu", name=f"{name}_conv4_2")
        branch4 = ops.conv_bn(y, row.conv4_3_filters, k, stride=stride, act="relu", name=f"{name}_conv4_3")
        return ops.concat([branch1, branch2, branch3, branch4], name=f"{name}_concat")


@SEARCHSPACE.register
class InceptionCBlockSpace(_InceptionSpace):
    """Modules of six branches (figure 7 with square kernels, as PaddleSlim has it): the last convolutions fork."""

    class Row(TokenRow):
        """The choices of one module."""

        conv1_filters = choice(*_FILTERS)
        conv2_filters = choice(*_FILTERS)
        conv3_1_filters = choice(*_FILTERS)
        conv3_2_1_filters = choice(*_FILTERS)
        conv3_2_2_filters = choice(*_FILTERS)
        conv4_1_filters = choice(*_FILTERS)
        conv4_2_filters = choice(*_FILTERS)
        conv4_3_1_filters = choice(*_FILTERS)
        conv4_3_2_filters = choice(*_FILTERS)
        kernel = choice(3, 5)
        pool = choice(*_POOLS)

    prefix = "inceptionC_"

    def module(self, x: Any, row: Any, stride: int, name: str) -> Any:
        """[N, C, H, W] -> [N, conv1 + conv2 + conv3_2_* + conv4_3_*, H / stride, W / stride]."""
        k = row.kernel
        branches = [*pool_and_pointwise(x, row, stride, name)]
        y = ops.conv_bn(x, row.conv3_1_filters, 1, act="relu", name=f"{name}_conv3_1")
        for i, filters in enumerate((row.conv3_2_1_filters, row.conv3_2_2_filters), start=1):
            branches.append(ops.conv_bn(y, filters, k, stride=stride, act="relu", name=f"{name}_conv3_2_{i}"))
        y = ops.conv_bn(x, row.conv4_1_filters, 1, act="relu", name=f"{name}_conv4_1")
        y = ops.conv_bn(y, row.conv4_2_filters, k, act="relu", name=f"{name}_conv4_2")
        for i, filters in enumerate((row.conv4_3_1_filters, row.conv4_3_2_filters), start=1):
            branches.append(ops.conv_bn(y, filters, k, stride=stride, act="relu", name=f"{name}_conv4_3_{i}"))
        return ops.concat(branches, name=f"{name}_concat")
