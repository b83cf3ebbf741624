"""Evaluators: from an architecture to a number that says how good it is."""

from .combined import Combined, SoftConstraint, Weighted
from .data import ImageDataset, Split, load_dataset
from .latency import MeasuredLatency
from .retraining import Recipe, retrain, wilson_interval
from .trained import TrainedNetwork, score_inference_model, use_all_cores
from .training import ImageClassification, classifier
from .zero_cost import ZeroCost

__all__ = [
    "Combined",
    "ImageClassification",
    "ImageDataset",
    "MeasuredLatency",
    "Recipe",
    "SoftConstraint",
    "Split",
    "TrainedNetwork",
    "Weighted",
    "ZeroCost",
    "classifier",
    "load_dataset",
    "retrain",
    "score_inference_model",
    "use_all_cores",
    "wilson_interval",
]
