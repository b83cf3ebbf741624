"""Record a real run of ``sanas search`` as docs/images/search.svg: python docs/record_terminal.py FOLDER."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from rich.console import Console

from sanas_spaces.cli import search as command
from sanas_spaces.cli import terminal
from sanas_spaces.cli.app import app, prepare

IMAGE = Path(__file__).with_name("images") / "search.svg"


def main() -> None:
    """Run the default search into FOLDER with a console that remembers what it shows."""
    prepare()
    console = Console(record=True, width=84, force_terminal=True, highlight=False)
    terminal.console = command.console = console
    console.print("$ sanas search")
    try:
        app(["search", "--output", sys.argv[1]], standalone_mode=False)
    finally:
        IMAGE.parent.mkdir(exist_ok=True)
        picture = console.export_svg(title="sanas search")
        IMAGE.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL))  # fonts from the web


if __name__ == "__main__":
    main()
