"""Evaluators: from an architecture to a number that says how good it is."""

from .data import ImageDataset, Split, load_dataset
from .training import ImageClassification, classifier
from .trained import TrainedNetwork, score_inference_model

__all__ = [
    "ImageClassification",
    "ImageDataset",
    "Split",
    "TrainedNetwork",
    "classifier",
    "load_dataset",
    "score_inference_model",
]
