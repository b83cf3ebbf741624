"""The record of a search: an Optuna study in some place, and a compact copy of it at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from ..errors import RecordError
from ..tokens import TokenTable
from .journal import Journal
from .places import JournalFile, Place, lock_file
from .studies import (
    BEFORE,
    FORMAT,
    HEADER,
    directions,
    distributions,
    has_search,
    header_of,
    name_goals,
    open_study,
    quiet,
    reading,
)


class LockLostError(Exception):
    """A server has forgotten who may propose, so somebody else may have proposed since; to begin again."""


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
        place: Where it is kept.
        study: The study.
        table: The choices behind the tokens.
    """

    def __init__(self, place: Place, study: optuna.Study, table: TokenTable) -> None:
        self.place = place
        self.study = study
        self.entries: list[Entry] = []
        self._storage = study._storage
        self._study_id = study._study_id
        self._names = [choice.label for choice in table.fields]
        self._options = [choice.options for choice in table.fields]
        self._distributions = distributions(table)
        self._trial_ids: list[int] = []
        self._open: dict[int, Entry] = {}
        self._grouped = self._alone = False
        self.header: dict[str, Any] = {**BEFORE, **place.patiently(lambda: study.user_attrs).get(HEADER, {})}
        self.sync()

    @classmethod
    def create(cls, place: Place, table: TokenTable, header: Mapping[str, Any]) -> Record:
        """Start a record.

        Raises:
            RecordError: There is one already, or it cannot be written.
        """
        if isinstance(place, JournalFile) and place.path.exists() and has_search(place):
            raise RecordError(f"{place} exists already; resume it, or choose another folder")
        tried = False

        def create() -> optuna.Study:
            nonlocal tried
            again, tried = tried, True  # the first try was perhaps written although its answer was lost
            with quiet():
                study = optuna.create_study(
                    storage=place.storage(),
                    study_name=place.study,
                    directions=directions(header),
                    load_if_exists=again,
                )
            if HEADER in study.user_attrs and study.user_attrs[HEADER] != {"format": FORMAT, **header}:
                raise DuplicatedStudyError
            name_goals(study, header)
            study.set_user_attr(HEADER, {"format": FORMAT, **header})
            return study

        try:
            return cls(place, place.patiently(create), table)
        except DuplicatedStudyError:
            raise RecordError(f"{place} holds a search called {place.study!r} already") from None

    @classmethod
    def load(cls, place: Place, table: TokenTable, expected: Mapping[str, Any]) -> Record:
        """Continue the record in ``place``.

        Raises:
            RecordError: It is missing, damaged, or of another search; then both values are shown.
        """
        study = open_study(place)
        header = header_of(place, study)
        for key, value in expected.items():
            if value is not None and header.get(key) != json.loads(json.dumps(value)):
                raise RecordError(
                    f"{place} is the record of another search: {key} was {header.get(key)!r}, and is {value!r} now"
                )
        return cls(place, study, table)

    def exclusive(self) -> AbstractContextManager[Any]:
        """Hold this while a candidate is chosen: no other process proposes meanwhile."""
        return self.place.exclusive()

    @contextmanager
    def group(self) -> Iterator[None]:
        """Write what is done inside at once, if the place can, and let other processes wait meanwhile.

        Raises:
            RecordError: It could not be written; the next group writes it, too.
        """
        if not isinstance(self._storage, Journal):
            yield
            return
        try:
            with self.exclusive(), self._storage.group():
                self._grouped = True
                yield
        except OSError as error:
            raise RecordError(f"{self.place} cannot be written: {error}") from error
        finally:
            self._grouped = self._alone = False

    def sync(self) -> list[Entry]:
        """Read what other processes have written.

        Returns:
            Entries that are new or have changed, by number.
        """
        if self._alone:
            return []
        with reading(self.place):
            trials = self.place.patiently(lambda: self._storage.get_all_trials(self._study_id, deepcopy=False))
        changed = []
        for entry in self.open_entries:
            trial = trials[entry.number]
            fresh = self._entry(trial)
            if fresh != entry:
                entry.state, entry.values, entry.attrs, entry.scores = (
                    fresh.state,
                    fresh.values,
                    fresh.attrs,
                    fresh.scores,
                )
                changed.append(entry)
                if entry.state is not TrialState.RUNNING:
                    del self._open[entry.number]
        self._alone = self._grouped or not self.place.shared
        return changed + [self._keep(trial) for trial in trials[len(self.entries) :]]

    def copy_to(self, place: Place, table: TokenTable) -> Record:
        """Copy everything into a new record and return that; a file appears only when it is complete.

        Raises:
            RecordError: There is one already, or it cannot be written.
        """
        if not isinstance(place, JournalFile):
            return self._copy(place, table)
        if has_search(place):
            raise RecordError(f"{place} holds a search already; load that, or choose another file")
        part = place.path.with_name(place.path.name + ".part")
        part.unlink(missing_ok=True)
        self._copy(JournalFile(part), table)
        part.rename(place.path)
        for kind in ("proposing", "writing"):
            lock_file(part, kind).unlink(missing_ok=True)
        return Record.load(place, table, {})

    def _copy(self, place: Place, table: TokenTable) -> Record:
        copy = Record.create(place, table, {key: value for key, value in self.header.items() if key != "format"})
        for trial in self.place.patiently(lambda: self._storage.get_all_trials(self._study_id, deepcopy=False)):
            copy._keep(copy._storage.get_trial(copy._storage.create_new_trial(copy._study_id, trial)))
        return copy

    def add(
        self,
        tokens: Sequence[int],
        attrs: Mapping[str, Any],
        state: TrialState = TrialState.RUNNING,
        values: Sequence[float] | None = None,
    ) -> Entry:
        """Write a candidate, open unless another state is given.

        Candidates that others have written before it, because the lock of those who propose was lost together with
        its server, are read, too.

        Raises:
            LockLostError: That lock was just lost, and nothing is written.
        """
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
        known = len(self.entries)

        def create() -> Entry:
            self.sync()
            for entry in self.entries[known:]:  # a first try that was written although its answer was lost
                if entry.tokens == tuple(tokens) and entry.attrs == attrs:
                    return entry
            if not self.place.holds_lock:
                raise LockLostError
            trial_id = self._storage.create_new_trial(self._study_id, template)
            if self._alone:
                return self._keep(self._storage.get_trial(trial_id))
            number = self._storage.get_trial_number_from_id(trial_id)
            self.sync()
            return self.entries[number]

        return self.place.patiently(create)

    def tell(self, entry: Entry, values: Sequence[float]) -> bool:
        """Write the values of an open candidate; False if another process has closed it."""
        return self._close(entry, TrialState.COMPLETE, list(values))

    def fail(self, entry: Entry, reason: str) -> bool:
        """Write that an open candidate could not be evaluated; False if another process has closed it."""
        return self.note(entry, "reason", reason) and self._close(entry, TrialState.FAIL, None)

    def report(self, entry: Entry, step: int, score: float) -> bool:
        """Write a score of an open candidate after ``step``; False if another process has closed it."""
        if not self._write(self._storage.set_trial_intermediate_value, entry, step, score):
            return False
        entry.scores[step] = score
        return True

    def prune(self, entry: Entry) -> bool:
        """Write that an open candidate was stopped early; Optuna keeps its last score as its value."""
        last = [entry.scores[max(entry.scores)]] if entry.scores else None
        return self._close(entry, TrialState.PRUNED, last)

    def _close(self, entry: Entry, state: TrialState, values: list[float] | None) -> bool:
        if not self._write(self._storage.set_trial_state_values, entry, state, values):
            return False
        entry.state = state
        entry.values = tuple(values) if values and state is TrialState.COMPLETE else None
        del self._open[entry.number]
        return True

    def trial(self, entry: Entry) -> FrozenTrial:
        """The candidate as Optuna has it."""
        return self.place.patiently(lambda: self._storage.get_trial(self._trial_ids[entry.number]))

    def note(self, entry: Entry, key: str, value: Any) -> bool:
        """Write something about an open candidate; False if another process has closed it."""
        if not self._write(self._storage.set_trial_user_attr, entry, key, value):
            return False
        entry.attrs[key] = value
        return True

    def _write(self, method: Callable[..., Any], entry: Entry, *arguments: Any) -> bool:
        """Call a method of the storage for an open candidate; False if another process has closed it."""
        try:
            self.place.patiently(lambda: method(self._trial_ids[entry.number], *arguments))
        except UpdateFinishedTrialError:
            return False
        return True

    @property
    def open_entries(self) -> list[Entry]:
        """Candidates that were handed out and have no result, oldest first."""
        return list(self._open.values())

    def _keep(self, trial: FrozenTrial) -> Entry:
        # storages that keep trials in memory would keep thousands of equal distributions and names otherwise
        trial.distributions = self._distributions
        trial.params = {name: trial.params[name] for name in self._names if name in trial.params}
        entry = self._entry(trial)
        self.entries.append(entry)
        self._trial_ids.append(trial._trial_id)
        if entry.state is TrialState.RUNNING:
            self._open[entry.number] = entry
        return entry

    def _entry(self, trial: FrozenTrial) -> Entry:
        attrs = dict(trial.user_attrs)
        tokens = tuple(attrs.pop("tokens", ()))
        if len(tokens) != len(self._names):
            raise RecordError(f"candidate {trial.number} of {self.place} has no valid tokens: {tokens}")
        values = tuple(trial.values) if trial.values and trial.state is TrialState.COMPLETE else None
        return Entry(trial.number, tokens, trial.state, values, attrs, dict(trial.intermediate_values))
