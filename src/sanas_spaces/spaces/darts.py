"""The network that DARTS found on CIFAR-10, with the width of each cell searched (Liu et al., arXiv:1806.09055)."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import ops
from ..arch import ImageShape
from ..registry import SEARCHSPACE
from ..space import NetworkSpace
from ..tokens import TokenRow, choice

STEM_CHANNELS = 108
AUXILIARY_CELL = 13
REDUCTIONS = (6, 13)


class Cell(TokenRow):
    """Width of one cell."""

    filters = choice(4, 8, 12, 16, 20, 36, 54, 72, 90, 108, 144, 180, 216, 252)


@SEARCHSPACE.register
class DartsSpace(NetworkSpace):
    """Twenty DARTS V2 cells (figures 4 and 5), of which the 7th and the 14th reduce: a classifier for small images."""

    layout = tuple((f"cell {i + 1}", Cell) for i in range(20))
    initial = (5,) * 6 + (7,) * 7 + (10,) * 7

    @property
    def input_shape(self) -> ImageShape:
        return 3, self.input_size or 32, self.input_size or 32

    def network(  # type: ignore[override]
        self,
        rows: list[Any],
        input: Any,
        drop_prob: Any = None,
        drop_path_mask: Any = None,
        is_train: bool = False,
        num_classes: int = 10,
    ) -> Any:
        """[N, C, H, W] -> ``(logits [N, num_classes], auxiliary logits or None)``.

        Args:
            rows: Decoded rows.
            input: Images.
            drop_prob: Probability that a branch was dropped: a number, or a tensor [1].
            drop_path_mask: 0 or 1 per image, cell, node and branch, [N, 20, 4, 2]; None drops nothing.
            is_train: Whether to add the auxiliary classifier after cell 14 and to drop branches.
            num_classes: Number of classes.
        """
        x = _conv_bn(input, STEM_CHANNELS, 3, padding=1, name="cifar10_darts_conv0")
        before, last = x, x
        auxiliary = None
        dropping = is_train and drop_path_mask is not None
        for i, row in enumerate(rows):
            name = f"cifar10_darts_layer{i + 1}"
            drop = partial(ops.drop_path, drop_prob=drop_prob, mask=drop_path_mask, cell=i) if dropping else _keep
            reduce_input = _factorized_reduce if i - 1 in REDUCTIONS else _relu_conv_bn
            s0 = reduce_input(before, row.filters, name=f"{name}/s-2")
            s1 = _relu_conv_bn(last, row.filters, name=f"{name}/s-1")
            cell = reduction_cell if i in REDUCTIONS else normal_cell
            before, last = last, cell(s0, s1, row.filters, drop, name)
            if i == AUXILIARY_CELL and is_train:
                auxiliary = _auxiliary_head(last, num_classes, name=f"cifar10_darts_/l{i}/aux")
        return _classifier(last, num_classes, name="cifar10_darts"), auxiliary


def normal_cell(s0: Any, s1: Any, filters: int, drop: Any, name: str) -> Any:
    """Figure 4: [N, filters, H, W] twice -> [N, 4 * filters, H, W]."""
    prefix = f"{name}_normal_cell_hidden"
    nodes = []
    for node in range(4):
        if node == 0:
            left = drop(_dil_conv(s0, filters, 3, name=f"{prefix}0_0"), node=0, branch=0)
        elif node == 3:
            left = s0
        else:
            left = drop(_sep_conv(s0, filters, 3, name=f"{prefix}{node}_0"), node=node, branch=0)
        right = drop(_sep_conv(s1, filters, 3, name=f"{prefix}{node}_1"), node=node, branch=1)
        nodes.append(ops.add(left, right))
    return ops.concat(nodes, name=f"{name}_normal_cell_concat")


def reduction_cell(s0: Any, s1: Any, filters: int, drop: Any, name: str) -> Any:
    """Figure 5: [N, filters, H, W] twice -> [N, 4 * filters, H / 2, W / 2]."""
    prefix = f"{name}_reduction_cell_hidden"

    def max_pool(x: Any) -> Any:
        return ops.pool2d(x, "max", 3, stride=2, padding=1)

    reduced = _factorized_reduce(s1, filters, name=f"{prefix}0_1")
    r0 = ops.add(drop(max_pool(s0), node=0, branch=0), drop(reduced, node=0, branch=1))
    r1 = ops.add(drop(max_pool(s1), node=1, branch=0), r0)
    r2 = ops.add(r0, drop(_dil_conv(r1, filters, 5, name=f"{prefix}2_1"), node=2, branch=0))
    r3 = ops.add(r0, drop(max_pool(s1), node=3, branch=0))
    return ops.concat([r0, r1, r2, r3], name=f"{name}_reduction_cell_concat")


def _keep(x: Any, node: int, branch: int) -> Any:
    return x


def _conv_bn(x: Any, channels: int, kernel: int, *, padding: int, name: str) -> Any:
    names = {"weights": f"{name}/conv"} | {f"bn_{role}": f"{name}/bn_{role}" for role in _STATISTICS + _AFFINE}
    return ops.conv2d(x, channels, kernel, padding=padding, norm=True, init="uniform_fan_in", name=name, names=names)


def _relu_conv_bn(x: Any, channels: int, *, name: str) -> Any:
    names = {"weights": f"{name}/rcb_conv"} | _norm_names(name, "rcb_bn", "rcb")
    return ops.conv2d(ops.relu(x), channels, 1, padding=0, norm=True, init="uniform_fan_in", name=name, names=names)


def _separable(
    x: Any, channels: int, kernel: int, dilation: int, *, weights: tuple[str, str], norm: tuple[str, str], name: str
) -> Any:
    """ReLU, depthwise convolution, 1x1 convolution, batch normalisation."""
    y = ops.conv2d(
        ops.relu(x),
        x.shape[1],
        kernel,
        padding=dilation * (kernel - 1) // 2,
        dilation=dilation,
        groups=x.shape[1],
        init="uniform_fan_in",
        name=f"{name}/{weights[0]}",
        names={"weights": f"{name}/{weights[0]}"},
    )
    names = {"weights": f"{name}/{weights[1]}"} | _norm_names(name, *norm)
    last = f"{name}/{weights[1]}"
    return ops.conv2d(y, channels, 1, padding=0, norm=True, init="uniform_fan_in", name=last, names=names)


def _sep_conv(x: Any, channels: int, kernel: int, *, name: str) -> Any:
    first = {"weights": ("sep_conv_1_1", "sep_conv_1_2"), "norm": ("sep_conv_bn1", "sep_bn1")}
    second = {"weights": ("sep_conv2_1", "sep_conv2_2"), "norm": ("sep_conv_bn2", "sep_bn2")}
    y = _separable(x, x.shape[1], kernel, 1, name=name, **first)
    return _separable(y, channels, kernel, 1, name=name, **second)


def _dil_conv(x: Any, channels: int, kernel: int, *, name: str) -> Any:
    return _separable(
        x, channels, kernel, 2, weights=("dil_conv1", "dil_conv2"), norm=("dil_conv_bn", "dil_bn"), name=name
    )


def _factorized_reduce(x: Any, channels: int, *, name: str) -> Any:
    """Halve without losing pixels: two 1x1 convolutions of stride 2, the second one pixel further."""
    x = ops.relu(x)
    halves = [
        ops.conv2d(
            source,
            channels // 2,
            1,
            stride=2,
            padding=0,
            init="uniform_fan_in",
            name=f"{name}/fr_conv{i}",
            names={"weights": f"{name}/fr_conv{i}"},
        )
        for i, source in enumerate((x, ops.crop(x, 1, 1)), start=1)
    ]
    return ops.batch_norm(ops.concat(halves), name=f"{name}/fr_bn", names=_norm_names(name, "fr_bn", "fr"))


def _auxiliary_head(x: Any, num_classes: int, *, name: str) -> Any:
    x = ops.pool2d(ops.relu(x), "avg", 5, stride=3, padding=0)
    x = ops.relu(_conv_bn(x, 128, 1, padding=0, name=f"{name}/conv_bn1"))
    x = ops.relu(_conv_bn(x, 768, 2, padding=0, name=f"{name}/conv_bn2"))
    return _classifier(x, num_classes, name=name)


def _classifier(x: Any, num_classes: int, *, name: str) -> Any:
    names = {"weights": f"{name}/fc_weights", "bias": f"{name}/fc_bias"}
    return ops.linear(ops.flatten(ops.global_avg_pool(x)), num_classes, name=f"{name}/fc", names=names)


_AFFINE = ("scale", "offset")
_STATISTICS = ("mean", "variance")


def _norm_names(name: str, affine: str, statistics: str) -> dict[str, str]:
    """PaddleSlim's names here: ``.../sep_conv_bn1/gama`` but ``.../sep_bn1_mean``."""
    return {
        "bn_scale": f"{name}/{affine}/gama",
        "bn_offset": f"{name}/{affine}/beta",
        "bn_mean": f"{name}/{statistics}_mean",
        "bn_variance": f"{name}/{statistics}_variance",
    }
