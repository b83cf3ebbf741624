"""The policy of RLNAS: a controller that proposes no token list twice while there are others, and its file."""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RecordError
from .lstm_controller import ControllerSettings, LSTMController

FILE_NAME = "rlnas.npz"
FORMAT = 1
PADDLESLIM_FILE_NAME = "rlnas.params"
DRAWS = 64
"""Number of draws for each candidate until one is accepted that was proposed before."""


class Policy:
    """A controller, what it has proposed, and the folder where both are saved.

    Args:
        range_table: Number of options of each token.
        settings: Settings of the controller.
        rng: Source of the initial weights and of all proposals; what was loaded has its own.
        use_gpu: Whether the controller is computed on the GPU.
        save_to: Folder for what is needed to go on, None for none.
        load_from: Folder from which to go on.

    Attributes:
        learnt: Names of batches that it has learnt from, when it was saved for clients over a network.

    Raises:
        RecordError: What should be loaded is missing, damaged or of another controller; or the folder cannot be made.
    """

    def __init__(
        self,
        range_table: Sequence[int],
        settings: ControllerSettings,
        *,
        rng: np.random.Generator,
        use_gpu: bool = False,
        save_to: Path | None = None,
        load_from: Path | None = None,
    ) -> None:
        self.range_table = list(range_table)
        self.controller = LSTMController(range_table, settings, rng=rng, use_gpu=use_gpu)
        self.learnt: list[str] = []
        self._settings = settings
        self._save_to = save_to
        self._size = math.prod(range_table)
        self._proposed: dict[tuple[int, ...], None] = {}  # a set in order
        if load_from is not None:
            self._load(load_from)
        if save_to is not None:
            try:
                save_to.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RecordError(f"{save_to} cannot be written: {error}") from error

    def update(self, tokens: Sequence[Sequence[int]], rewards: Sequence[float]) -> None:
        """Train the controller."""
        self.controller.update(tokens, rewards)

    def reward(self, tokens: Sequence[Sequence[int]], rewards: Sequence[float]) -> None:
        """Train the controller, and save it."""
        self.update(tokens, rewards)
        self.save()

    def most_likely(self, count: int) -> list[list[int]]:
        """The likeliest token lists, best first; fewer if there are fewer."""
        return self.controller.most_likely(count)

    def close(self) -> None:
        """Nothing is open."""

    def draw(self, count: int) -> list[list[int]]:
        """Draw token lists, new ones first of all; ones proposed before only if too few new ones turn up."""
        new: list[list[int]] = []
        old: list[list[int]] = []
        wanted = count
        while len(new) < count and len(new) + len(old) < DRAWS * count:
            for tokens in self.controller.sample(wanted):
                key = tuple(tokens)
                if key in self._proposed or len(new) == count:
                    old.append(tokens)
                else:
                    self._proposed[key] = None
                    new.append(tokens)
            if len(self._proposed) == self._size:
                break
            wanted = 3 * (len(new) + len(old))  # one large batch is cheaper than many small ones
        return (new + old)[:count]

    def save(self, batches: Sequence[str] = ()) -> None:
        """Save everything needed to go on, if there is a folder for it.

        Args:
            batches: Names of the batches that it has learnt from.

        Raises:
            RecordError: It cannot be written.
        """
        if self._save_to is not None:
            self._save(self._save_to, batches)

    def _header(self) -> dict[str, Any]:
        sizes = {"hidden_size": self._settings.hidden_size, "lstm_num_layers": self._settings.lstm_num_layers}
        return {"format": FORMAT, "range_table": self.range_table, **sizes}

    def _save(self, folder: Path, batches: Sequence[str]) -> None:
        values, arrays = self.controller.state()
        text = json.dumps({**self._header(), **values, **({"batches": list(batches)} if batches else {})})
        proposed = np.array(list(self._proposed), dtype=np.int32)
        entries: dict[str, Any] = {"values": np.array(text), "proposed": proposed, **arrays}
        path, part = folder / FILE_NAME, folder / f"{FILE_NAME}.{os.getpid()}.part"
        try:
            with part.open("wb") as file:
                np.savez(file, **entries)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise RecordError(f"{path} cannot be written: {error}") from error

    def _load(self, folder: Path) -> None:
        path = folder / FILE_NAME
        if not path.is_file():
            theirs = (folder / PADDLESLIM_FILE_NAME).is_file()
            hint = f"; {PADDLESLIM_FILE_NAME} is PaddleSlim's, a pickle, and not read" if theirs else ""
            raise RecordError(f"{path}: there is no saved controller here{hint}")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            values = json.loads(str(arrays.pop("values")))
            proposed = arrays.pop("proposed").tolist()
            found = {key: values[key] for key in self._header()}
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise RecordError(f"{path} is damaged or no saved controller: {error}") from error
        for key, expected in self._header().items():
            if found[key] != expected:
                raise RecordError(f"{path} is of another controller: {key} was {found[key]!r}, and is {expected!r} now")
        try:
            self.controller.restore(values, arrays)
        except (KeyError, ValueError, TypeError) as error:
            raise RecordError(f"{path} is damaged: {error}") from error
        self._proposed = dict.fromkeys(map(tuple, proposed))
        self.learnt = [str(name) for name in values.get("batches", ())]
