"""Networks to take away: architecture files, Python source, ONNX, Paddle inference models, weights."""

from ..files import read_arrays, write_arrays
from .architecture import load_arch, save_arch, to_json
from .exporting import FORMATS, export, export_model
from .onnx_model import save_onnx
from .python import to_python
from .saved import Saved, read_saved, save_model, saved_for

__all__ = [
    "FORMATS",
    "Saved",
    "export",
    "export_model",
    "load_arch",
    "read_arrays",
    "read_saved",
    "save_arch",
    "save_model",
    "save_onnx",
    "saved_for",
    "to_json",
    "to_python",
    "write_arrays",
]
