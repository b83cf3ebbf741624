"""What is measured about a server, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Requests:
    """Counts requests by the status of their answers."""

    def __init__(self) -> None:
        self.by_status: Counter[int] = Counter()


class _Collector:
    def __init__(self, status: Mapping[str, Any], requests: Requests, waiting: int) -> None:
        self._status = status
        self._requests = requests
        self._waiting = waiting

    def collect(self) -> Iterable[Metric]:
        status = self._status
        candidates = GaugeMetricFamily("sanas_candidates", "Candidates of the search.", labels=["state"])
        for state, count in status["counts"].items():
            candidates.add_metric([state], count)
        yield candidates
        yield GaugeMetricFamily("sanas_finished_steps", "Rewards that count as steps.", status["finished"])
        if status["steps"] is not None:
            yield GaugeMetricFamily("sanas_steps", "Rewards after which the search is over.", status["steps"])
        if status["best"] is not None and status["best"]["reward"] is not None:
            yield GaugeMetricFamily("sanas_best_reward", "Best reward so far.", status["best"]["reward"])
        yield GaugeMetricFamily("sanas_workers", "Clients heard of within a lease.", status["workers_present"])
        yield GaugeMetricFamily("sanas_waiting_requests", "Requests that wait for the writer.", self._waiting)
        requests = CounterMetricFamily("sanas_requests", "Requests answered.", labels=["status"])
        for code, count in sorted(self._requests.by_status.items()):
            requests.add_metric([str(code)], count)
        yield requests


def exposition(status: Mapping[str, Any], requests: Requests, waiting: int) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(status, requests, waiting))
    write: Callable[[CollectorRegistry], bytes] = generate_latest
    return write(registry)
