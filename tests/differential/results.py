"""Results of earlier runs, so that a run that was stopped goes on, and what PaddleSlim built is built once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .environment import ROOT
from .forms import Form

HERE = Path(__file__).parent
PACKAGE = ROOT / "src" / "sanas_spaces"
IRRELEVANT = ("__init__", "canonical", "draw", "errors", "optional", "paddleslim", "registry")
FIGURES = ("md5", "flops", "shapes")


def code() -> dict[str, str]:
    """Fingerprints of the code that decides what each side computes; results of other code do not count."""
    reference = [HERE / f"{name}.py" for name in ("forms", "reference", "worker")]
    reference.append(ROOT / "tests" / "golden" / "record.py")
    here = [HERE / f"{name}.py" for name in ("compare", "describing", "ours")]
    here += [file for file in PACKAGE.glob("*.py") if file.stem not in IRRELEVANT]
    here += PACKAGE.glob("spaces/*.py")
    versions = f"{version('paddlepaddle')} {version('numpy')}"
    return {"reference": _fingerprint(reference), "here": _fingerprint(here, versions)}


class Results:
    """Results of one form: a file with a JSON line for each case, which names the code that made it.

    Args:
        folder: Folder of the files.
        form: The form.
        code: See :func:`code`.
    """

    def __init__(self, folder: Path, form: Form, code: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{form.key}.jsonl"
        self._code = code
        self._cases: dict[int, dict[str, Any]] = {}
        self._earlier: dict[int, dict[str, Any]] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else []:
            case = _parsed(line)
            if case is None or case.get("code", {}).get("reference") != code["reference"]:
                continue  # half a line of a run that was killed, or what no longer counts
            if case["code"] == code:
                self._cases[case["index"]] = case
            if "md5" in case:
                self._earlier[case["index"]] = case
        current = {**self._earlier, **self._cases}
        # in one step, so that a run that is killed leaves the old file or the new one
        fresh = self._path.with_suffix(".new")
        fresh.write_text("".join(json.dumps(case) + "\n" for case in current.values()))
        fresh.replace(self._path)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([self._cases[index] for index in sorted(self._cases)])

    def open_cases(self, cases: int, outputs: int) -> list[tuple[int, bool]]:
        """Index of each case that is to be done, and whether its numbers are wanted."""
        wanted = [(index, index < outputs) for index in range(cases)]
        return [
            (index, numbers)
            for index, numbers in wanted
            if index not in self._cases or (numbers and not self._cases[index]["computed"])
        ]

    def figures(self, index: int) -> dict[str, Any] | None:
        """What PaddleSlim built in an earlier run, if other code of this library was compared with it."""
        return {key: self._earlier[index][key] for key in FIGURES} if index in self._earlier else None

    def add(self, cases: Iterable[dict[str, Any]]) -> None:
        """Keep finished cases."""
        with self._path.open("a") as file:
            for found in cases:
                case = {**found, "code": self._code}
                self._cases[case["index"]] = case
                file.write(json.dumps(case) + "\n")


def _fingerprint(files: list[Path], more: str = "") -> str:
    together = hashlib.sha256(more.encode())
    for file in sorted(files):
        together.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return together.hexdigest()[:16]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
