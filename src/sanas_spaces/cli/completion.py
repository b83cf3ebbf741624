"""What a shell completes besides commands and options: names of spaces, formats, algorithms, pruners."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..export import FORMATS
from ..registry import SEARCHSPACE
from ..searching import ALGORITHMS, PRUNERS


def _among(names: Iterable[str]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [name for name in sorted(names) if name.startswith(incomplete)]

    return complete


complete_space = _among(SEARCHSPACE)
complete_format = _among(FORMATS)
complete_algorithm = _among(ALGORITHMS)
complete_pruner = _among(PRUNERS)
