"""Write docs/spaces.md, its Chinese page and their drawings from the registry: python docs/generate_spaces.py."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from sanas_spaces import SEARCHSPACE, BlockSpace, CombinedSpace

PAGES = {"en": Path(__file__).with_name("spaces.md"), "zh": Path(__file__).with_name("spaces.zh-CN.md")}
COMMAND = "python docs/generate_spaces.py"
IMAGES = Path(__file__).with_name("images")

INPUT_SHAPE = (3, 32, 32)
MASK = [1, 0]
DRAWS = 200

SHAPE = "x".join(map(str, INPUT_SHAPE))

INTRODUCTIONS = {
    "en": f"""\
<!-- Written by `{COMMAND}`; change that file instead of this one. -->

# Search spaces

[中文](spaces.zh-CN.md)

A token is the index of an option in a list of choices, so `0` picks the first option. Spaces of whole networks have a
fixed number of tokens and fixed initial tokens. Block spaces have one row of tokens per block; how many blocks there
are and which of them halve the feature map comes from the [config](configs.md). Their initial tokens are drawn at
random, except those of `ResNetBlockSpace2`, which are all 0.

Costs here are for one image of {SHAPE}; block spaces are measured with `block_mask={MASK}`. "First options" is the
network of all tokens 0, "last options" the one where every token is as large as it can be. "Random" is the range that
holds nine of ten networks out of {DRAWS} drawn with a fixed seed. FLOPs are multiply-adds; see [costs](cost.md). The
drawings show the first network of each table.
""",
    "zh": f"""\
<!-- 由 `{COMMAND}` 生成；请修改那个文件，而不是这一个。 -->

# 搜索空间

[English](spaces.md)

一个 token 是选项列表中的序号，`0` 表示第一个选项。完整网络的空间有固定数量的 tokens 和固定的初始 tokens。\
block 空间的每个 block 有一行 tokens；有多少个 block、哪些把特征图缩小一半，由[配置](configs.zh-CN.md)决定。\
它们的初始 tokens 随机抽取，只有 `ResNetBlockSpace2` 的全部为 0。

这里的成本针对一张 {SHAPE} 的图像；block 空间用 `block_mask={MASK}` 测量。“首选项”是所有 tokens 为 0 的网络，\
“末选项”是每个 token 都取最大值的网络。“随机”是用固定种子抽取的 {DRAWS} 个网络中十分之九所在的范围。\
FLOPs 是乘加次数，见[成本](cost.zh-CN.md)。画出的是每个表中的第一个网络。\
表中选择的名字与命令和记录中显示的相同，因此不翻译。
""",
}

# What else stands in the pages. A space whose description is missing here is an error.
CHINESE = {
    "space": "空间",
    "tokens": "tokens",
    "token": "token",
    "networks": "网络数",
    "FLOPs of random networks": "随机网络的 FLOPs",
    "{} a block": "每个 block {}",
    "{} to {}": "{} 至 {}",
    "choice": "选择",
    "options": "选项",
    "Tokens of one block:": "一个 block 的 tokens：",
    "Initial tokens: `[{}]`.": "初始 tokens：`[{}]`。",
    "network": "网络",
    "parameters": "参数量",
    "output": "输出",
    "initial tokens": "初始 tokens",
    "first options": "首选项",
    "last options": "末选项",
    "random": "随机",
    "The first parameter is called `{}`.": "第一个参数名为 `{}`。",
    "Twenty DARTS V2 cells (figures 4 and 5), of which the 7th and the 14th reduce: a classifier for small images.": (
        "二十个 DARTS V2 cell（图 4 和图 5），其中第 7 个和第 14 个缩小特征图：用于小图像的分类器。"
    ),
    "Modules of four branches (figure 5): pool and 1x1; 1x1; 1x1 and kxk; 1x1, kxk and kxk.": (
        "四个分支的模块（图 5）：池化和 1x1；1x1；1x1 和 kxk；1x1、kxk 和 kxk。"
    ),
    "Modules of six branches (figure 7 with square kernels, as PaddleSlim has it): the last convolutions fork.": (
        "六个分支的模块（图 7，与 PaddleSlim 一样使用方形卷积核）：最后的卷积分叉。"
    ),
    "Depthwise separable blocks.": "深度可分离卷积 block。",
    "MobileNet V1 (table 1): stem, nine or more depthwise separable blocks, global average pooling.": (
        "MobileNet V1（表 1）：stem，九个或更多深度可分离卷积 block，全局平均池化。"
    ),
    "Stages of inverted residuals.": "由倒残差组成的阶段。",
    "The first block expands 32 channels whatever its input has, as PaddleSlim's does: 32 is what the stem of "
    "MobileNetV2 gives.": (
        "与 PaddleSlim 一样，不论输入有多少通道，第一个 block 都扩展 32 个通道："
        "32 是 MobileNetV2 的 stem 的输出通道数。"
    ),
    "MobileNetV2 (table 2): stem, seven stages of inverted residuals, a 1x1 convolution, global average pooling.": (
        "MobileNetV2（表 2）：stem，七个由倒残差组成的阶段，一个 1x1 卷积，全局平均池化。"
    ),
    "Bottlenecks whose 1x1 convolutions repeat.": "1x1 卷积可以重复的 bottleneck。",
    "`reduce_repeats` 1x1 convolutions of `reduce_channels`, a convolution of `channels` with the stride, "
    "`expand_repeats` 1x1 convolutions of `out_channels`. Without the last ones the middle convolution has "
    "`out_channels`, since it is what the shortcut is added to.": (
        "`reduce_repeats` 个宽度为 `reduce_channels` 的 1x1 卷积，一个宽度为 `channels`、带步长的卷积，"
        "`expand_repeats` 个宽度为 `out_channels` 的 1x1 卷积。"
        "没有最后这些卷积时，中间卷积的宽度为 `out_channels`，因为 shortcut 要加到它上面。"
    ),
    "The custom space of PaddleSlim's documentation: bottlenecks with three free widths.": (
        "PaddleSlim 文档中的自定义空间：三个宽度可自由选择的 bottleneck。"
    ),
    "ResNet (table 1) with a 5x5 stem and no pooling: four stages of bottlenecks, 4 x filters channels out.": (
        "ResNet（表 1），stem 为 5x5，没有池化：四个由 bottleneck 组成的阶段，输出通道数为 4 x filters。"
    ),
}


def render(language: str) -> str:
    """The whole page."""
    names = own_names()
    heading = row(language, "space", "tokens", "networks", "FLOPs of random networks")
    lines = [INTRODUCTIONS[language], heading, "|---|---:|---:|---:|"]
    for name in names:
        space = space_of(name)
        count, size = str(len(space.table)), short(space.table.size)
        if is_block(name):
            single = single_block(name).table
            count, size = (say(language, "{} a block", part) for part in (str(len(single)), short(single.size)))
        lines.append(f"| [`{name}`](#{name.lower()}) | {count} | {size} | {random_costs(name, language)} |")
    return "\n".join([*lines, ""]) + "\n" + "\n".join(section(name, language) for name in names)


def own_names() -> list[str]:
    """The spaces of this library."""
    return sorted(name for name in SEARCHSPACE if SEARCHSPACE.get(name).__module__.startswith("sanas_spaces."))


def drawings() -> dict[Path, str]:
    """A drawing of the first network of each space, by its file."""
    found = {}
    for name in own_names():
        space = space_of(name)
        _, tokens = networks(name, space)[0]
        found[picture(name)] = space.token2arch(tokens).draw(INPUT_SHAPE).svg
    return found


def picture(name: str) -> Path:
    """The file of a drawing."""
    return IMAGES / f"space-{name}.svg"


def section(name: str, language: str) -> str:
    """What there is to know about one space."""
    space = space_of(name)
    lines = [f"## {name}", "", description(SEARCHSPACE.get(name), language), ""]
    if is_block(name):
        lines += [say(language, "Tokens of one block:"), "", *choice_table(single_block(name), language, block=True)]
    else:
        initial = ", ".join(map(str, space.init_tokens()))
        lines += [*choice_table(space, language, block=False), "", say(language, "Initial tokens: `[{}]`.", initial)]
    lines += ["", row(language, "network", "FLOPs", "parameters", "output"), "|---|---:|---:|---|"]
    for label, tokens in networks(name, space):
        cost = space.token2arch(tokens).cost(INPUT_SHAPE)
        shape = "x".join(map(str, cost.output_shape))
        lines.append(f"| {say(language, label)} | {cost.flops:,} | {cost.params:,} | {shape} |")
    lines += [f"| {say(language, 'random')} | {random_costs(name, language)} | | |", ""]
    parameters = space.token2arch([0] * len(space.table)).network.graph(INPUT_SHAPE).parameters()
    lines += [say(language, "The first parameter is called `{}`.", parameters[0].name), ""]
    label = say(language, networks(name, space)[0][0])
    lines += [f"![{name}: {label}](images/{picture(name).name})", ""]
    return "\n".join(lines)


def say(language: str, text: str, *values: str) -> str:
    """A text of the page in its language, with values for the braces."""
    return (text if language == "en" or text == "FLOPs" else CHINESE[text]).format(*values)


def row(language: str, *headings: str) -> str:
    """The head of a table."""
    return f"| {' | '.join(say(language, heading) for heading in headings)} |"


def description(cls: Any, language: str) -> str:
    """The docstring of a space without its arguments."""
    text = (cls.__doc__ or "").partition("Args:")[0].replace("``", "`")
    return "\n\n".join(say(language, " ".join(part.split())) for part in text.split("\n\n") if part.strip())


def choice_table(space: CombinedSpace, language: str, *, block: bool) -> list[str]:
    """A row per token; neighbours with equal options share one."""
    rows = [row(language, "token", "choice", "options"), "|---:|---|---|"]
    fields = list(enumerate(space.table.fields))
    for options, group in groupby(fields, lambda pair: pair[1].options):
        run = list(group)
        labels = [field.label.removeprefix("block 1 ") if block else field.label for _, field in run]
        first, last = run[0][0], run[-1][0]
        tokens = str(first) if first == last else say(language, "{} to {}", str(first), str(last))
        named = ", ".join(labels) if len(labels) < 10 else say(language, "{} to {}", labels[0], labels[-1])
        rows.append(f"| {tokens} | {named} | {', '.join(map(str, options))} |")
    return rows


def networks(name: str, space: CombinedSpace) -> list[tuple[str, list[int]]]:
    """The networks whose cost is shown."""
    first = ("first options", [0] * len(space.table))
    last = ("last options", [count - 1 for count in space.range_table()])
    return [first, last] if is_block(name) else [("initial tokens", space.init_tokens()), first, last]


def random_costs(name: str, language: str) -> str:
    """FLOPs of nine of ten random networks."""
    flops = random_flops(name)
    return say(language, "{} to {}", short(flops[DRAWS // 20]), short(flops[-DRAWS // 20]))


@cache
def random_flops(name: str) -> list[int]:
    """FLOPs of random networks, in order."""
    space, rng = space_of(name), np.random.default_rng(0)
    return sorted(space.token2arch(space.table.random(rng)).cost(INPUT_SHAPE).flops for _ in range(DRAWS))


@cache
def space_of(name: str) -> CombinedSpace:
    """The space, with two blocks if it needs to be told."""
    return CombinedSpace([(name, {"block_mask": MASK} if is_block(name) else {})])


@cache
def single_block(name: str) -> CombinedSpace:
    """A block space of one block."""
    return CombinedSpace([(name, {"block_mask": [0]})])


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
    for language, page in PAGES.items():
        page.write_text(render(language), encoding="utf-8")
    for file, svg in drawings().items():
        file.write_text(svg, encoding="utf-8")
