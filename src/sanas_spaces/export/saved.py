"""Trained networks in the folder of a run: what an export needs, so that it never trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..arch import NetArch
from ..errors import ExportError
from ..files import Arrays, read_arrays, write_arrays, write_text
from .architecture import FILE, load_arch, to_json

MODEL = "model"
"""Folder of the trained network in a run."""
WEIGHTS = "weights.npz"


class Saved(NamedTuple):
    """A trained network and its weights by name."""

    arch: NetArch
    weights: Arrays


def save_trained(folder: Path, network: NetArch, weights: Mapping[str, Any], *, configs: Any = None) -> None:
    """Write a trained network into ``folder``: its architecture and its weights."""
    write_arrays(folder / WEIGHTS, weights)
    write_text(folder / FILE, to_json(network, configs=configs))


def read_saved(run: Path) -> Saved:
    """The trained network of a run.

    Raises:
        ExportError: There is none: the run was interrupted before its end, or made by an earlier version.
        ArchitectureError: Its architecture file is damaged.
    """
    folder = run / MODEL
    if not (folder / FILE).exists() or not (folder / WEIGHTS).exists():
        what = "keeps no weights of its network" if folder.exists() else "holds no trained network"
        raise ExportError(
            f"{run} {what}: it was made by an earlier version or is not finished; "
            f"finish it with: sanas search --output {run} --resume"
        )
    return Saved(load_arch(folder / FILE), read_arrays(folder / WEIGHTS))
