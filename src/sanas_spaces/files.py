"""Files that are written whole or not at all, and arrays by name in them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ExportError

Arrays = dict[str, Any]


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or nothing: a reader never sees half of it."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a whole file or nothing."""
    partial = partial_path(path)
    partial.write_bytes(content)
    os.replace(partial, path)
    return path


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> Path:
    """Write arrays by name as ``.npz``, whole or not at all; any text can be a name, unlike with ``numpy.savez``."""
    write: Any = np.lib.format.write_array  # which has no types
    partial = partial_path(path)
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                write(file, np.asarray(array, order="C"), allow_pickle=False)
    os.replace(partial, path)
    return path


def read_arrays(path: Path) -> Arrays:
    """Read arrays by name; nothing is unpickled.

    Raises:
        ExportError: The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ExportError(f"{path} cannot be read as arrays by name: {error}") from error


def partial_path(path: Path) -> Path:
    """Where a file is written before it takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.partial")
