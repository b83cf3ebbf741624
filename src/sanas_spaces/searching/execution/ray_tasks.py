"""Evaluate candidates as tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ...optional import import_optional


class RayExecutor:
    """Submits functions as tasks to a Ray cluster, as many as it can take.

    A task whose node dies is run again elsewhere. Connects to the cluster that ``RAY_ADDRESS`` or an earlier
    ``ray.init()`` names, else starts one on this machine.

    Args:
        num_cpus: CPUs of one candidate.
        num_gpus: GPUs of one candidate; can be a part of one.
        resources: Other resources of one candidate, by the cluster's names for them.
        max_retries: How often a task is run again after its node or its process has died.
    """

    def __init__(
        self,
        *,
        num_cpus: float = 1,
        num_gpus: float = 0,
        resources: dict[str, float] | None = None,
        max_retries: int = 3,
    ) -> None:
        self._ray = import_optional("ray", "ray", "evaluating candidates on a Ray cluster")
        if not self._ray.is_initialized():
            self._ray.init(log_to_driver=False)
        self._needs = {"CPU": num_cpus, "GPU": num_gpus, **(resources or {})}
        options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "resources": resources or {}}
        self._task = self._ray.remote(max_retries=max_retries, **options)(_call)
        self._stored: dict[int, Any] = {}

    @property
    def slots(self) -> int:
        """How many candidates the cluster can hold, whether or not they run already; at least one, which waits."""
        total = self._ray.cluster_resources()
        return max(1, min(int(total.get(name, 0) // need) for name, need in self._needs.items() if need > 0))

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run ``function(*arguments)`` somewhere in the cluster."""
        if id(function) not in self._stored:
            self._stored = {id(function): self._ray.put(function)}  # sent to each node once
        future: Future[Any] = self._task.remote(self._stored[id(function)], *arguments).future()
        return future


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
