"""An executor of others: a Dask client, passed in as it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from sanas_spaces import Candidate, search

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Two worker processes."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # workers import this package of tests
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


def test_a_dask_client_evaluates_candidates(client: Client, tmp_path: Path) -> None:
    """One of its workers dies on the way, another candidate raises."""

    def evaluate(candidate: Candidate) -> float:
        time.sleep(0.1)
        if candidate.number == 1:
            raise KeyError("block_7")
        marker = tmp_path / "died"
        if candidate.number == 4 and not marker.exists():
            marker.touch()
            os._exit(1)
        return float(sum(candidate.tokens))

    result = search(SPACE, evaluate, steps=10, seed=0, executor=client, workers=2)
    assert (tmp_path / "died").exists()
    assert result.columns["state"] == ["complete", "fail", *["complete"] * 8]
    assert result.history[1]["reason"] == "KeyError: 'block_7'"
    assert len({row["hash"] for row in result.history}) == 10
    assert all(row["reward"] == sum(row["tokens"]) for row in result.history if row["number"] != 1)
