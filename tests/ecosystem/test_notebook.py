"""The quick start as a notebook runs, and shows what it is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from sanas_spaces import CombinedSpace, search
from sanas_spaces.searching import SearchResult

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What Jupyter shows after each cell, by its last line."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(ROOT / "examples" / "quick_start.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    assert (folder / "exported" / "network.py").is_file()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {
        cell.source.splitlines()[-1]: {kind: text for one in cell.outputs for kind, text in one.get("data", {}).items()}
        for cell in cells
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_a_run_is_kept(path: Path) -> None:
    """Jupyter > Edit > Clear Outputs of All Cells, before it is committed."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    kept = [cell["source"] for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    assert not kept, f"{path.name}: clear the outputs of {kept}"
    assert not [cell["source"] for cell in cells if cell["metadata"]]


def test_the_result_shows_itself(shown: dict[str, dict[str, Any]]) -> None:
    html = shown["result"]["text/html"]
    assert "3 of 3 candidates evaluated" in html
    assert "block 2 kernel" in html


def test_plots_are_pictures(shown: dict[str, dict[str, Any]]) -> None:
    plotted = [data for line, data in shown.items() if line.startswith("plots.")]
    assert len(plotted) == 2
    for data in plotted:
        assert len(data["image/png"]) > 5000


def test_candidates_and_networks_show_themselves(shown: dict[str, dict[str, Any]]) -> None:
    assert "<th>reward</th>" in shown["result.pareto_front"]["text/html"]
    assert "<svg" in shown["network"]["text/html"]
    assert shown["network.draw()"]["image/svg+xml"].startswith("<svg")
    assert ">flops<" in shown['load_arch(written["json"]).cost()']["text/html"]


def test_it_learns(shown: dict[str, dict[str, Any]]) -> None:
    accuracy = float(shown["trained.accuracy(evaluator.dataset.test)"]["text/plain"])
    assert 0.2 < accuracy <= 1


def two_goals() -> SearchResult:
    return search(
        [("MobileNetV2BlockSpace", {"block_mask": [0, 1]})],
        lambda candidate: {"accuracy": sum(candidate.tokens) / 50},
        objectives={"accuracy": "max", "flops": "min"},
        algorithm="random",
        steps=6,
        seed=0,
        input_shape=(3, 16, 16),
    )


def test_a_pareto_front_is_a_table() -> None:
    front = two_goals().pareto_front
    assert isinstance(front, list)
    html = front._repr_html_()
    for heading in ("candidate", "accuracy", "flops", "params", "tokens"):
        assert html.count(f"<th>{heading}</th>") == 1
    assert html.count("<tr>") == len(front) + 1
    assert f">{front[0].cost.flops:,}<" in html


def test_what_is_in_tables_is_text() -> None:
    arch = CombinedSpace([("MobileNetV2BlockSpace", {"block_mask": [0, 1]})]).token2arch()
    arch.network.choices["<script>"] = "&"
    assert "<script>" not in arch._repr_html_()
