"""Record a real run of ``sanas search`` as docs/images/search.svg: python docs/record_terminal.py FOLDER."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from rich.console import Console

from sanas_spaces.cli import course, display, terminal
from sanas_spaces.cli.app import app, prepare

IMAGE = Path(__file__).resolve().with_name("images") / "search.svg"


def main() -> None:
    """Run the default search in FOLDER with a console that remembers what it shows."""
    prepare()
    os.chdir(sys.argv[1])
    # no terminal, so no bar that redraws itself; colours all the same
    console = Console(record=True, width=80, force_terminal=False, color_system="truecolor", highlight=False)
    for module in (terminal, course, display):
        module.console = console
    console.print("$ sanas search")
    try:
        app(["search"], standalone_mode=False)
    finally:
        IMAGE.parent.mkdir(exist_ok=True)
        picture = console.export_svg(title="sanas search")
        IMAGE.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL))  # fonts from the web


if __name__ == "__main__":
    main()
