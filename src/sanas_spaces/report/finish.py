"""The end of a run: retrain the best network, test it once, export it, write everything down."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..arch import ArchList
from ..errors import CostError
from ..evaluate import ImageClassification, ImageDataset, score_inference_model
from ..export.saved import MODEL, NETWORK, save_model
from ..files import write_text
from ..plots import Trail, plot_cost, plot_progress
from ..searching import SearchResult
from .files import TABLE, write_history, write_summary
from .html import REPORT, write_report

PROGRESS = "progress.png"
COST = "accuracy_flops.png"
REWARD = "validation accuracy"


@dataclass(frozen=True)
class Final:
    """The best network of a run after retraining.

    Attributes:
        number: Number of the candidate.
        valid_accuracy: Accuracy that the search saw, from 0 to 1.
        test_accuracy: Accuracy of the retrained network on the test split, from 0 to 1.
        exported_accuracy: The same of the exported network, loaded from its files.
        cost: FLOPs, parameters and memory of the network; empty if it calls Paddle itself.
        model: Path of the exported network without file endings.
    """

    number: int
    valid_accuracy: float
    test_accuracy: float
    exported_accuracy: float
    cost: dict[str, int]
    model: Path


def finish(result: SearchResult, evaluator: ImageClassification, folder: Path) -> Final:
    """Retrain the best network, score it once on the test split and write the results of the run.

    Writes ``history.csv``, ``progress.png``, ``accuracy_flops.png``, ``best.json``, ``best.txt``, ``model/`` and
    ``report.html``; of networks that call Paddle themselves those of them that need no costs.
    """
    write_history(result, folder)
    plot_progress(result, folder / PROGRESS, reward=REWARD)
    if "flops" in Trail.of(result).costs:
        plot_cost(result, folder / COST, reward=REWARD)
    best = result.best
    data = evaluator.dataset
    trained = evaluator.train_best(best.archs)
    path = folder / MODEL / NETWORK
    trained.save(path)
    save_model(folder / MODEL, trained, configs=result.settings["configs"])
    cost, table = _counted(evaluator, best.archs)
    final = Final(
        number=best.number,
        valid_accuracy=float(best.reward or 0.0),
        test_accuracy=trained.accuracy(data.test),
        exported_accuracy=score_inference_model(path, data.test),
        cost=cost,
        model=path,
    )
    if table:
        write_text(folder / TABLE, table + "\n")
    write_summary(folder, _summary(result, evaluator, final))
    write_report(result, folder / REPORT)
    return final


def _counted(evaluator: ImageClassification, archs: ArchList) -> tuple[dict[str, int], str]:
    """Cost and layers of a network; nothing of one that calls Paddle itself, because it cannot be counted."""
    try:
        return evaluator.cost(archs).metrics(), archs.table(evaluator.dataset.image_shape)
    except CostError:
        return {}, ""


def _summary(result: SearchResult, evaluator: ImageClassification, final: Final) -> dict[str, Any]:
    return {
        **asdict(final),
        "model": f"{MODEL}/{final.model.name}",
        "configs": result.settings["configs"],
        "tokens": result.best.tokens,
        "choices": result.best.choices,
        "data": describe_data(evaluator.dataset),
        "candidates": len(result.history),
        "seed": result.settings["seed"],
        "version": result.settings["version"],
    }


def describe_data(data: ImageDataset) -> dict[str, Any]:
    """What a program has to know to give images to a network that was trained on ``data``."""
    return {
        "name": data.name,
        "image_shape": list(data.image_shape),
        "classes": list(data.class_names),
        "mean": [float(value) for value in data.mean],
        "std": [float(value) for value in data.std],
    }
