"""Trained networks in the folder of a run: what an export needs, so that it never trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ..arch import NetArch
from ..errors import CostError, ExportError
from ..evaluate.trained import TrainedNetwork
from ..files import Arrays, read_arrays, write_arrays, write_text
from .architecture import FILE, load_arch, to_json
from .inference import model_files

MODEL = "model"
"""Folder of the trained network in a run; the files of its inference model begin with ``model/network``."""
NETWORK = "network"
WEIGHTS = "weights.npz"


class Saved(NamedTuple):
    """A trained network and its weights by name."""

    arch: NetArch
    weights: Arrays


def save_model(folder: Path, trained: TrainedNetwork, *, configs: Any = None) -> None:
    """Write architecture and weights of a trained network into ``folder``.

    A network that calls Paddle itself has no description to write; its inference model is all there is of it.
    """
    try:
        text = to_json(trained.network, configs=configs)
    except CostError:
        return
    write_arrays(folder / WEIGHTS, trained.weights())
    write_text(folder / FILE, text)


def read_saved(run: Path) -> Saved:
    """The trained network of a run.

    Raises:
        ExportError: There is none: the run was interrupted before its end, or made by an earlier version.
        ArchitectureError: Its architecture file is damaged.
    """
    folder = run / MODEL
    if has_only_model(run):
        raise ExportError(f"{run}: its space calls Paddle itself; {folder / NETWORK} is all there is of it")
    if not (folder / FILE).exists() or not (folder / WEIGHTS).exists():
        raise ExportError(
            f"{run} holds no network with weights: it is not finished, or was made by an earlier version; "
            f"finish it with: sanas search --output {run} --resume"
        )
    return Saved(load_arch(folder / FILE), read_arrays(folder / WEIGHTS))


def has_only_model(run: Path) -> bool:
    """Whether the trained network of a run is an inference model without description, as of spaces that call Paddle."""
    folder = run / MODEL
    return not (folder / FILE).exists() and not (folder / WEIGHTS).exists() and bool(model_files(folder / NETWORK))


def saved_for(run: Path | None, tokens: list[int]) -> Saved | None:
    """The trained network of a run, if there is one and it has these tokens."""
    if run is None or not (run / MODEL / FILE).exists():
        return None
    saved = read_saved(run)
    return saved if saved.arch.tokens == tokens else None
