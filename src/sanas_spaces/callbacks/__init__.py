"""Loggers: candidates of a search in MLflow, TensorBoard or VisualDL."""

from .base import SearchLogger
from .mlflow import MLflowLogger
from .tensorboard import TensorBoardLogger
from .visualdl import VisualDLLogger

__all__ = ["MLflowLogger", "SearchLogger", "TensorBoardLogger", "VisualDLLogger"]
