"""What a shell completes besides commands and options: names of spaces, formats, algorithms, pruners."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..export import FORMATS
from ..registry import SEARCHSPACE
from ..searching import ALGORITHMS, PRUNERS


def _among(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [name for name in sorted(names()) if name.startswith(incomplete)]

    return complete


complete_space = _among(lambda: SEARCHSPACE)
complete_format = _among(lambda: FORMATS)
complete_algorithm = _among(lambda: ALGORITHMS)
complete_pruner = _among(lambda: PRUNERS)
