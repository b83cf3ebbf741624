"""What the pages show works as it is printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from sanas_spaces.cli.app import app
from sanas_spaces.cli.settings import DEFAULT_FLOPS, DEFAULT_SPACE, DEFAULT_STEPS

from .pages import PAGES, READMES, ROOT, anchors, as_script, blocks, headings, links, name, prose, slug

LANGUAGES = {"python", "bash", "toml", "yaml", "text", "diff"}
MIGRATING = ROOT / "docs" / "migrating.md"
CHINESE = ".zh-CN.md"
ENGLISH = [READMES[0], *(page for page in sorted((ROOT / "docs").glob("*.md")) if not page.name.endswith(CHINESE))]
WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]
SANAS_LINES = sorted(
    {line.strip() for page in PAGES for block in blocks(page, "bash") for line in block.text.splitlines()}
)
SANAS_LINES = [line for line in SANAS_LINES if re.match(r"sanas\b", line)]
NEEDS_NO_RUN = r"sanas (spaces|show (?!runs)|compare \d)"
QUICK_LINES = [line for line in SANAS_LINES if re.match(NEEDS_NO_RUN, line)]  # need no run


def run(script: Path, folder: Path) -> str:
    """Run a script in a folder of its own and return what it prints."""
    environment = {**os.environ, "GLOG_minloglevel": "2", "PYTHONWARNINGS": "ignore", "FLAGS_enable_pir_api": "1"}
    environment["RAY_worker_niceness"] = "0"  # 15 by default, which is for ever on a busy machine
    done = subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("page", [p for p in WITH_PYTHON if not p.name.endswith(CHINESE)], ids=name)
def test_python_blocks_run(page: Path, tmp_path: Path) -> None:
    """All blocks of a page, in order, as one program. (Chinese pages have those of the English ones: see below.)"""
    script = tmp_path / f"{page.stem}.py"
    script.write_text(as_script(page), encoding="utf-8")
    run(script, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_say_their_language(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))


@pytest.mark.parametrize("line", SANAS_LINES)
def test_commands_parse(line: str) -> None:
    """The command line understands what is printed, without running it."""
    _, subcommand, *arguments = shlex.split(line)
    commands = typer.main.get_group(app).commands
    context = commands[subcommand].make_context(subcommand, arguments)
    assert not context.args


@pytest.mark.parametrize("line", QUICK_LINES)
def test_quick_commands_run(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        app(shlex.split(line)[1:])
    assert end.value.code == 0
    shown = "block 1 channels" if line.startswith("sanas compare") else "MobileNetV2BlockSpace"
    assert shown in capsys.readouterr().out


def test_there_are_commands() -> None:
    assert len(SANAS_LINES) >= 6


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    for target in links(page):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{name(page)} links to {target}"
        if anchor and file.suffix == ".md" and not anchor.startswith("sanas_spaces."):
            assert anchor in anchors(file), f"{name(page)} links to {target}"


def test_setup_lines_are_the_only_blocks_under_their_headings() -> None:
    """Continuous integration runs them as they are printed."""
    text = READMES[0].read_text(encoding="utf-8")
    for heading, ending in (
        ("Run a search", ".venv/bin/sanas search"),
        ("Run the tests", "-m pytest -n 2 --dist loadfile"),
    ):
        section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        (block,) = re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        assert block.startswith("python3.11 -m venv ")
        assert block.endswith(f"{ending}\n")
        assert block.count("\n") == 1


def test_readmes_tell_the_defaults_of_the_command() -> None:
    spellings = (f"trains {DEFAULT_STEPS} candidates", f"训练 {DEFAULT_STEPS} 个候选网络")
    for page, candidates in zip(READMES, spellings, strict=True):
        text = page.read_text(encoding="utf-8")
        assert candidates in text
        assert f"{DEFAULT_FLOPS:,.0f}" in text
        assert f"`{DEFAULT_SPACE}`" in text


def test_every_page_is_in_both_languages() -> None:
    chinese = [page for page in PAGES if page.name.endswith(CHINESE)]
    assert [name(page) for page in chinese] == [name(_translation(page)) for page in ENGLISH]


@pytest.mark.parametrize("english", ENGLISH, ids=name)
def test_translations_are_in_step(english: Path) -> None:
    """Blocks are those of the English page, which run, so the Chinese ones need not run again."""
    chinese = _translation(english)
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert [(b.language, b.text) for b in blocks(english)] == [(b.language, b.text) for b in blocks(chinese)]
    assert _tables(english) == _tables(chinese)


@pytest.mark.parametrize("english", ENGLISH, ids=name)
def test_links_of_translations_are_in_step(english: Path) -> None:
    """A Chinese page leads where the English one does: to Chinese pages where there are any, and the same sections."""
    chinese = _translation(english)
    expected = [_translated(target, english) for target in links(english) if Path(target).name != chinese.name]
    assert sorted(expected) == sorted(target for target in links(chinese) if Path(target).name != english.name)


def _translation(page: Path) -> Path:
    return page.with_name(page.stem + CHINESE)


def _translated(target: str, page: Path) -> str:
    """A link of an English page, in the words of its translation."""
    path, _, anchor = target.partition("#")
    file = Path(os.path.normpath(page.parent / path)) if path else page
    if file not in ENGLISH:
        return target
    if anchor and not anchor.startswith("sanas_spaces."):
        sections = [slug(text) for _, text in headings(file)]
        anchor = slug(headings(_translation(file))[sections.index(anchor)][1])
    return (path.removesuffix(".md") + CHINESE if path else "") + (f"#{anchor}" if anchor else "")


def _tables(page: Path) -> list[int]:
    """How many columns each row of each table has."""
    return [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in prose(page).splitlines() if line.startswith("|")]


def test_the_pages_of_spaces_are_current(tmp_path: Path) -> None:
    script = ROOT / "docs" / "generate_spaces.py"
    check = tmp_path / "check.py"
    check.write_text(
        f"import sys; sys.path.insert(0, {str(script.parent)!r})\n"
        "import generate_spaces as page\n"
        "read = {language: file.read_text(encoding='utf-8') for language, file in page.PAGES.items()}\n"
        "old = [page.PAGES[language].name for language, text in read.items() if text != page.render(language)]\n"
        "drawn = page.drawings().items()\n"
        "old += [file.name for file, svg in drawn if not file.exists() or file.read_text(encoding='utf-8') != svg]\n"
        "sys.exit(', '.join(old) + ': out of date' if old else 0)\n"
    )
    done = subprocess.run([sys.executable, check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + "run: python docs/generate_spaces.py"


def test_migrating_shows_the_whole_change() -> None:
    """The difference ends at the script that follows it, and begins at one for PaddleSlim."""
    (_, difference), (after,) = blocks(MIGRATING, "diff"), blocks(MIGRATING, "python")
    lines = difference.text.splitlines()
    assert [line[1:] for line in lines if not line.startswith("-")] == after.text.splitlines()
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    compile(before, "before", "exec")
    assert "from paddleslim.nas import SANAS" in before
    assert "sanas_spaces" not in before
