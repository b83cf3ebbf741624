"""The pages of ``sanas --help`` and of every subcommand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer.main

from sanas_spaces.cli.app import app
from sanas_spaces.cli.help import divide, fold, typed_for

COMMANDS: dict[str, Any] = typer.main.get_group(app).commands
NARROW = 60


def page(*command: str, columns: int = NARROW, **environment: str) -> str:
    """A help page, read through a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "sanas_spaces.cli", *command, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(columns), **environment},
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def own_options(name: str) -> list[Any]:
    return [param for param in COMMANDS[name].params if param.name != "help"]


def test_the_commands() -> None:
    assert set(COMMANDS) == {
        "search", "init", "serve", "resume", "status", "report", "compare", "export", "train", "spaces", "show"
    }  # fmt: skip


def test_the_first_page_tells_every_command_in_one_sentence() -> None:
    text = page()
    told = " ".join(text.split("Commands:\n")[1].split())
    for name, command in COMMANDS.items():
        summary = command.get_short_help_str()
        assert f"{name} {summary}" in told, summary
        assert re.fullmatch(r"[A-Z][^.]*(\.html[^.]*)?\.", summary), summary
    assert max(map(len, text.splitlines())) <= NARROW


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_argument_and_option_is_explained(name: str) -> None:
    for param in own_options(name):
        assert param.help, f"{name} {param.name}"
        assert param.help[0] in param.help[0].upper() or param.help.startswith("digits"), param.help
        assert param.help.endswith("."), param.help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_examples_are_commands(name: str) -> None:
    _, examples = divide(COMMANDS[name].help)
    assert examples
    for example in examples:
        program, command, *arguments = shlex.split(example)
        assert (program, command) == ("sanas", name)
        COMMANDS[name].make_context(name, arguments)


@pytest.mark.parametrize("name", ["search", "compare", "train"])
def test_pages_are_readable_in_a_narrow_pipe(name: str) -> None:
    text = page(name)
    assert re.sub(r"[\x20-\x7e\n]", "", text) == ""  # no colours, no boxes
    assert max(map(len, text.splitlines())) <= NARROW
    shown = text.split("Examples:\n")[1].split("\n\n")[0].replace("\\\n", " ")
    examples = divide(COMMANDS[name].help)[1]
    assert [shlex.split(line) for line in shown.splitlines()] == [shlex.split(line) for line in examples]
    for param in own_options(name):
        assert any(option in text for option in (*param.opts, param.metavar or ""))


def test_colours_are_never_asked_for() -> None:
    assert page("show", FORCE_COLOR="1", NO_COLOR="1") == page("show")


def test_folded_examples_are_the_same_words() -> None:
    command = """sanas show A --config '{"block_mask": [0, 1]}' --tokens 1,2 --shape "3x3 2"x32"""
    for width in (10, 30, 60, 200):
        lines = fold(command, width)
        assert shlex.split(lines.replace("\\\n", " ")) == shlex.split(command)
    assert fold(command, 200).count("\n") == 1


def test_what_was_typed_for_an_option() -> None:
    assert typed_for(["--steps"], ["run", "--steps", "0"]) == "0"
    assert typed_for(["--steps", "-s"], ["-s=few"]) == "few"
    assert typed_for(["--steps"], ["--steps"]) is None
    assert typed_for([], ["--steps", "0"]) is None
