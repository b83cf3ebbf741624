"""The Optuna study of a record, as far as it says of which search it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.study import StudyDirection

from .. import __version__
from ..errors import RecordError
from ..tokens import TokenTable
from .places import Place

HEADER = "sanas:search"
FORMAT = 1
BEFORE = {"algorithm": "paddleslim", "space_versions": {}}
"""What held for records from before it was written down."""


def distributions(table: TokenTable) -> dict[str, BaseDistribution]:
    """Optuna's view of the choices: one categorical parameter per token, by its label."""
    return {choice.label: CategoricalDistribution(choice.options) for choice in table.fields}


def directions(header: Mapping[str, Any]) -> list[StudyDirection]:
    """The directions of a search's goals."""
    goals = header.get("objectives") or {"reward": "max"}
    return [StudyDirection.MAXIMIZE if one == "max" else StudyDirection.MINIMIZE for one in goals.values()]


def name_goals(study: optuna.Study, header: Mapping[str, Any]) -> None:
    """Tell Optuna's plots and its dashboard what the goals are called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(header.get("objectives") or ["reward"]))


def read_header(place: Place) -> dict[str, Any]:
    """What a record says about its search, without a table to read its candidates with.

    Raises:
        RecordError: It is missing or damaged.
    """
    return header_of(place, open_study(place))


def has_search(place: Place) -> bool:
    """Whether a place holds a search already; what is left of one that was killed at its very beginning is removed.

    Call it while the place is held exclusively.
    """
    if not place.exists():
        return False

    def look() -> bool:
        storage = place.storage()
        if place.study not in optuna.get_all_study_names(storage=storage):
            return False
        with quiet():
            study = optuna.load_study(storage=storage, study_name=place.study)
        if study.user_attrs or study.get_trials(deepcopy=False):
            return True
        optuna.delete_study(study_name=place.study, storage=storage)
        return False

    with reading(place):
        return place.patiently(look)


def open_study(place: Place) -> optuna.Study:
    """The study of a record.

    Raises:
        RecordError: It is missing or damaged.
    """
    if not place.exists():
        raise RecordError(f"{place}: there is no record of a search here")

    def load() -> optuna.Study | None:
        storage = place.storage()
        if place.study not in optuna.get_all_study_names(storage=storage):
            return None
        with quiet():
            return optuna.load_study(storage=storage, study_name=place.study)

    with reading(place):
        study = place.patiently(load)
    if study is None:
        raise RecordError(f"{place} holds no search called {place.study!r}")
    return study


@contextmanager
def reading(place: Place) -> Iterator[None]:
    """Tell that a record is damaged, in place of what Optuna raises then."""
    try:
        yield
    except RecordError:
        raise
    except (KeyError, ValueError, TypeError, AssertionError) as error:
        what = str(error) or type(error).__name__
        raise RecordError(f"{place}{place.damage()} is damaged or is no record of a search: {what}") from error


def header_of(place: Place, study: optuna.Study) -> dict[str, Any]:
    """What a record says about its search.

    Raises:
        RecordError: It is of something else, or in the format of another version.
    """
    header = place.patiently(lambda: study.user_attrs).get(HEADER)
    if not isinstance(header, dict):
        raise RecordError(f"{place} holds an Optuna study that is no search of this library")
    if header.get("format") != FORMAT:
        raise RecordError(
            f"{place} has record format {header.get('format')!r} of sanas-spaces {header.get('version', '(unknown)')}; "
            f"this is sanas-spaces {__version__}, which reads format {FORMAT}"
        )
    return {**BEFORE, **header}


class quiet:  # noqa: N801 - reads as a statement
    """Keep Optuna from announcing studies on the terminal of a library's user."""

    def __enter__(self) -> None:
        self._level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def __exit__(self, *error: object) -> None:
        optuna.logging.set_verbosity(self._level)
