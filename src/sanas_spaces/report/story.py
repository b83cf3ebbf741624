"""What a report tells, in words and figures, before any page is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..arch import ArchList
from ..errors import CostError, SanasError
from ..plots import Trail, front_numbers, outcome_data
from ..plots.trail import BYTES
from ..searching import SearchResult
from .environment import versions
from .files import read_settings, read_summary
from .words import amount, figure, ratio


@dataclass
class Network:
    """One network of a comparison.

    Attributes:
        title: What it is: best, initial, smallest.
        number: Number of its candidate, None if it was none.
        tokens: Its tokens.
        choices: What they pick, by label.
        figures: Goals and costs by name.
        archs: The network itself, None if its space is not known here.
        bare: Whether the costs are those of the network alone, without what an evaluator adds.
    """

    title: str
    number: int | None
    tokens: list[int]
    choices: dict[str, Any]
    figures: dict[str, float]
    archs: ArchList | None = None
    bare: bool = False


@dataclass
class Story:
    """A search as a report tells it.

    Attributes:
        result: The search.
        trail: The search as plots see it.
        settings: What ``sanas search`` was started with, empty for a search of Python.
        summary: What ``sanas search`` wrote about the best network, empty before its end.
        networks: The best network, the initial one and the smallest one that was evaluated, each once.
        zero: The network of all first options, None if its cost is not known.
        front: Numbers of the candidates that no other beats in all goals.
        notes: What could not be told, and why.
    """

    result: SearchResult
    trail: Trail
    settings: dict[str, Any]
    summary: dict[str, Any]
    networks: list[Network] = field(default_factory=list)
    zero: Network | None = None
    front: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def header(self) -> dict[str, Any]:
        """What decided the course of the search."""
        return self.result.settings

    @property
    def best(self) -> Network | None:
        """The best network, None if no candidate was evaluated."""
        return next((one for one in self.networks if one.title == "best"), None)

    @property
    def initial(self) -> Network | None:
        """The network that the search began with."""
        return next((one for one in self.networks if "initial" in one.title), None)

    @property
    def title(self) -> str:
        """Names of the spaces."""
        return " + ".join(self.result.space.names)

    @property
    def versions(self) -> tuple[dict[str, str], bool]:
        """Versions of what took part, and whether they are those of the time of the search."""
        recorded = self.settings.get("versions")
        if isinstance(recorded, Mapping):
            return {str(name): str(version) for name, version in recorded.items()}, True
        return {**versions(), "sanas-spaces": str(self.header.get("version", "?"))}, False

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Names and labels of the figures that networks are compared by."""
        names = list(dict.fromkeys([*self.trail.goals, *self.trail.costs]))
        rows = [(name, self.trail.label(name)) for name in names]
        return [*rows[:1], ("test_accuracy", "test accuracy"), *rows[1:]] if "test_accuracy" in self.summary else rows

    def written(self, name: str, value: float | None) -> str:
        """A figure as it is written everywhere in the report."""
        label = "test accuracy" if name == "test_accuracy" else self.trail.label(name)
        return figure(value, share="accuracy" in label, size=name in BYTES)

    @property
    def lead(self) -> list[str]:
        """The result in a few sentences."""
        counts = {one.state: 0 for one in outcome_data(self.trail)}
        for one in outcome_data(self.trail):
            counts[one.state] += len(one.numbers)
        total = len(self.trail.rows)
        best = self.best
        if best is None:
            return [f"No candidate of {total} was evaluated so far.", *_rest(counts)]
        main = self.trail.main
        goals = [f"{self.written(name, best.figures.get(name))} {self.trail.label(name)}" for name in self.trail.goals]
        if self.trail.several:
            first = (
                f"{len(self.front)} of {total} candidates are on the Pareto front. The recommended one, nearest to the "
                f"best of all goals, is candidate {best.number}: {', '.join(goals)}."
            )
        else:
            first = f"Candidate {best.number} of {total} is the best network, with {goals[0]}."
        told = [first]
        if "test_accuracy" in best.figures:
            share = self.written("test_accuracy", best.figures["test_accuracy"])
            told.append(f"Trained again on all but the test images, it reads {share} of the test images correctly.")
        initial, cost = self.initial, next((name for name in self.trail.costs if name not in self.trail.goals), None)
        if initial is None:
            told.append("It is the initial network.")
        else:
            parts = []
            if main in initial.figures:
                parts.append(f"{self.written(main, initial.figures[main])} {self.trail.label(main)}")
            if cost and cost in initial.figures and cost in best.figures:
                text = ratio(best.figures[cost], initial.figures[cost])
                parts.append(f"{amount(initial.figures[cost])} {self.trail.label(cost)}; the best one needs {text}")
            if parts:
                told.append(f"The initial network has {' and '.join(parts)}.")
        return [*told, *_rest(counts)]


def tell(result: SearchResult) -> Story:
    """Gather what there is to tell of a search, and of its run folder if it has one."""
    settings, summary = _files(result.folder)
    reward = "validation accuracy" if "epochs" in settings else None
    trail = Trail.of(result, reward)
    story = Story(result, trail, settings, summary, front=front_numbers(trail))
    shape = result.engine.input_shape
    found: list[Network] = []
    rows = {row["number"]: row for row in trail.rows}
    if trail.evaluated:
        number = result.best_number
        found.append(_candidate("best", rows[number if number is not None else trail.evaluated[0]["number"]], story))
        if summary.get("tokens") == found[0].tokens and isinstance(summary.get("test_accuracy"), int | float):
            found[0].figures["test_accuracy"] = float(summary["test_accuracy"])
    tokens = list(story.header["init_tokens"])
    first = next((row for row in trail.rows if row["tokens"] == tokens), None)
    found.append(_candidate("initial", first, story) if first else _described("initial", tokens, story, shape))
    cost = next(iter(trail.costs), None)
    if cost is not None:
        known = [row for row in trail.evaluated if trail.value(row, cost) is not None]
        if known:
            found.append(_candidate("smallest", min(known, key=lambda row: (row[cost], row["number"])), story))
    story.networks = _once(found)
    try:
        story.zero = _described("all first options", [0] * len(trail.table), story, shape)
    except SanasError:
        story.zero = None
    for network in story.networks:
        network.archs = _archs(network.tokens, story)
    reason = getattr(result.space, "reason", None)
    if reason is not None:
        story.notes.append(f"Networks are not drawn and initial costs not told: {reason}.")
    return story


def _files(folder: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and summary of a run folder, empty where there are none."""
    if folder is None:
        return {}, {}
    try:
        settings = read_settings(folder)
    except SanasError:
        settings = {}
    return settings, read_summary(folder)


def _candidate(title: str, row: Mapping[str, Any], story: Story) -> Network:
    trail = story.trail
    values = {name: trail.value(row, name) for name in (*trail.goals, *trail.costs)}
    return Network(
        title,
        row["number"],
        list(row["tokens"]),
        trail.table.decode(row["tokens"]),
        {name: value for name, value in values.items() if value is not None},
    )


def _described(title: str, tokens: list[int], story: Story, shape: Any) -> Network:
    """A network that was no candidate, with the costs that its description tells."""
    network = Network(title, None, tokens, story.trail.table.decode(tokens), {}, bare=True)
    archs = _archs(tokens, story)
    if archs is not None:
        try:
            metrics = archs.cost(shape).metrics()
        except CostError:
            return network
        network.figures = {name: float(value) for name, value in metrics.items() if name in story.trail.costs}
    return network


def _archs(tokens: list[int], story: Story) -> ArchList | None:
    try:
        archs = story.result.space.token2arch(tokens)
    except SanasError:
        return None
    return archs if isinstance(archs, ArchList) else None


def _once(networks: list[Network]) -> list[Network]:
    """Each network once, with all that it is."""
    kept: dict[tuple[int, ...], Network] = {}
    for network in networks:
        known = kept.setdefault(tuple(network.tokens), network)
        if known is not network and known.title != "best":
            known.title = f"{known.title} and {network.title}"
    return list(kept.values())


def _rest(counts: Mapping[str, int]) -> list[str]:
    words = {"pruned": "stopped early", "fail": "failed", "running": "not finished"}
    parts = [f"{counts[state]} {word}" for state, word in words.items() if counts.get(state)]
    return [f"Of all candidates, {', '.join(parts)}."] if parts else []
