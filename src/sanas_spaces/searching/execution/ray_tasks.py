"""Evaluate candidates as tasks of a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

from ...errors import ConfigError
from ...optional import import_optional

_logger = logging.getLogger(__name__)

UNITS = 10_000
"""Ray counts resources in ten-thousandths."""


class RayExecutor:
    """Submits functions as tasks to a Ray cluster, as many as it can take.

    A task whose node dies is run again elsewhere. Connects to the cluster that an earlier ``ray.init()`` or
    ``RAY_ADDRESS`` names, or that runs on this machine, else starts one here. This package has to be installed on all
    nodes, in the same version.

    Args:
        num_cpus: CPUs of one candidate.
        num_gpus: GPUs of one candidate; can be a part of one.
        resources: Other resources of one candidate, by the cluster's names for them.
        max_retries: How often a task is run again after its node or its process has died.

    Raises:
        ConfigError: An amount is negative, or a candidate needs nothing, so that there is no end to how many fit.
        MissingDependencyError: Ray is not installed.
    """

    def __init__(
        self,
        *,
        num_cpus: float = 1,
        num_gpus: float = 0,
        resources: dict[str, float] | None = None,
        max_retries: int = 3,
    ) -> None:
        needs = {"CPU": num_cpus, "GPU": num_gpus, **(resources or {})}
        if min(needs.values()) < 0 or max(needs.values()) < 1 / UNITS:
            raise ConfigError(f"a candidate needs {needs}: expected no negative amounts, and some that are positive")
        self._ray = import_optional("ray", "ray", "evaluating candidates on a Ray cluster")
        self._connected = not self._ray.is_initialized()
        if self._connected:
            self._ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
        self._needs = {name: round(UNITS * amount) for name, amount in needs.items() if amount > 0}
        options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "resources": resources or {}}
        self._task = self._ray.remote(max_retries=max_retries, **options)(_call)
        self._function: Callable[..., Any] | None = None
        self._stored: Any = None
        self._warned = False

    @property
    def slots(self) -> int:
        """How many candidates the nodes can hold now, whether or not they run already; at least one, which waits."""
        count = sum(self._fit(node["Resources"]) for node in self._ray.nodes() if node["Alive"])
        if count == 0 and not self._warned:
            needs = {name: amount / UNITS for name, amount in self._needs.items()}
            _logger.warning("no node of the Ray cluster has %s; a candidate waits until one has", needs)
        self._warned = count == 0
        return max(1, count)

    def prepare(self, function: Callable[..., Any]) -> None:
        """Store a function in the cluster, from where each node gets it once.

        Raises:
            ConfigError: It cannot be sent there.
        """
        if self._function is function:
            return
        try:
            self._stored = self._ray.put(function)
        except Exception as error:  # whatever pickling raises
            raise ConfigError(f"evaluate cannot be sent to the Ray cluster: {error.__cause__ or error}") from error
        self._function = function

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run ``function(*arguments)`` somewhere in the cluster."""
        self.prepare(function)
        return _TaskFuture(self._ray, self._task.remote(self._stored, *arguments))

    def shutdown(self) -> None:
        """Disconnect from the cluster if this connected to it; that ends what still runs, and a cluster of its own."""
        self._function = self._stored = None
        if self._connected:
            self._connected = False
            self._ray.shutdown()

    def _fit(self, resources: dict[str, float]) -> int:
        """How many candidates a node with such resources can hold."""
        return min(round(UNITS * resources.get(name, 0)) // need for name, need in self._needs.items())


class _TaskFuture(Future[Any]):
    """What a task returns; to cancel it ends the task, wherever it runs."""

    def __init__(self, ray: Any, reference: Any) -> None:
        super().__init__()
        self._ray = ray
        self._reference = reference
        reference.future().add_done_callback(self._settle)

    def cancel(self) -> bool:
        self._ray.cancel(self._reference, force=True)
        return super().cancel()

    def _settle(self, done: Future[Any]) -> None:
        with suppress(InvalidStateError):  # it was cancelled
            error = done.exception()
            if error is not None:
                self.set_exception(getattr(error, "cause", None) or error)  # what a node says, without Ray's frame
            else:
                self.set_result(done.result())


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
