"""Evaluators: from an architecture to a number that says how good it is."""

from .data import ImageDataset, Split, load_dataset
from .trained import TrainedNetwork, score_inference_model, use_all_cores
from .training import ImageClassification, classifier

__all__ = [
    "ImageClassification",
    "ImageDataset",
    "Split",
    "TrainedNetwork",
    "classifier",
    "load_dataset",
    "score_inference_model",
    "use_all_cores",
]
