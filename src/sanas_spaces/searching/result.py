"""What a search has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EvaluationError
from ..notebook import heading
from ..optional import import_above
from ..tables import Space
from .candidate import Candidate, Candidates
from .custody import OWNER
from .engine import Engine
from .pareto import Objectives, hypervolume, knee, non_dominated, reference_point, scores_of
from .record import Entry

NOT_SHOWN = (OWNER, "reason", "reward", "traceback")
"""What a record notes with a candidate and is no column of the history, or is one already."""


@dataclass(frozen=True)
class SearchResult:
    """What a search has found so far.

    Attributes:
        engine: The engine of the search.
        folder: Folder of the record, None if it is in memory.
    """

    engine: Engine
    folder: Path | None

    @property
    def space(self) -> Space:
        """The search space."""
        return self.engine.space

    @property
    def best(self) -> Candidate:
        """The candidate with the largest reward, the earliest of equals; with several objectives, the :attr:`knee`.

        Raises:
            EvaluationError: No candidate was evaluated.
        """
        if self.objectives.several:
            return self.knee
        if self.engine.best_entry is None:
            raise EvaluationError("no candidate of this search was evaluated")
        return self.engine.candidate(self.engine.best_entry)

    @property
    def objectives(self) -> Objectives:
        """What is to be large or small."""
        return self.engine.objectives

    @property
    def pareto_front(self) -> list[Candidate]:
        """The candidates that no other is at least as good as for all objectives, the best for the first one first."""
        evaluated, scores = self._scores()
        front = [i for i, kept in enumerate(non_dominated(scores)) if kept]
        chosen = sorted(front, key=lambda i: -scores[i, 0])
        return Candidates([self.engine.candidate(evaluated[i]) for i in chosen], self.objectives.names)

    @property
    def knee(self) -> Candidate:
        """The candidate of the Pareto front that is nearest to the best of all objectives, each scaled from 0 to 1.

        Raises:
            EvaluationError: No candidate was evaluated.
        """
        evaluated, scores = self._scores()
        if not evaluated:
            raise EvaluationError("no candidate of this search was evaluated")
        front = np.flatnonzero(non_dominated(scores))
        return self.engine.candidate(evaluated[front[knee(scores[front])]])

    def hypervolume(self, reference: Mapping[str, float] | None = None) -> list[float]:
        """Hypervolume that the first 1, 2, ... evaluated candidates dominate.

        Args:
            reference: For each objective the value that is measured from; by default the worst that was found and a
                tenth of the range more.
        """
        evaluated, scores = self._scores()
        if not evaluated:
            return []
        if reference is None:
            origin = reference_point(scores)
        else:
            origin = scores_of([[reference[name] for name in self.objectives.names]], self.objectives)[0]
        volumes = [hypervolume(scores[: n + 1], origin) for n in range(len(scores))]
        return [float(volume) for volume in np.maximum.accumulate(volumes)]  # sums in another order differ by a hair

    def _scores(self) -> tuple[list[Entry], Any]:
        """Evaluated candidates, and their values [n, objectives], all to be large."""
        evaluated = [entry for entry in self.engine.record.entries if entry.values is not None]
        return evaluated, scores_of([entry.values or () for entry in evaluated], self.objectives)

    @property
    def best_number(self) -> int | None:
        """Number of the best candidate, None while there is none."""
        if self.objectives.several:
            return self.knee.number if self.engine.finished else None
        return None if self.engine.best_entry is None else self.engine.best_entry.number

    @property
    def settings(self) -> dict[str, Any]:
        """What decided the course of the search: configs, constraints, seed, initial tokens, ..."""
        return dict(self.engine.record.header)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row per candidate: number, state, reward, best reward so far, cost, tokens, reason of a failure."""
        rows = []
        best: float | None = None
        sign = float(self.objectives.signs[0])
        for entry in self.engine.record.entries:
            if entry.reward is not None and (best is None or sign * entry.reward > sign * best):
                best = entry.reward
            named = {} if self.objectives.goals is None or entry.values is None else entry.values
            attrs = {key: value for key, value in entry.attrs.items() if key not in NOT_SHOWN}
            rows.append(
                {
                    "number": entry.number,
                    "state": entry.state.name.lower(),
                    "reward": entry.reward,
                    "best": best,
                    **attrs,
                    **dict(zip(self.objectives.names, named, strict=False)),
                    **({"scores": dict(entry.scores)} if entry.scores else {}),
                    "tokens": list(entry.tokens),
                    "reason": entry.attrs.get("reason"),
                }
            )
        return rows

    def report(self, path: str | Path | None = None) -> Path:
        """Write a report: one HTML file with results, plots and drawings, which opens without anything else.

        Args:
            path: The file; by default ``report.html`` in the folder of the search, or here if it has none.

        Raises:
            MissingDependencyError: Jinja2, Matplotlib or scikit-learn is not installed.
        """
        written: Path = import_above("report").write_report(self, path)
        return written

    def export(
        self,
        folder: str | Path,
        formats: Sequence[str] | None = None,
        *,
        weights: Mapping[str, Any] | None = None,
        candidate: Candidate | None = None,
        **settings: Any,
    ) -> dict[str, Path]:
        """Write a network of this search for use without it; see :func:`sanas_spaces.export.export`.

        Args:
            folder: Where to write.
            formats: Some of ``"paddle"``, ``"onnx"``, ``"weights"``, ``"json"``, ``"python"``.
            weights: Arrays or tensors by parameter name; by default those that ``sanas search`` kept in the folder of
                the search, which are of the network with its classifier.
            candidate: The candidate; by default the best.
            settings: ``num_classes`` to put a classifier on the network, ``input_shape``, by default that of the
                search, and keywords of the network.

        Raises:
            ExportError: A format needs weights and there are none; an export never trains.
        """
        package = import_above("export")
        chosen = self.best if candidate is None else candidate
        saved = package.saved_for(self.folder, chosen.tokens) if weights is None else None
        settings.setdefault("configs", self.settings.get("configs"))
        arch: Any = chosen.archs
        if saved is not None:
            arch, weights = saved
        else:
            settings.setdefault("input_shape", self.engine.input_shape)
        written: dict[str, Path] = package.export(arch, folder, formats=formats, weights=weights, **settings)
        return written

    def _repr_html_(self) -> str:
        rows = self.history
        done = sum(row["state"] == "complete" for row in rows)
        title = heading("SearchResult", f"{done} of {len(rows)} candidates evaluated")
        return title + (self.best._repr_html_() if done else "")

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The same by column, None where a candidate has no entry: ``pandas.DataFrame(result.columns)``."""
        rows = self.history
        return {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)}
