"""The report of a real run in a real browser, without a network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces.report import html

from ..cli.running import TINY, sanas
from .searches import EVIL, evil_space, forget, one_goal, two_goals

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ("digits", "failures", "goals", "evil")
WIDTHS = (400, 1400)
FIVE_MEGABYTES = 5_000_000

if CHROMIUM is None:
    assert not os.environ.get("CI"), "tests of the report need Debian's chromium"
    pytest.skip("chromium is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of a run of ``sanas search`` on digits, and of searches with failures, several goals and odd names."""
    folder = tmp_path_factory.mktemp("reports")
    run = folder / "digits"
    done = sanas("search", *TINY, "--steps", "4", "--output", str(run))
    assert done.returncode == 0, done.stderr
    name = evil_space()
    try:
        evil = one_goal(8, [(name, {"block_mask": [0]})]).report(folder / "evil.html")
    finally:
        forget(name)
    return {
        "digits": run / "report.html",
        "failures": one_goal(24).report(folder / "failures.html"),
        "goals": two_goals(16).report(folder / "goals.html"),
        "evil": evil,
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Opened:
    """A report in a browser that is offline, and what the browser had to say about it."""

    def __init__(self, browser: Any, path: Path, width: int, scheme: str = "light") -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        self.page = self._context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *error: object) -> None:
        self._context.close()

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


VISIBLE = "[...document.querySelectorAll('figure svg')].filter((svg) => svg.getBoundingClientRect().width > 0)"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_the_page_opens_by_itself_and_fits(reports: dict[str, Path], browser: Any, name: str, width: int) -> None:
    path = reports[name]
    assert path.stat().st_size < FIVE_MEGABYTES
    with Opened(browser, path, width) as opened:
        assert opened.requests == [path.as_uri()]
        assert opened.ask("document.documentElement.scrollWidth") <= width
        assert opened.ask("document.body.scrollWidth") <= width
        assert opened.ask("window.owned") is None
        shown = opened.ask(
            f"{VISIBLE}.map((svg) => [svg.getBoundingClientRect().width, svg.querySelectorAll('path').length])"
        )
        assert len(shown) >= 4
        assert all(250 < plot <= width and paths > 1 for plot, paths in shown)
        letters = opened.ask(
            f"Math.min(...{VISIBLE}.flatMap((svg) => [...svg.querySelectorAll('text')].map((text) => "
            "parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width "
            "/ svg.viewBox.baseVal.width)))"
        )
        assert letters >= 10
        assert not opened.complaints


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["digits", "goals"])
def test_pointing_at_a_mark_tells_its_candidate(reports: dict[str, Path], browser: Any, name: str, width: int) -> None:
    with Opened(browser, reports[name], width) as opened:
        plots = opened.page.locator("figure svg:visible")
        hovered = 0
        for number in range(plots.count()):
            marks = plots.nth(number).locator(".mark")
            if not marks.count():
                continue
            tip = opened.page.locator("#tip")
            opened.page.mouse.move(1, 1)
            marks.last.scroll_into_view_if_needed()
            box = marks.last.bounding_box()
            assert box is not None
            opened.page.mouse.move(box["x"] + box["width"] / 2 + 1, box["y"] + box["height"] / 2)
            tip.wait_for(state="visible", timeout=5000)
            text = tip.inner_text()
            assert "candidate" in text
            if marks.last.get_attribute("data-n"):
                assert re.search(r"tokens [\d,]+", text)
            frame = tip.bounding_box()
            assert frame is not None
            assert 0 <= frame["x"] <= frame["x"] + frame["width"] <= width
            hovered += 1
        assert hovered >= 3
        assert not opened.complaints


def test_a_tip_tells_costs_and_choices(reports: dict[str, Path], browser: Any) -> None:
    with Opened(browser, reports["digits"], 1400) as opened:
        opened.page.locator("#progress svg:visible .mark").first.focus()
        text = opened.page.locator("#tip").inner_text()
        for word in (
            "candidate",
            "validation accuracy: ",
            " %",
            "FLOPs: ",
            "parameters: ",
            "tokens ",
            "block 2: expansion ",
        ):
            assert word in text
        same = opened.ask("[...document.querySelectorAll('.mark.here')].map((mark) => mark.dataset.n)")
        assert len(same) > 2
        assert len(set(same)) == 1
        opened.page.keyboard.press("Escape")
        assert opened.page.locator("#tip").is_hidden()


MISSED = """() => {
  const ways = 'a[href], button, summary, input, select, textarea, [tabindex="0"]';
  return [...document.querySelectorAll(ways)]
    .filter((one) => one.checkVisibility({checkVisibilityCSS: true}) && !one.dataset.visited)
    .map((one) => one.outerHTML.slice(0, 80));
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  one.dataset.visited = '1';
  const look = getComputedStyle(one);
  return {seen: look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 2, what: one.outerHTML.slice(0, 80)};
}"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["digits", "goals"])
def test_tab_reaches_everything_and_is_seen(reports: dict[str, Path], browser: Any, name: str, width: int) -> None:
    with Opened(browser, reports[name], width) as opened:
        opened.ask("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        unseen, stops = [], 0
        for _ in range(300):
            opened.page.keyboard.press("Tab")
            found = opened.page.evaluate(FOCUSED)
            if found is None:
                break
            stops += 1
            if not found["seen"]:
                unseen.append(found["what"])
        assert not unseen
        missed = opened.page.evaluate(MISSED)
        assert not missed
        assert stops > 20


@pytest.mark.parametrize("name", ["digits", "failures"])
def test_arrow_keys_reach_every_mark(reports: dict[str, Path], browser: Any, name: str) -> None:
    with Opened(browser, reports[name], 1400) as opened:
        plots = opened.page.locator("figure svg:visible")
        for number in range(plots.count()):
            plot = plots.nth(number)
            count = plot.locator(".mark").count()
            if not count:
                continue
            assert plot.locator('.mark[tabindex="0"]').count() == 1
            plot.locator('.mark[tabindex="0"]').focus()
            opened.page.keyboard.press("Home")
            for _ in range(count):
                opened.ask("document.activeElement.dataset.went = '1'")
                opened.page.keyboard.press("ArrowRight")
            assert plot.locator(".mark[data-went]").count() == count
            assert opened.ask("document.activeElement.getAttribute('aria-label')")
            opened.page.keyboard.press("ArrowUp")
            opened.page.keyboard.press("End")
        assert not opened.complaints


def test_the_table_is_sorted_by_its_headings(reports: dict[str, Path], browser: Any) -> None:
    with Opened(browser, reports["failures"], 1400) as opened:
        opened.page.locator("#candidates summary").click()
        column = "[...document.querySelectorAll('#candidates tbody tr')].map((row) => row.children[2].dataset.v)"
        opened.page.get_by_role("button", name="reward").click()
        values = opened.ask(column)
        numbers = [float(value) for value in values if value]
        assert numbers == sorted(numbers)
        assert values[-1] == ""
        opened.page.get_by_role("button", name="reward").click()
        assert [float(value) for value in opened.ask(column) if value] == numbers[::-1]


def test_odd_names_are_only_text(reports: dict[str, Path], browser: Any) -> None:
    with Opened(browser, reports["evil"], 1400) as opened:
        opened.page.locator("#progress svg:visible .mark[data-n='5']").first.focus()
        assert EVIL.split("'")[0].strip() in opened.page.locator("#tip").inner_text()
        assert opened.ask("document.querySelectorAll('img, iframe, script').length") == 2
        assert opened.ask("window.owned") is None
        assert not opened.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_read_by_day_and_by_night(reports: dict[str, Path], browser: Any, scheme: str) -> None:
    with Opened(browser, reports["digits"], 1400, scheme) as opened:
        look = "getComputedStyle(document.documentElement).getPropertyValue"
        names = ("paper", "ink", "muted", "blue", "orange", "box")
        colours = {name: opened.ask(f"{look}('--{name}')") for name in names}
        assert (luminance(colours["paper"]) < 0.1) == (scheme == "dark")
        for name in ("ink", "muted", "blue", "orange"):
            assert contrast(colours[name], colours["paper"]) >= 4.5, name
            assert contrast(colours[name], colours["box"]) >= 4.5, name
        shown = opened.ask("getComputedStyle(document.querySelector('#progress svg text')).fill")
        assert shown in {f"rgb({r}, {g}, {b})" for r, g, b in (rgb(colours["ink"]), rgb(colours["muted"]))}
        assert not opened.complaints


def test_the_page_is_read_without_scripts(reports: dict[str, Path], browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(reports["digits"].as_uri())
    text = page.inner_text("body")
    context.close()
    assert "is the best network, with" in text
    assert "sanas search MobileNetV2BlockSpace --config" in text


def test_long_searches_stay_small() -> None:
    story = html.tell(one_goal(12))
    row = next(row for row in story.trail.rows if row["state"] == "complete")
    story.trail.rows.extend({**row, "number": number, "reward": number / 1e4} for number in range(12, 5000))
    assert len(html.render(story).encode()) < FIVE_MEGABYTES


def rgb(colour: str) -> tuple[int, int, int]:
    digits = colour.strip().lstrip("#")
    digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [value / 255 for value in rgb(colour)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
