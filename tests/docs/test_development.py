"""The table of modules in docs/development.md is that of the package, and so is the order it promises."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from .pages import ROOT

PACKAGE = ROOT / "src" / "sanas_spaces"
PAGE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")


def table() -> list[list[str]]:
    """Names of the modules in each row of the table."""
    section = PAGE.split("\n## Modules\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    return [[name.rstrip("/") for name in re.findall(r"`([\w/]+)`", row)] for row in rows]


def imported(path: Path) -> set[str]:
    """Modules of this package that a file imports, by their first name."""
    depth = len(path.relative_to(PACKAGE).parts)  # 1: beside __init__.py
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
    return found


def test_every_module_is_in_the_table() -> None:
    listed = [name for row in table() for name in row]
    present = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(listed) == sorted(present - {"__init__"})


def test_modules_import_only_from_above() -> None:
    place = {name: number for number, row in enumerate(table()) for name in row}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name == "__init__":
            continue
        for other in imported(path) & set(place):
            assert place[other] <= place[name], f"{path.relative_to(ROOT)} imports {other}, which stands below it"
