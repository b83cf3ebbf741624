"""Two networks, or two runs, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..arch import ArchList, ImageShape, NetArch
from ..blocks import fold
from ..combine import CombinedSpace
from ..errors import ConfigError
from ..searching import SearchResult, read_result
from ..searching.reading import RecordedSpace
from .story import Story, tell
from .words import figure

_RECORDS = (".journal", ".db", ".sqlite", ".sqlite3")
_BYTES = ("peak_activation_bytes", "activation_bytes")


class Line(NamedTuple):
    """One figure of two things.

    Attributes:
        label: What it is.
        values: Its two values, None where there is none.
        words: The same as they are written.
    """

    label: str
    values: tuple[Any, Any]
    words: tuple[str, str]

    @property
    def differs(self) -> bool:
        """Whether the two are not the same."""
        return bool(self.values[0] != self.values[1])

    @property
    def ratio(self) -> float | None:
        """The second value, as a multiple of the first one; None if they are no positive numbers."""
        numbers = [v for v in self.values if isinstance(v, int | float) and not isinstance(v, bool) and v > 0]
        return numbers[1] / numbers[0] if len(numbers) == 2 else None


@dataclass
class Named:
    """A network or a run, and what people call it."""

    name: str
    network: NetArch | None = None
    result: SearchResult | None = None

    @property
    def is_run(self) -> bool:
        """Whether it is a run."""
        return self.result is not None


def read_named(text: str, configs: Sequence[Any] = (), study: str | None = None) -> Named:
    """What somebody names: a run, or a network.

    Args:
        text: Folder, record or database of a run; an architecture file or a ``best.json``; or tokens of ``configs``.
        configs: Search spaces that tokens are of.
        study: Name of the search in a database.

    Raises:
        ConfigError: It is none of these.
    """
    path = Path(text)
    if path.is_dir() or path.suffix in _RECORDS or "://" in text:
        return Named(text.rstrip("/"), result=read_result(text, *([study] if study else [])))
    if path.suffix == ".json" or path.is_file():
        return Named(text, network=_from_json(path))
    try:
        tokens = [int(token) for token in text.strip("[] ").replace(",", " ").split()]
    except ValueError:
        tokens = []
    if not tokens:
        raise ConfigError(f"{text!r}: expected a run folder, a record, an architecture file, best.json or tokens")
    if not configs:
        raise ConfigError(f"tokens {text!r}: tell their search space with --space")
    return Named(",".join(map(str, tokens)), network=CombinedSpace(list(configs)).token2arch(tokens).network)


def network_of(named: Named) -> NetArch:
    """The network, of a run the best one.

    Raises:
        SanasError: The run has none, or its space is not registered here.
    """
    if named.network is not None:
        return named.network
    if named.result is None:
        raise ConfigError(f"{named.name}: there is no network")
    if isinstance(named.result.space, RecordedSpace):
        raise named.result.space.reason
    archs = named.result.best.archs
    if not isinstance(archs, ArchList):
        raise ConfigError(f"{named.name}: its networks are rows of a table, which cannot be compared layer by layer")
    archs.network.input_shape = named.result.engine.input_shape
    return archs.network


def compare_networks(a: NetArch, b: NetArch, shape: ImageShape | None = None) -> dict[str, list[Line]]:
    """Figures, stages and choices of two networks.

    Raises:
        CostError: One of them calls Paddle itself and has no description.
    """
    both = (a, b)
    shapes = [shape or arch.input_shape for arch in both]
    graphs = [arch.graph(one) for arch, one in zip(both, shapes, strict=True)]
    costs = [arch.cost(one) for arch, one in zip(both, shapes, strict=True)]
    lines = [
        _line(name.replace("_", " "), *(cost.metrics()[name] for cost in costs), size=name in _BYTES)
        for name in costs[0].metrics()
    ]
    lines += [
        _line("layers", *(len(graph.live()) - len(graph.inputs) for graph in graphs)),
        _line("input", *("x".join(map(str, one)) for one in shapes)),
        _line("output", *("x".join(map(str, cost.output_shape)) for cost in costs)),
        _line("hash", *(graph.canonical_hash() for graph in graphs)),
    ]
    return {"figures": lines, "stages": _stages(graphs, costs), "choices": _choices(a.choices, b.choices)}


def compare_runs(a: SearchResult, b: SearchResult) -> dict[str, list[Line]]:
    """Results, best networks and settings of two runs."""
    stories = [tell(a), tell(b)]
    lines = [
        _line("candidates", *(len(story.trail.rows) for story in stories)),
        _line("evaluated", *(len(story.trail.evaluated) for story in stories)),
        _line("failed", *(sum(row["state"] == "fail" for row in story.trail.rows) for story in stories)),
        _line("best candidate", *(story.best.number if story.best else None for story in stories)),
    ]
    for name, label in dict.fromkeys(row for story in stories for row in story.rows):
        values = [story.best.figures.get(name) if story.best else None for story in stories]
        words = [story.written(name, value) for story, value in zip(stories, values, strict=True)]
        lines.append(Line(label, (values[0], values[1]), (words[0], words[1])))
    settings = [_settings(story) for story in stories]
    choices = [story.best.choices if story.best else {} for story in stories]
    return {
        "figures": lines,
        "settings": [
            _line(key, *(one.get(key) for one in settings)) for key in dict.fromkeys([*settings[0], *settings[1]])
        ],
        "choices": _choices(*choices),
    }


def as_json(parts: dict[str, list[Line]], names: Sequence[str]) -> dict[str, Any]:
    """The same for programs: values by label, in the order of ``names``."""
    return {
        "names": list(names),
        **{part: {one.label: list(one.values) for one in lines} for part, lines in parts.items()},
    }


def _line(label: str, a: Any, b: Any, *, size: bool = False) -> Line:
    def written(value: Any) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return figure(value, size=size)
        return "–" if value is None else str(value)

    return Line(label, (a, b), (written(a), written(b)))


def _stages(graphs: Sequence[Any], costs: Sequence[Any]) -> list[Line]:
    """For each size of the feature maps the share of the FLOPs and the blocks."""
    found: list[dict[str, str]] = []
    for graph, cost in zip(graphs, costs, strict=True):
        stages: dict[str, str] = {}
        for stage in fold(graph):
            size = "x".join(map(str, stage.size)) if stage.size else "vectors"
            blocks = sum(block.repeats for block in stage.blocks)
            share = 100 * stage.flops / cost.flops if cost.flops else 0.0
            stages[size] = f"{share:.3g} % of FLOPs in {blocks} block{'s' if blocks != 1 else ''}"
        found.append(stages)
    sizes = sorted({*found[0], *found[1]}, key=lambda size: -int(size.split("x")[0]) if size != "vectors" else 1)
    return [_line(size, found[0].get(size), found[1].get(size)) for size in sizes]


def _choices(a: dict[str, Any], b: dict[str, Any]) -> list[Line]:
    return [_line(label, a.get(label), b.get(label)) for label in dict.fromkeys([*a, *b])]


def _settings(story: Story) -> dict[str, Any]:
    """What decided the course of a search, in short."""
    header = story.header
    keys = ("constraints", "objectives", "algorithm", "pruner", "budgets", "seed")
    spaces = " + ".join(f"{name} {config}" if config else name for name, config in header["configs"])
    shown = {"space": spaces, "input": "x".join(map(str, header["input_shape"]))}
    return {**shown, **{key: header[key] for key in keys if header.get(key)}, "seed": header["seed"]}


def _from_json(path: Path) -> NetArch:
    """The network of an architecture file or of the summary of a run."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if isinstance(document, dict) and "layers" not in document and {"configs", "tokens"} <= document.keys():
        archs = CombinedSpace([tuple(one) for one in document["configs"]]).token2arch(document["tokens"])
        shape = (document.get("data") or {}).get("image_shape")
        if shape:
            archs.network.input_shape = (int(shape[0]), int(shape[1]), int(shape[2]))
        return archs.network
    from ..export import load_arch

    return load_arch(path)
