"""Small searches to report on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sanas_spaces import SEARCHSPACE, SearchSpaceBase, ops, search
from sanas_spaces.arch import NetArch
from sanas_spaces.searching import SearchResult
from sanas_spaces.tokens import TokenField, TokenTable

SMALL = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
SHAPE = (3, 16, 16)
EVIL = '</script><script>window.owned=1</script><img src=x onerror="window.owned=1"> \' " & $x^$ {{7*7}}'


def one_goal(steps: int = 14, configs: Any = None, **settings: Any) -> SearchResult:
    """A search in which some candidates fail, whose reward follows from the network."""

    def evaluate(candidate: Any) -> float:
        if candidate.number % 6 == 5:
            raise ValueError(EVIL)
        return 1 - 1 / (1 + candidate.cost.params / 1e4)

    settings = {"input_shape": SHAPE, "algorithm": "random", "seed": 0, **settings}
    return search(configs or SMALL, evaluate, steps=steps, **settings)


def two_goals(steps: int = 14, **settings: Any) -> SearchResult:
    """A search for accuracy and speed."""

    def evaluate(candidate: Any) -> dict[str, float]:
        return {
            "accuracy": 1 - 1 / (1 + candidate.cost.params / 1e4),
            "latency_ms": candidate.cost.depth / 4 + candidate.cost.flops / 1e7,
        }

    goals = {"latency_ms": "min", "accuracy": "max"}
    settings = {"input_shape": SHAPE, "algorithm": "random", "seed": 0, **settings}
    return search(SMALL, evaluate, steps=steps, objectives=goals, **settings)


class _Own(SearchSpaceBase):
    """A space with a name, choices and layers that nobody should read as HTML."""

    def init_tokens(self) -> list[int]:
        return [0, 1]

    def range_table(self) -> list[int]:
        return [2, 4]

    @property
    def table(self) -> TokenTable:
        return TokenTable(
            (TokenField(f"kernel {EVIL}", (f"3{EVIL}", 5), False), TokenField("channels", (4, 8, 12, 16), True))
        )

    def token2arch(self, tokens: Any = None) -> NetArch:
        kernel, channels = [3, 5][tokens[0]], 4 * (1 + tokens[1])

        def network(x: Any) -> Any:
            return ops.conv_bn(x, channels, kernel, stride=2, act="relu", name=f"layer {EVIL}_1")

        return NetArch(network, described=True, name=EVIL, tokens=tokens, choices=self.table.decode(tokens))


def evil_space() -> str:
    """Register the space and return its name."""
    name = f"Space{EVIL}"
    if name not in SEARCHSPACE:
        SEARCHSPACE.register(type(name, (_Own,), {}))
    return name


def forget(name: str) -> None:
    """Take a space out of the registry."""
    SEARCHSPACE.unregister(name)


def journal(folder: Path, **settings: Any) -> SearchResult:
    """A search in a folder."""
    return one_goal(folder=folder, **settings)
