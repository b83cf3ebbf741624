"""Help pages: what a command does, examples to copy, options; without colours and boxes, as wide as the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")


class Command(TyperCommand):
    """A command whose docstring ends with ``Examples:`` and a command line per line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            value = typed_for(getattr(error.param, "opts", ()), typed)
            if value is not None and repr(value) not in error.message:
                error.message = f"{value!r}: {error.message}"
            raise

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        whole, (self.help, examples) = self.help, divide(self.help or "")
        super().format_help_text(ctx, formatter)
        self.help = whole
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(fold(example, formatter.width))


def add(app: typer.Typer, name: str, function: Callable[..., None]) -> None:
    """Make a function the subcommand of this name; its first sentence is what ``sanas --help`` tells of it."""
    summary = " ".join((function.__doc__ or "").split("\n\n")[0].split())
    app.command(name, cls=Command, short_help=summary.split(". ")[0].rstrip(".") + ".")(function)


def typed_for(options: Sequence[str], arguments: Sequence[str]) -> str | None:
    """What was typed for an option, None if it was not typed."""
    for word, after in zip(arguments, [*arguments[1:], None], strict=True):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else after
    return None


def divide(text: str) -> tuple[str, list[str]]:
    """A docstring without its examples, and the examples."""
    before, _, after = text.partition("Examples:\n")
    return before.rstrip(), [line.strip().rstrip(";") for line in after.splitlines() if line.strip()]


def fold(command: str, width: int) -> str:
    """A command line, folded between words in a way that a shell understands."""
    lines = [" "]
    for word in _WORD.findall(command):
        if len(lines[-1]) + len(word) + 3 > width and len(lines[-1]) > 4:
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += f" {word}"
    return "\n".join(lines) + "\n"
