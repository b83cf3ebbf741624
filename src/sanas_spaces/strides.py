"""Which blocks of a block space halve the feature map, and which token row each block reads."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from .errors import ConfigError, SanasWarning


@dataclass(frozen=True)
class StridePlan:
    """The schedule of a block space.

    Attributes:
        strides: Stride of each block, 1 or 2.
        rows: Index of the token row that each block reads.
    """

    strides: tuple[int, ...]
    rows: tuple[int, ...]


def from_mask(block_mask: list[int]) -> StridePlan:
    """One block per entry; 1 halves the feature map."""
    return StridePlan(tuple(2 if bit else 1 for bit in block_mask), tuple(range(len(block_mask))))


def from_sizes(input_size: int, output_size: int, block_num: int, *, reuse_rows: bool = False) -> StridePlan:
    """``block_num`` blocks that bring a map of ``input_size`` down to ``output_size`` pixels by halving.

    Halvings are spread evenly: each stage starts with its stride-2 block, and the blocks left over go to the
    last stages. An ``output_size`` that halving cannot reach gives the nearest size that it can, and a warning.

    Args:
        input_size: Height and width of the input feature map.
        output_size: Height and width wanted after the last block.
        block_num: Number of blocks.
        reuse_rows: Read token rows in the order of PaddleSlim 2.6, which reads some twice and others never.

    Raises:
        ConfigError: Growing instead of shrinking, or more halvings than blocks; the message lists what can be reached.
    """
    sizes = reachable_sizes(input_size)
    if output_size > input_size:
        raise ConfigError(
            f"output_size = {output_size} is larger than input_size = {input_size}; "
            f"{_reachable(sizes[: block_num + 1], block_num)}"
        )
    nearest = min(sizes, key=lambda size: (abs(size - output_size), -size))
    halvings = sizes.index(nearest)
    if halvings > block_num:
        raise ConfigError(
            f"output_size = {output_size} needs {halvings} halvings of input_size = {input_size}, more than "
            f"block_num = {block_num}; {_reachable(sizes[: block_num + 1], block_num)}"
        )
    if nearest != output_size:
        warnings.warn(
            f"output_size will be {nearest}, not {output_size}: halving {input_size} gives "
            f"{', '.join(map(str, sizes[: halvings + 2]))}",
            SanasWarning,
            stacklevel=2,
        )
    return _spread(halvings, block_num, reuse_rows)


def reachable_sizes(input_size: int) -> list[int]:
    """Sizes that repeated halving (rounding up, as SAME padding does) can reach, largest first."""
    sizes = [input_size]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def _spread(halvings: int, block_num: int, reuse_rows: bool) -> StridePlan:
    if halvings == 0:
        return StridePlan((1,) * block_num, tuple(range(block_num)))
    per_stage, left_over = divmod(block_num, halvings)
    strides: list[int] = []
    reused: list[int] = []
    for stage in range(halvings):
        extra = halvings - stage <= left_over
        strides += [2] + [1] * (per_stage - 1 + extra)
        reused += [stage] + [k * halvings + stage for k in range(per_stage - 1)]
        reused += [(per_stage - 1) * halvings + stage] * extra
    return StridePlan(tuple(strides), tuple(reused) if reuse_rows else tuple(range(block_num)))


def _reachable(sizes: list[int], block_num: int) -> str:
    return f"with {block_num} blocks it can become {', '.join(map(str, sizes))}"
