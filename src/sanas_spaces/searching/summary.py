"""How far a search is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from .custody import OWNER
from .leases import is_here_and_alive
from .pareto import non_dominated, scores_of
from .places import STUDY_NAME
from .reading import read_result

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "stopped early",
    TrialState.RUNNING: "open",
}


def summary_of(source: str | Path, study: str = STUDY_NAME) -> dict[str, Any]:
    """How far a search is, as JSON can hold it; nothing is written.

    Args:
        source: Folder of a run, path of its journal or SQLite file, or URL of its database.
        study: Name of the search in a database.

    Raises:
        RecordError: There is no record, or it is damaged.
    """
    result = read_result(source, study)
    record, header = result.engine.record, result.settings
    entries = record.entries
    counts = Counter(entry.state for entry in entries)
    trials = record.study.get_trials(deepcopy=False)
    times = [time for one in trials for time in (one.datetime_start, one.datetime_complete) if time is not None]
    best = [entry for entry in entries if entry.values is not None]
    if result.objectives.several:
        kept = non_dominated(scores_of([entry.values or () for entry in best], result.objectives))
        best = [entry for entry, keep in zip(best, kept, strict=True) if keep]
    else:
        best = [entry for entry in best if entry is result.engine.best_entry]
    failures = [entry for entry in entries if entry.state is TrialState.FAIL]
    return {
        "record": str(record.place),
        "configs": header["configs"],
        "algorithm": header["algorithm"],
        "seed": header["seed"],
        "constraints": header["constraints"],
        "version": header.get("version"),
        "candidates": {name: counts[state] for state, name in STATES.items()},
        "best": [
            {
                "number": entry.number,
                "values": dict(zip(result.objectives.names, entry.values or (), strict=True)),
                "tokens": list(entry.tokens),
            }
            for entry in best
        ],
        "open": [
            {
                "number": entry.number,
                "worker": entry.attrs.get(OWNER),
                "alive": is_here_and_alive(entry.attrs.get(OWNER)),
            }
            for entry in record.open_entries
        ],
        "last_failure": None
        if not failures
        else {"number": failures[-1].number, "reason": failures[-1].attrs.get("reason")},
        "began": min(times).isoformat(timespec="seconds") if times else None,
        "last": max(times).isoformat(timespec="seconds") if times else None,
    }
