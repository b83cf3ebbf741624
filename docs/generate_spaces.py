"""Write docs/spaces.md from the registry: python docs/generate_spaces.py."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace

PAGE = Path(__file__).with_name("spaces.md")
COMMAND = "python docs/generate_spaces.py"

INPUT_SHAPE = (3, 32, 32)
MASK = [1, 0]
DRAWS = 200

SHAPE = "x".join(map(str, INPUT_SHAPE))

INTRODUCTION = f"""\
<!-- Written by `{COMMAND}`; change that file instead of this one. -->

# Search spaces

A token is the index of an option in a list of choices, so `0` picks the first option. Spaces of whole networks have a
fixed number of tokens and fixed initial tokens. Block spaces have one row of tokens per block; how many blocks there
are and which of them halve the feature map comes from the [config](configs.md). Their initial tokens are drawn at
random, except those of `ResNetBlockSpace2`, which are all 0.

Costs here are for one image of {SHAPE}; block spaces are measured with `block_mask={MASK}`. "First options" is the
network of all tokens 0, "last options" the one where every token is as large as it can be. "Random" is the range that
holds nine of ten networks out of {DRAWS} drawn with a fixed seed. FLOPs are multiply-adds; see [costs](cost.md).
"""


def render() -> str:
    """The whole page."""
    names = sorted(name for name in SEARCHSPACE if SEARCHSPACE.get(name).__module__.startswith("sanas_spaces."))
    lines = [INTRODUCTION, "| space | tokens | networks | FLOPs of random networks |", "|---|---:|---:|---:|"]
    sections = []
    for name in names:
        space = space_of(name)
        flops = random_costs(space)
        blocks = is_block(name)
        count = f"{len(space.table) // len(MASK)} a block" if blocks else str(len(space.table))
        size = CombinedSpace([(name, {"block_mask": [0]})]).table.size if blocks else space.table.size
        networks = f"{short(size)} a block" if blocks else short(size)
        lines.append(f"| [`{name}`](#{name.lower()}) | {count} | {networks} | {flops} |")
        sections.append(section(name, space, flops))
    return "\n".join([*lines, ""]) + "\n" + "\n".join(sections)


def section(name: str, space: CombinedSpace, random_flops: str) -> str:
    """What there is to know about one space."""
    cls: Any = SEARCHSPACE.get(name)
    lines = [f"## {name}", "", description(cls), ""]
    if is_block(name):
        lines += ["Tokens of one block:", "", *choice_table(CombinedSpace([(name, {"block_mask": [0]})]), block=True)]
    else:
        initial = ", ".join(map(str, space.init_tokens()))
        lines += [*choice_table(space, block=False), "", f"Initial tokens: `[{initial}]`."]
    lines += ["", "| network | FLOPs | parameters | output |", "|---|---:|---:|---|"]
    for label, tokens in networks(name, space):
        cost = space.token2arch(tokens).cost(INPUT_SHAPE)
        shape = "x".join(map(str, cost.output_shape))
        lines.append(f"| {label} | {cost.flops:,} | {cost.params:,} | {shape} |")
    lines += [f"| random | {random_flops} | | |", ""]
    parameters = space.token2arch([0] * len(space.table)).network.graph(INPUT_SHAPE).parameters()
    lines += [f"The first parameter is called `{parameters[0].name}`.", ""]
    return "\n".join(lines)


def description(cls: Any) -> str:
    """The docstring of a space without its arguments."""
    text = (cls.__doc__ or "").partition("Args:")[0].replace("``", "`")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def choice_table(space: CombinedSpace, *, block: bool) -> list[str]:
    """A row per token; neighbours with equal options share one."""
    rows = ["| token | choice | options |", "|---:|---|---|"]
    fields = list(enumerate(space.table.fields))
    for options, group in groupby(fields, lambda pair: pair[1].options):
        run = list(group)
        labels = [field.label.removeprefix("block 1 ") if block else field.label for _, field in run]
        first, last = run[0][0], run[-1][0]
        tokens = str(first) if first == last else f"{first} to {last}"
        named = ", ".join(labels) if len(labels) < 10 else f"{labels[0]} to {labels[-1]}"
        rows.append(f"| {tokens} | {named} | {', '.join(map(str, options))} |")
    return rows


def networks(name: str, space: CombinedSpace) -> list[tuple[str, list[int]]]:
    """The networks whose cost is shown."""
    first = ("first options", [0] * len(space.table))
    last = ("last options", [count - 1 for count in space.range_table()])
    return [first, last] if is_block(name) else [("initial tokens", space.init_tokens()), first, last]


def random_costs(space: CombinedSpace) -> str:
    """FLOPs of nine of ten random networks."""
    rng = np.random.default_rng(0)
    flops = sorted(space.token2arch(space.table.random(rng)).cost(INPUT_SHAPE).flops for _ in range(DRAWS))
    return f"{short(flops[DRAWS // 20])} to {short(flops[-DRAWS // 20])}"


def space_of(name: str) -> CombinedSpace:
    """The space, with two blocks if it needs to be told."""
    return CombinedSpace([(name, {"block_mask": MASK} if is_block(name) else {})])


def is_block(name: str) -> bool:
    """Whether the config decides the number of blocks."""
    return issubclass(SEARCHSPACE.get(name), BlockSpace)


def short(number: float) -> str:
    """Three digits: 2.06M, 1.1e23."""
    if number >= 1e12:
        return f"{number:.1e}".replace("e+", "e")
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
