"""What is logged of a search, wherever it is logged to."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.trial import TrialState

from ..searching import SearchResult
from ..searching.learning import ESTIMATE


@dataclass(frozen=True)
class Facts:
    """A candidate that is done.

    Attributes:
        number: Its number in the search.
        state: ``"complete"``, ``"pruned"`` or ``"fail"``.
        tokens: Its tokens.
        choices: What the tokens pick, by names for people; numbers, text or truth values.
        values: Its value for each goal, empty unless complete.
        figures: Its cost, and what else the evaluation told in numbers.
        best: For each goal, the best value of this and all earlier candidates.
        scores: Its scores on the way, by step.
        reason: Why it failed.
        ended: When its result was recorded.
    """

    number: int
    state: str
    tokens: list[int]
    choices: dict[str, Any]
    values: dict[str, float]
    figures: dict[str, float]
    best: dict[str, float]
    scores: dict[int, float]
    reason: str | None
    ended: datetime

    @property
    def metrics(self) -> dict[str, float]:
        """Values and figures."""
        return {**self.figures, **self.values}

    @property
    def failure(self) -> str | None:
        """What failed, and why, in a line; None unless it did."""
        return f"candidate {self.number}, tokens {self.tokens}: {self.reason}" if self.state == "fail" else None


def facts_of(result: SearchResult, logged: Collection[int] = ()) -> Iterator[Facts]:
    """The candidates of a search that are done, in their order, without those of the numbers ``logged``."""
    goals = result.objectives
    signs = dict(zip(goals.names, goals.signs.tolist(), strict=True))
    record, table = result.engine.record, result.space.table
    best: dict[str, float] = {}
    for entry in record.entries:
        if entry.state is TrialState.RUNNING:
            continue
        values = dict(zip(goals.names, entry.values or (), strict=False))
        for name, value in values.items():
            if name not in best or signs[name] * value > signs[name] * best[name]:
                best[name] = value
        if entry.number in logged:
            continue
        reason = entry.attrs.get("reason")
        yield Facts(
            number=entry.number,
            state=entry.state.name.lower(),
            tokens=list(entry.tokens),
            choices={label: _plain(option) for label, option in table.decode(entry.tokens).items()},
            values=values,
            figures={key: value for key, value in entry.attrs.items() if key != ESTIMATE and _is_number(value)},
            best=dict(best),
            scores=dict(sorted(entry.scores.items())),
            reason=None if reason is None else str(reason),
            ended=record.trial(entry).datetime_complete or datetime.now(),
        )


def settings_of(result: SearchResult) -> dict[str, str]:
    """What decided the course of a search, as text."""
    return {key: _text(value) for key, value in result.settings.items() if value is not None}


def search_id(result: SearchResult) -> str | None:
    """What tells a search from all others, also after it was resumed or copied; None before its first candidate."""
    entries = result.engine.record.entries
    if not entries:
        return None
    begun = result.engine.record.trial(entries[0]).datetime_start
    known = json.dumps([result.settings, None if begun is None else begun.isoformat()], sort_keys=True, default=str)
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def name_of(result: SearchResult) -> str:
    """What a search is called: its folder, or else its spaces."""
    if result.folder is not None:
        return result.folder.resolve().name
    configs = result.settings.get("configs") or []
    return ", ".join(str(one[0]) if isinstance(one, list | tuple) else str(one) for one in configs) or "search"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _plain(option: Any) -> Any:
    return option if isinstance(option, bool | int | float | str) else str(option)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
