"""What a report tells, and that it tells it safely."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sanas_spaces import search
from sanas_spaces.errors import BuildError, RecordError
from sanas_spaces.report import render, tell, write_report, write_settings
from sanas_spaces.report.environment import command_line, versions
from sanas_spaces.report.words import figure, ratio
from sanas_spaces.searching import SearchResult, read_result
from sanas_spaces.tables import Table

from .searches import EVIL, SHAPE, evil_space, forget, one_goal, two_goals


class Tags(HTMLParser):
    """Counts elements and collects their attributes and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.told = ""
        self._in_json = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self._in_json = tag == "script" and ("id", "told") in attrs

    def handle_data(self, data: str) -> None:
        if self._in_json:
            self.told += data

    def handle_endtag(self, tag: str) -> None:
        self._in_json = False


@pytest.fixture(scope="module")
def found() -> SearchResult:
    return one_goal()


def test_the_best_network_stands_beside_the_initial_and_the_smallest_one(found: SearchResult) -> None:
    story = tell(found)
    rows = {row["number"]: row for row in found.history}
    assert story.best is not None
    assert story.best.number == found.best.number
    assert story.best.figures["flops"] == rows[found.best.number]["flops"]
    evaluated = [row for row in found.history if row["state"] == "complete"]
    (smallest,) = (one for one in story.networks if "smallest" in one.title)
    assert smallest.figures["flops"] == min(row["flops"] for row in evaluated)
    (initial,) = (one for one in story.networks if "initial" in one.title)
    assert initial.tokens == found.settings["init_tokens"]
    assert story.zero is not None
    assert story.zero.figures["flops"] == found.space.token2arch([0] * 8).cost(SHAPE).flops
    assert f"Candidate {found.best.number} of 14 is the best network" in story.lead[0]
    assert story.lead[-1] == "Of all candidates, 2 failed."


def test_an_initial_network_that_was_no_candidate_has_the_costs_of_its_description() -> None:
    start = [5, 19, 5, 1, 5, 19, 5, 1]
    result = one_goal(4, constraints={"flops": 1e6}, init_tokens=start)
    story = tell(result)
    assert story.initial is not None
    assert (story.initial.number, story.initial.bare) == (None, True)
    assert story.initial.figures["params"] == result.space.token2arch(start).cost(SHAPE).params
    assert "not evaluated" in render(story)


def test_several_goals_have_a_front() -> None:
    result = two_goals()
    story = tell(result)
    assert sorted(story.front) == sorted(one.number for one in result.pareto_front)
    page = render(story)
    assert f"{len(story.front)} of 14 candidates are on the Pareto front" in page
    assert 'id="volume-wide' in page
    assert "latency (ms)" in page


def test_nothing_evaluated_yet_is_told(tmp_path: Path) -> None:
    result = one_goal(1, folder=tmp_path)
    result.engine.record.entries.clear()
    page = render(tell(result))
    assert "No candidate of 0 was evaluated so far." in page


def test_nobody_can_write_html_through_names_and_reasons(tmp_path: Path) -> None:
    name = evil_space()
    try:
        result = one_goal(8, [(name, {"block_mask": [0]})], folder=tmp_path)
        write_settings(tmp_path, {"command": f"sanas search '{EVIL}'", "versions": {EVIL: EVIL}, "epochs": 1})
        page = result.report().read_text(encoding="utf-8")
    finally:
        forget(name)
    found = Tags(page)
    assert found.tags["script"] == 2
    assert "img" not in found.tags
    assert "{{7*7}}" in page
    assert "$x^$ 49" not in page
    assert not [pair for pair in found.attributes if pair[0].startswith("on")]
    told = json.loads(found.told)
    assert told["choices"][0]["name"] == f"kernel {EVIL}"
    assert told["candidates"]["5"]["reason"] == f"ValueError: {EVIL}"
    assert len(found.ids) == len(set(found.ids))


def test_a_page_needs_nothing_else(found: SearchResult) -> None:
    page = render(tell(found))
    without_names = page.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    assert not re.findall(r"https?://|//[a-z]+\.", without_names)
    assert not re.findall(r"@import|url\((?!#)", page)
    assert len(page.encode()) < 1_000_000


@pytest.mark.parametrize("place", ["journal", "sqlite", "folder"])
def test_records_are_read_wherever_they_are(place: str, tmp_path: Path) -> None:
    if place == "sqlite":
        source = tmp_path / "searches.db"
        result = one_goal(6, storage=source)
    else:
        result = one_goal(6, folder=tmp_path)
        source = tmp_path / "search.journal" if place == "journal" else tmp_path
    again = read_result(source)
    assert again.history == result.history
    assert again.best.tokens == result.best.tokens
    assert again.settings == result.settings
    path = write_report(again, tmp_path / "page.html")
    assert f"candidate {result.best.number}" in path.read_text(encoding="utf-8")


def test_a_record_without_its_space_is_told_without_networks(tmp_path: Path) -> None:
    name = evil_space()
    try:
        result = one_goal(6, [(name, {"block_mask": [0]})], folder=tmp_path)
    finally:
        forget(name)
    again = read_result(tmp_path)
    assert [field.label for field in again.space.table.fields] == [f"kernel {EVIL}", "channels"]
    with pytest.raises(BuildError, match="import the module that registers it first"):
        _ = again.best
    page = render(tell(again))
    assert "Networks are not drawn" in page
    assert f"Candidate {result.best.number} of 6" in page


def test_a_search_on_a_table_is_told() -> None:
    tokens = [[i, j] for i in range(4) for j in range(4)]
    table = Table(tokens, [4, 4], {"accuracy": [i / 9 + j / 99 for i, j in tokens], "flops": range(16)})
    result = search(table, table.evaluator("accuracy"), steps=12, seed=0)
    page = render(tell(result))
    assert f"Candidate {result.best.number} of 12 is the best network" in page
    assert "FLOPs" in page
    assert "sanas-net" not in Tags(page).tags


def test_what_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no record of a search"):
        read_result(tmp_path)
    for name in ("no.journal", "no.db"):
        with pytest.raises(RecordError, match="there is no record of a search here"):
            read_result(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_the_command_can_be_typed_again() -> None:
    assert command_line(["/x/bin/sanas", "search", "A B", "--steps", "3"]) == "sanas search 'A B' --steps 3"
    assert command_line(["/x/cli/__main__.py", "show"]) == "sanas show"
    assert {"sanas-spaces", "Python", "numpy", "optuna"} <= versions().keys()


@pytest.mark.parametrize(
    ("told", "written"),
    [
        (figure(None), "–"),
        (figure(0.91234, share=True), "91.23 %"),
        (figure(2.0, share=True), "2"),
        (figure(10240, size=True), "10.2 kB"),
        (figure(12, size=True), "12 B"),
        (figure(1234567), "1,234,567"),
        (figure(0.123456), "0.1235"),
        (ratio(50, 200), "25 % of them"),
        (ratio(500, 200), "2.5 times as many"),
        (ratio(200, 200), "as many"),
    ],
)
def test_figures_are_written(told: str, written: str) -> None:
    assert told == written
