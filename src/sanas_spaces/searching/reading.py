"""Read the record of a search, wherever it is, without going on with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna

from ..combine import CombinedSpace
from ..errors import BuildError, RecordError, RegistryError, SanasError
from ..registry import SEARCHSPACE
from ..tables import Space
from ..tokens import TokenField, TokenTable, are_ordered
from .algorithms import Choices, RandomSearch
from .constraints import Constraints
from .engine import Engine
from .pareto import Objectives
from .places import JOURNAL_SUFFIX, STUDY_NAME, JournalFile, Place, place_of
from .record import Record
from .result import SearchResult
from .studies import read_header


class RecordedSpace:
    """The choices of a search whose space is not registered here: all of it but the networks.

    Args:
        configs: Configs of the search.
        table: Its choices, as the record tells them.
        input_shape: Image shape [C, H, W].
        reason: Why the space itself is not there.
    """

    def __init__(
        self, configs: Sequence[tuple[str, dict[str, Any]]], table: TokenTable, input_shape: Any, reason: Exception
    ) -> None:
        self.configs = list(configs)
        self.table = table
        self.input_shape = input_shape
        self.reason = reason
        self.metrics: tuple[str, ...] = ()
        self.features: tuple[str, ...] = ()
        self.starts_random = True

    @property
    def names(self) -> list[str]:
        """Names of the spaces."""
        return [name for name, _ in self.configs]

    def range_table(self) -> list[int]:
        """Number of options of each token."""
        return self.table.range_table

    def init_tokens(self, tokens: Sequence[int] | None = None, *, rng: np.random.Generator | None = None) -> list[int]:
        """Random tokens, or ``tokens`` after a check."""
        return self.table.random(rng or np.random.default_rng()) if tokens is None else self.table.check(tokens)

    def holds(self, tokens: Sequence[int]) -> bool:
        """Whether there is a network of these tokens."""
        return True

    def token2arch(self, tokens: Sequence[int]) -> Any:
        """Networks cannot be told.

        Raises:
            BuildError: Always; it says what is missing.
        """
        raise BuildError(f"the networks of {', '.join(self.names)} are not known here: {self.reason}")


def read_result(source: str | Path, study: str = STUDY_NAME) -> SearchResult:
    """What a search has found, of a finished one or of one that still runs.

    Args:
        source: Folder of a run, path of its journal or SQLite file, or URL of its database.
        study: Name of the search in a database.

    Returns:
        The result. If the spaces of the search are not registered in this process, its ``space`` is a
        :class:`RecordedSpace`, which knows the choices and not the networks.

    Raises:
        RecordError: There is no record, or it is damaged.
    """
    place = _place(source, study)
    place.check()
    header = read_header(place)
    configs = [(name, config) for name, config in header["configs"]]
    space = _space(configs, header, place)
    record = Record.load(place, space.table, {})
    shape = tuple(header["input_shape"])
    algorithm = RandomSearch(Choices.of(space.table), header["init_tokens"], seed=0)
    engine = Engine(
        space,
        record,
        algorithm,
        Constraints(None),
        input_shape=cast(Any, shape),
        objectives=Objectives(header.get("objectives")),
    )
    folder = place.path.parent if isinstance(place, JournalFile) else None
    return SearchResult(engine, folder)


def _place(source: str | Path, study: str) -> Place:
    text = str(source)
    path = Path(text.removeprefix("sqlite:///"))
    if path.is_dir():
        found = sorted(path.glob(f"*{JOURNAL_SUFFIX}"), key=lambda one: one.stat().st_mtime)
        if not found:
            raise RecordError(f"{path} holds no record of a search (*{JOURNAL_SUFFIX})")
        return JournalFile(found[-1])
    if (text.startswith("sqlite:///") or "://" not in text) and not path.is_file():
        raise RecordError(f"{source}: there is no record of a search here")
    return place_of(source, study)


def _space(configs: Sequence[tuple[str, dict[str, Any]]], header: Mapping[str, Any], place: Place) -> Space:
    try:
        unknown = [name for name, _ in configs if name not in SEARCHSPACE]
        if unknown:
            raise RegistryError(f"{unknown[0]!r} is not registered; import the module that registers it first")
        space = CombinedSpace(list(configs))
        if space.range_table() != list(header["range_table"]):
            raise RecordError(f"{', '.join(space.names)} has other choices here than in the record")
        return space
    except SanasError as error:
        table = _recorded_table(place, header["range_table"])
        return cast(Space, RecordedSpace(configs, table, tuple(header["input_shape"]), error))


def _recorded_table(place: Place, range_table: Sequence[int]) -> TokenTable:
    """The choices that the trials of a record were drawn from, in the order of the tokens."""
    study = optuna.load_study(storage=place.storage(), study_name=place.study)
    for trial in study.get_trials(deepcopy=False):
        found = {name: getattr(one, "choices", ()) for name, one in trial.distributions.items()}
        if [len(options) for options in found.values()] == list(range_table):
            return TokenTable(
                tuple(TokenField(name, tuple(options), are_ordered(options)) for name, options in found.items())
            )
    return TokenTable.from_range_table(range_table)
