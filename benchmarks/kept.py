"""Runs of a benchmark that are kept, so that one that is interrupted goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from sanas_spaces.files import write_text

Run = TypeVar("Run")


def kept_runs(path: Path, kind: type[Run], seeds: int, run: Callable[[range], Iterable[Run]]) -> list[Run]:
    """Runs of all seeds; each is kept as soon as it and those before are done, and not run again.

    Args:
        path: The file they are kept in.
        kind: Their dataclass, of what JSON can hold.
        seeds: How many are wanted.
        run: Runs some seeds, in their order.
    """
    kept = [kind(**one) for one in json.loads(path.read_text())] if path.exists() else []
    for one in run(range(len(kept), seeds)):
        kept.append(one)
        write_text(path, json.dumps([vars(one) for one in kept]))
    return kept[:seeds]
