"""A Ray cluster of several nodes on this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

SMALL = {"object_store_memory": 80 * 2**20}
SETTINGS = {
    "worker_niceness": 0,  # 15 by default, which is for ever on a busy machine
    "health_check_initial_delay_ms": 0,  # a dead node is noticed after three seconds
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 6,
}


class Nodes:
    """A cluster whose head only keeps the books, with one CPU on each other node.

    Args:
        folder: For the files of Ray; a short path, since its sockets are there.
    """

    def __init__(self, folder: str) -> None:
        head = {"num_cpus": 0, "include_dashboard": False, "temp_dir": folder, "_system_config": SETTINGS}
        self._cluster = Cluster(initialize_head=True, head_node_args={**head, **SMALL})
        self.address = self._cluster.address

    def add(self, **resources: Any) -> Any:
        """Start a node."""
        return self._cluster.add_node(num_cpus=1, **SMALL, **resources)

    def kill(self, node: Any) -> None:
        """Kill the processes of a node, as if its machine lost power."""
        self._cluster.remove_node(node, allow_graceful=False)

    def end(self) -> None:
        """Stop all nodes."""
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def running() -> Iterator[Nodes]:
    """A cluster of a head and two nodes, one with a GPU, as far as Ray knows."""
    folder = tempfile.mkdtemp(prefix="ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # nodes import this package of tests
        nodes = Nodes(folder)
        nodes.add(num_gpus=1, resources={"fast": 1})
        nodes.add()
        yield nodes
        nodes.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def nodes(running: Nodes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Nodes]:
    """The cluster, which a search finds by itself."""
    monkeypatch.setenv("RAY_ADDRESS", running.address)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    yield running
    assert not ray.is_initialized()
