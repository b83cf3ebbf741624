"""The record of a search: an Optuna study in memory or in a journal file, and a compact copy of it at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalFileSymlinkLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..errors import RecordError
from ..tokens import TokenTable

HEADER = "sanas:search"
FORMAT = 1
STUDY_NAME = "sanas"
BEFORE = {"algorithm": "paddleslim"}
"""What held for records from before it was written down."""
_LOCK_GRACE_SECONDS = 10

JOURNAL_SUFFIX = ".journal"


@dataclass
class Entry:
    """One candidate of the record.

    Attributes:
        number: Its number, from 0.
        tokens: Its tokens.
        state: ``RUNNING`` while it is open, then ``COMPLETE``, ``FAIL`` or, stopped early, ``PRUNED``.
        values: Its value for each goal, None unless complete.
        attrs: What was noted with it: canonical hash, cost, reason of a failure.
        scores: Its scores on the way, by step.
    """

    number: int
    tokens: tuple[int, ...]
    state: TrialState
    values: tuple[float, ...] | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)

    @property
    def reward(self) -> float | None:
        """Its reward, None unless complete and the only goal."""
        return self.values[0] if self.values is not None and len(self.values) == 1 else None


class Record:
    """Every proposal and reward of one search, written at once.

    Args:
        storage: Optuna storage that holds the study.
        study: The study.
        table: The choices behind the tokens.
    """

    def __init__(self, storage: BaseStorage, study: optuna.Study, table: TokenTable) -> None:
        self.study = study
        self.entries: list[Entry] = []
        self._storage = storage
        self._study_id = study._study_id
        self._names = [choice.label for choice in table.fields]
        self._options = [choice.options for choice in table.fields]
        self._distributions = distributions(table)
        self._trial_ids: list[int] = []
        self._open: dict[int, Entry] = {}
        self.header: dict[str, Any] = {**BEFORE, **study.user_attrs.get(HEADER, {})}
        for trial in storage.get_all_trials(self._study_id, deepcopy=False):
            self._keep(trial)

    @classmethod
    def create(cls, path: Path | None, table: TokenTable, header: Mapping[str, Any]) -> Record:
        """Start a record, in memory without a ``path``.

        Raises:
            RecordError: The file exists already or cannot be written.
        """
        if path is not None and path.exists():
            raise RecordError(f"{path} exists already; resume it, or choose another folder")
        storage = _storage(path)
        with _quiet():
            study = optuna.create_study(storage=storage, study_name=STUDY_NAME, directions=directions(header))
        study.set_user_attr(HEADER, {"format": FORMAT, **header})
        return cls(storage, study, table)

    @classmethod
    def load(cls, path: Path, table: TokenTable, expected: Mapping[str, Any]) -> Record:
        """Continue the record in ``path``.

        Raises:
            RecordError: The file is missing, damaged, or of another search; then both values are shown.
        """
        header = read_header(path)
        for key, value in expected.items():
            if value is not None and header.get(key) != json.loads(json.dumps(value)):
                raise RecordError(
                    f"{path} is the record of another search: {key} was {header.get(key)!r}, and is {value!r} now"
                )
        storage = _storage(path)
        with _quiet():
            study = optuna.load_study(storage=storage, study_name=STUDY_NAME)
        return cls(storage, study, table)

    def copy_to(self, path: Path | None, table: TokenTable) -> Record:
        """Copy everything into a new record and return that; a file appears only when it is complete."""
        if path is None:
            return self._copy(None, table)
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        self._copy(part, table)
        part.rename(path)
        return Record.load(path, table, {})

    def _copy(self, path: Path | None, table: TokenTable) -> Record:
        copy = Record.create(path, table, {key: value for key, value in self.header.items() if key != "format"})
        for trial in self._storage.get_all_trials(self._study_id, deepcopy=False):
            copy._keep(copy._storage.get_trial(copy._storage.create_new_trial(copy._study_id, trial)))
        return copy

    def add(
        self,
        tokens: Sequence[int],
        attrs: Mapping[str, Any],
        state: TrialState = TrialState.RUNNING,
        values: Sequence[float] | None = None,
    ) -> Entry:
        """Write a candidate, open unless another state is given."""
        now = datetime.now()
        params = {name: opts[t] for name, opts, t in zip(self._names, self._options, tokens, strict=True)}
        template = FrozenTrial(
            number=-1,  # the storage gives the real one
            value=None,
            trial_id=-1,
            state=state,
            values=values,
            datetime_start=now,
            datetime_complete=now if state.is_finished() else None,
            params=params,
            distributions=self._distributions,
            user_attrs={"tokens": list(tokens), **attrs},
            system_attrs={},
            intermediate_values={},
        )
        trial_id = self._storage.create_new_trial(self._study_id, template)
        return self._keep(self._storage.get_trial(trial_id))

    def tell(self, entry: Entry, values: Sequence[float]) -> None:
        """Write the values of an open candidate."""
        self._storage.set_trial_state_values(self._trial_ids[entry.number], TrialState.COMPLETE, list(values))
        entry.state, entry.values = TrialState.COMPLETE, tuple(values)
        del self._open[entry.number]

    def fail(self, entry: Entry, reason: str) -> None:
        """Write that an open candidate could not be evaluated."""
        self.note(entry, "reason", reason)
        self._storage.set_trial_state_values(self._trial_ids[entry.number], TrialState.FAIL, None)
        entry.state = TrialState.FAIL
        del self._open[entry.number]

    def report(self, entry: Entry, step: int, score: float) -> None:
        """Write a score of an open candidate after ``step``."""
        self._storage.set_trial_intermediate_value(self._trial_ids[entry.number], step, score)
        entry.scores[step] = score

    def prune(self, entry: Entry) -> None:
        """Write that an open candidate was stopped early; Optuna keeps its last score as its value."""
        last = [entry.scores[max(entry.scores)]] if entry.scores else None
        self._storage.set_trial_state_values(self._trial_ids[entry.number], TrialState.PRUNED, last)
        entry.state = TrialState.PRUNED
        del self._open[entry.number]

    def trial(self, entry: Entry) -> FrozenTrial:
        """The candidate as Optuna has it."""
        return self._storage.get_trial(self._trial_ids[entry.number])

    def note(self, entry: Entry, key: str, value: Any) -> None:
        """Write something about an open candidate."""
        self._storage.set_trial_user_attr(self._trial_ids[entry.number], key, value)
        entry.attrs[key] = value

    @property
    def open_entries(self) -> list[Entry]:
        """Candidates that were handed out and have no result, oldest first."""
        return list(self._open.values())

    def _keep(self, trial: FrozenTrial) -> Entry:
        attrs = dict(trial.user_attrs)
        tokens = tuple(attrs.pop("tokens", ()))
        if len(tokens) != len(self._names) or trial.number != len(self.entries):
            raise RecordError(f"candidate {trial.number} of the record has no valid tokens: {tokens}")
        # storages that keep trials in memory would keep thousands of equal distributions and names otherwise
        trial.distributions = self._distributions
        trial.params = {name: trial.params[name] for name in self._names}
        complete = trial.state is TrialState.COMPLETE
        values = tuple(trial.values) if trial.values and complete else None
        entry = Entry(trial.number, tokens, trial.state, values, attrs, dict(trial.intermediate_values))
        self.entries.append(entry)
        self._trial_ids.append(trial._trial_id)
        if entry.state is TrialState.RUNNING:
            self._open[entry.number] = entry
        return entry


def distributions(table: TokenTable) -> dict[str, BaseDistribution]:
    """Optuna's view of the choices: one categorical parameter per token, by its label."""
    return {choice.label: CategoricalDistribution(choice.options) for choice in table.fields}


def directions(header: Mapping[str, Any]) -> list[StudyDirection]:
    """The directions of a search's goals."""
    goals = header.get("objectives") or {"reward": "max"}
    return [StudyDirection.MAXIMIZE if one == "max" else StudyDirection.MINIMIZE for one in goals.values()]


def read_header(path: Path) -> dict[str, Any]:
    """What a record says about its search, without a table to read its candidates with.

    Raises:
        RecordError: The file is missing or damaged.
    """
    if not path.is_file():
        raise RecordError(f"{path}: there is no record of a search here")
    _drop_torn_line(path)
    try:
        with _quiet():
            study = optuna.load_study(storage=_storage(path), study_name=STUDY_NAME)
        header = study.user_attrs.get(HEADER)
    except (KeyError, ValueError, TypeError, AssertionError) as error:
        raise RecordError(f"{path} is damaged or is no record of a search: {error}") from error
    if not isinstance(header, dict):
        raise RecordError(f"{path} holds an Optuna study that is no search of this library")
    if header.get("format") != FORMAT:
        raise RecordError(f"{path} has record format {header.get('format')!r}, this version reads {FORMAT}")
    return {**BEFORE, **header}


def new_record_path(folder: Path, name: str) -> Path:
    """A path in ``folder`` that no earlier record uses: ``name.journal``, ``name-2.journal``, ..."""
    numbers = [number for number, _ in _records(folder, name)]
    suffix = f"-{max(numbers) + 1}" if numbers else ""
    return folder / f"{name}{suffix}{JOURNAL_SUFFIX}"


def has_record(folder: Path, name: str) -> bool:
    """Whether ``folder`` holds a record called ``name``."""
    return bool(_records(folder, name))


def latest_record_path(folder: Path, name: str) -> Path:
    """The newest record of ``name`` in ``folder``.

    Raises:
        RecordError: There is none.
    """
    found = _records(folder, name)
    if not found:
        raise RecordError(f"{folder} holds no record of a search ({name}{JOURNAL_SUFFIX})")
    return max(found)[1]


def _records(folder: Path, name: str) -> list[tuple[int, Path]]:
    found = []
    for path in folder.glob(f"{name}*{JOURNAL_SUFFIX}"):
        rest = path.name[len(name) : -len(JOURNAL_SUFFIX)]
        if rest == "" or (rest.startswith("-") and rest[1:].isdigit()):
            found.append((int(rest[1:] or 1), path))
    return found


def _storage(path: Path | None) -> BaseStorage:
    if path is None:
        return InMemoryStorage()
    lock_class = JournalFileOpenLock if os.name == "nt" else JournalFileSymlinkLock
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_class(str(path), grace_period=_LOCK_GRACE_SECONDS)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except OSError as error:
        raise RecordError(f"the record {path} cannot be written: {error}") from error


def _drop_torn_line(path: Path) -> None:
    """Cut a last line that was being written when its process was killed: nothing in it was ever acknowledged."""
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("rb+") as file:
            file.truncate(data.rfind(b"\n") + 1)


class _quiet:  # noqa: N801 - reads as a statement
    """Keep Optuna from announcing studies on the terminal of a library's user."""

    def __enter__(self) -> None:
        self._level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def __exit__(self, *error: object) -> None:
        optuna.logging.set_verbosity(self._level)
