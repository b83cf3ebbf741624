"""The pages to learn from: pictures that are in step with their script, a glossary in order."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from .pages import ROOT, links

CONCEPTS = ROOT / "docs" / "concepts.md"
GLOSSARIES = [ROOT / "docs" / "glossary.md", ROOT / "docs" / "glossary.zh-CN.md"]
SCRIPT = ROOT / "docs" / "generate_concepts.py"
SVG = "{http://www.w3.org/2000/svg}"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_concepts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PICTURES = _script().PICTURES


def _rows(page: Path) -> list[tuple[str, str]]:
    found = re.findall(r"^\| (.+?) \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1:]  # the first one is the head


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_current(name: str) -> None:
    kept = (ROOT / "docs" / "images" / name).read_text(encoding="utf-8")
    assert kept == PICTURES[name](), f"{name} is out of date; run: python docs/generate_concepts.py"


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_whole(name: str) -> None:
    """They have a name for those who do not see them, colours for light and dark, and nothing outside of the frame."""
    root = ElementTree.fromstring(PICTURES[name]())
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert len(root.attrib["aria-label"]) > 20
    assert "prefers-color-scheme:dark" in root.findtext(f"{SVG}style", "")
    for box in root.iter(f"{SVG}rect"):
        if "x" in box.attrib:
            assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
            assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])
    for text in root.iter(f"{SVG}text"):
        letters = len(text.text or "") * (7.3 if "code" in text.attrib.get("class", "") else 6.6)
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib["text-anchor"]]
        left = float(text.attrib["x"]) - share * letters
        assert left >= 0, text.text
        assert left + letters <= width, text.text
        assert 10 <= float(text.attrib["y"]) <= height, text.text


def test_the_page_has_one_picture_for_each_concept() -> None:
    shown = [Path(target).name for target in links(CONCEPTS) if target.startswith("images/")]
    assert shown == list(PICTURES)
    assert CONCEPTS.read_text(encoding="utf-8").count("\n## ") == len(PICTURES)


def test_the_glossary_is_in_order() -> None:
    words = [word for word, _ in _rows(GLOSSARIES[0])]
    assert len(words) > 30
    assert words == sorted(words, key=lambda word: word.lower().replace("-", " "))
    assert len(set(words)) == len(words)


def test_the_glossaries_have_the_same_words() -> None:
    english, chinese = ([word for word, _ in _rows(page)] for page in GLOSSARIES)
    for word, translated in zip(english, chinese, strict=True):
        assert translated == word or translated.endswith(f"（{word}）")


@pytest.mark.parametrize("page", GLOSSARIES, ids=lambda page: page.name)
def test_entries_are_short_and_lead_on(page: Path) -> None:
    for word, meaning in _rows(page):
        plain = re.sub(r"\]\([^)]*\)", "]", meaning)
        assert len(re.findall(r"[.](?= |$)|。", plain)) <= 2, word
        assert "](" in meaning, f"{word} leads nowhere"
