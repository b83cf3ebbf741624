"""Plots are drawn for any search, with a mark for each candidate."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from sanas_spaces import plots, search
from sanas_spaces.plots import drawing
from sanas_spaces.plots.canvas import style
from sanas_spaces.report.inline import inline_svg
from sanas_spaces.searching import SearchResult

from .test_data import trail

CONFIGS = [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]
DRAWINGS = {
    "progress": plots.plot_progress,
    "cost": plots.plot_cost,
    "importance": plots.plot_importance,
    "moves": plots.plot_moves,
    "outcomes": plots.plot_outcomes,
    "hypervolume": plots.plot_hypervolume,
}


def result(steps: int = 14) -> SearchResult:
    def evaluate(candidate: object) -> float:
        number = candidate.number  # type: ignore[attr-defined]
        if number % 6 == 5:
            raise ValueError("$out^of_memory$ <b>&")
        return 0.5 + candidate.cost.depth / 100  # type: ignore[attr-defined]

    return search(CONFIGS, evaluate, steps=steps, input_shape=(3, 16, 16), algorithm="random", seed=0)


@pytest.fixture(scope="module")
def found() -> SearchResult:
    return result()


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_plots_are_written(found: SearchResult, name: str, ending: str, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    path = tmp_path / "folder" / f"{name}.{ending}"
    figure = DRAWINGS[name](found, path)
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")
    assert path.stat().st_size > 2000
    assert figure.axes
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_search_that_has_not_begun_is_drawn(name: str) -> None:
    DRAWINGS[name](trail([{"flops": 1, "state": "running"}] if name == "cost" else []))


@pytest.mark.parametrize("width", [368, 640])
def test_marks_of_a_page_stand_for_candidates(found: SearchResult, width: int) -> None:
    told = plots.Trail.of(found, "validation accuracy")
    failed = {row["number"] for row in told.rows if row["state"] == "fail"}
    assert failed
    everyone = {row["number"] for row in told.rows}
    for draw, expected in (
        (drawing.draw_progress, everyone),
        (drawing.draw_cost, everyone - failed),
    ):
        with style():
            svg = inline_svg(draw(told, width=width), "p", "a plot")  # type: ignore[operator]
        root = ElementTree.fromstring(svg)
        marks = [one for one in root.iter() if one.get("class") == "mark"]
        assert {int(one.get("data-n") or -1) for one in marks} == expected
        assert all(one.tag == "use" for one in marks)
        defined = {one.get("id") for one in root.iter() if one.get("id")}
        assert {(one.get("href") or "")[1:] for one in marks} <= defined
        assert all(one.startswith("p-") for one in defined)
        assert root.get("viewBox", "").split()[2] == str(width)
        assert "var(--orange)" in svg
        assert "#0b6bcb" not in svg


def test_squares_of_a_page_tell_what_was_picked(found: SearchResult) -> None:
    with style():
        svg = inline_svg(drawing.draw_moves(plots.Trail.of(found)), "m", "moves")
    tips = [one.get("data-tip") or "" for one in ElementTree.fromstring(svg).iter() if one.get("class") == "mark"]
    assert len(tips) == 8 * 14
    kernel = found.space.table.fields[3]
    option = kernel.options[found.history[2]["tokens"][3]]
    assert tips[3 * 14 + 2] == f"{kernel.label} = {option}, candidate 2"


def test_long_searches_show_some_and_the_best_ones() -> None:
    rows = [{"reward": float(i == 4321)} for i in range(6000)]
    with style():
        sheet = drawing.draw_progress(trail(rows))
    assert 4321 in sheet.marks["candidates"]
    assert len(sheet.marks["candidates"]) <= drawing.MOST_MARKS + 2


def test_any_text_is_drawn_as_it_is(found: SearchResult) -> None:
    with style():
        svg = inline_svg(drawing.draw_outcomes(plots.Trail.of(found)), "o", "<i>&\"'")
    text = "".join(ElementTree.fromstring(svg).itertext())
    assert "$out^of_memory$ <b>&" in text
    odd = trail([{"state": "fail", "reason": "nul \x00 bell \x07 \ud800 中文 ]]> -->"}])
    with style():
        svg = inline_svg(drawing.draw_outcomes(odd), "o", "odd")
    assert "中文 ]]> -->" in "".join(ElementTree.fromstring(svg).itertext())


def test_names_of_choices_are_shortened_in_the_middle() -> None:
    label = "MobileNetV2BlockSpace (2) block 1 expansion"
    assert drawing.short_labels([label], 30) == ["2: block 1 expansion"]
    assert drawing.short_labels(["a" * 20 + "b" * 20], 10) == ["aaaa…bbbbb"]


def test_a_choice_that_decides_nothing_has_no_long_bar() -> None:
    nothing = plots.Importance(["block 1 kernel", "block 2 kernel"], [0.002, 0.0], [0.001, 0.0], 0.0, 20)
    much = nothing._replace(values=[0.6, 0.1])
    for data, longest in ((nothing, (0, 0.1)), (much, (0.7, 1))):
        axes = drawing.draw_importance(data).axes
        share = max(bar.get_width() for bar in axes.patches) / axes.get_xlim()[1]
        assert longest[0] <= share <= longest[1]
