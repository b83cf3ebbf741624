"""Searches in MLflow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .. import __version__
from ..optional import import_optional
from ..searching import SearchResult
from .base import SearchLogger
from .facts import Facts, name_of, settings_of

SEARCH_TAG = "sanas.search"
CANDIDATE_TAG = "sanas.candidate"
PARENT_TAG = "mlflow.parentRunId"
MAX_NAME = 250
MAX_TEXT = 5000
BATCH = 100
"""How many parameters MLflow takes at once; of metrics it takes more."""
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "fail": "FAILED"}
_FORBIDDEN = re.compile(r"[^/\w.\- ]+")


class MLflowLogger(SearchLogger):
    """Writes a search as a run of MLflow, and each candidate as a run inside it.

    The run of a candidate has what its tokens pick as parameters, and its values, its cost and its scores on the way as
    metrics; it is FINISHED, KILLED if it was stopped early, or FAILED with the reason as a tag. The run of the search
    has the settings as parameters, and values, cost and the best so far as metrics, with the number of the candidate
    as step.

    Args:
        tracking_uri: Where MLflow keeps runs: ``"sqlite:///mlflow.db"``, ``"http://server:5000"``; by default
            where MLflow does, ``MLFLOW_TRACKING_URI`` included.
        experiment: Name of the experiment, which is made if it is not there.
        run_name: Name of the run of the search; by default its folder, or else its spaces.

    Raises:
        MissingDependencyError: MLflow is not installed.
    """

    def __init__(
        self, tracking_uri: str | None = None, *, experiment: str = "sanas", run_name: str | None = None
    ) -> None:
        super().__init__()
        self.experiment = experiment
        self.run_name = run_name
        self.run_id: str | None = None
        """The run of the search, None before the first candidate."""
        self._mlflow = import_optional("mlflow", "mlflow", "logging to MLflow")
        self._entities = import_optional("mlflow.entities", "mlflow", "logging to MLflow")
        self._client = self._mlflow.MlflowClient(tracking_uri)
        self._experiment_id = ""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (self._mlflow.exceptions.MlflowException, OSError)

    def _begin(self, result: SearchResult, search: str) -> Iterable[int]:
        found = self._client.get_experiment_by_name(self.experiment)
        self._experiment_id = found.experiment_id if found else self._client.create_experiment(self.experiment)
        known = next(self._runs(SEARCH_TAG, search), None)
        if known is None:
            tags = {SEARCH_TAG: search, "sanas.version": __version__}
            name = self.run_name or name_of(result)
            run_id = self._client.create_run(self._experiment_id, tags=tags, run_name=name).info.run_id
        else:
            run_id = known.info.run_id
            self._client.update_run(run_id, status="RUNNING")
        self.run_id = run_id
        self._log(run_id, params=settings_of(result))  # again if it was interrupted here; equal ones are no second ones
        return list(self._written(run_id))

    def _written(self, run_id: str) -> Iterator[int]:
        """Candidates that are there; what was interrupted is removed."""
        for run in self._runs(PARENT_TAG, run_id):
            if run.info.status == "RUNNING":
                self._client.delete_run(run.info.run_id)
            elif CANDIDATE_TAG in run.data.tags:
                yield int(run.data.tags[CANDIDATE_TAG])

    def _write(self, facts: Facts) -> None:
        time = _milliseconds(facts.ended)
        tags = {
            PARENT_TAG: self.run_id,
            CANDIDATE_TAG: str(facts.number),
            "state": facts.state,
            "tokens": str(facts.tokens)[:MAX_TEXT],
            **({} if facts.reason is None else {"reason": facts.reason[:MAX_TEXT]}),
        }
        name = f"candidate {facts.number}"
        run_id = self._client.create_run(self._experiment_id, start_time=time, tags=tags, run_name=name).info.run_id
        scores = [("score", score, step) for step, score in facts.scores.items()]
        self._log(run_id, facts.choices, [(name, value, facts.number) for name, value in facts.metrics.items()], time)
        self._log(run_id, metrics=scores, time=time)
        course = {**facts.metrics, **{f"best {name}": value for name, value in facts.best.items()}}
        # MLflow takes a metric of the same step, time and value once, so this can be done again
        self._log(self.run_id, metrics=[(name, value, facts.number) for name, value in course.items()], time=time)
        self._client.set_terminated(run_id, status=_STATUS[facts.state], end_time=time)

    def _end(self) -> None:
        self._client.set_terminated(self.run_id)

    def _log(
        self,
        run_id: Any,
        params: Mapping[str, Any] | None = None,
        metrics: Iterable[tuple[str, float, int]] = (),
        time: int = 0,
    ) -> None:
        texts = [self._entities.Param(_name(key), str(value)[:MAX_TEXT]) for key, value in (params or {}).items()]
        numbers = [self._entities.Metric(_name(key), float(value), time, step) for key, value, step in metrics]
        for start in range(0, len(texts), BATCH):
            self._client.log_batch(run_id, params=texts[start : start + BATCH])
        for start in range(0, len(numbers), BATCH):
            self._client.log_batch(run_id, metrics=numbers[start : start + BATCH])

    def _runs(self, tag: str, value: str) -> Iterator[Any]:
        """Runs with a tag, the oldest first."""
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id],
                f"tags.`{tag}` = '{value}'",
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return


def _name(label: str) -> str:
    """A name as MLflow takes it."""
    return " ".join(_FORBIDDEN.sub(" ", label).split())[:MAX_NAME]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
