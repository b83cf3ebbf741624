"""Search with a reinforcement-learning controller, with PaddleSlim's interface."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arch import ArchList
from ..combine import SearchSpaceFactory
from ..errors import ConfigError, RecordError, RewardError, did_you_mean
from ..tokens import as_index

if TYPE_CHECKING:
    from .lstm_controller import ControllerSettings

FILE_NAME = "rlnas.npz"
FORMAT = 1
PADDLESLIM_FILE_NAME = "rlnas.params"
DRAWS = 64
"""Number of draws for each candidate until one is accepted that was proposed before."""


class RLNAS:
    """Search in which an LSTM controller learns from rewards what to propose.

    ``next_archs(n)`` gives n candidates, ``reward(scores)`` takes what came of them and trains the controller,
    ``final_archs(n)`` gives the architectures that it has come to prefer.

    What differs from PaddleSlim 2.6: its learning rate of 1e-4 learns nothing in some hundred evaluations, so the
    defaults are ``controller_lr=0.003``, ``tanh_constant=2.5`` and ``weight_entropy=0.1``. Each candidate counts by its
    own reward, relative to the moving mean and standard deviation of all; so a candidate that failed should get a low
    reward, but not one of another magnitude. A token list that was proposed before is drawn anew, up to 64 times, and
    the controller is trained with what was proposed in the end. ``controller_decay_steps`` is respected, and
    ``final_archs(n)`` gives n different architectures. ``save_controller=None`` saves nothing. No socket is opened, and
    files are not pickled.

    Args:
        key: ``"lstm"``.
        configs: Search spaces: ``[('MobileNetV2Space')]`` or ``[(name, {...}), ...]``.
        use_gpu: Whether the controller is computed on the GPU; it is small enough for the CPU.
        server_addr: Not used in one process.
        is_server: Only True for now.
        is_sync: Not used in one process.
        save_controller: Folder in which everything needed to go on is saved after each reward; None or False for none.
        load_controller: Folder from which to go on as if there had been no interruption.
        seed: Seed of the initial weights and of all proposals; what was loaded has its own.
        kwargs: ``lstm_num_layers=1``, ``hidden_size=100``, ``temperature=1.0``, ``tanh_constant=2.5`` (0 for none),
            ``controller_lr=0.003``, ``controller_decay_steps=None``, ``controller_decay_rate=None``, ``decay=0.99``,
            ``weight_entropy=0.1``, ``controller_batch_size=1``, as :class:`ControllerSettings
            <sanas_spaces.nas.lstm_controller.ControllerSettings>` explains them; None for the default.

    Raises:
        ConfigError: A malformed config or argument.
        RecordError: What should be loaded is missing, damaged or of another controller.
    """

    def __init__(
        self,
        key: str,
        configs: Sequence[Any],
        use_gpu: bool = False,
        server_addr: tuple[str, int] = ("", 8881),
        is_server: bool = True,
        is_sync: bool = False,
        save_controller: str | Path | bool | None = None,
        load_controller: str | Path | bool | None = None,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        _check_key(key)
        if not is_server:
            raise ConfigError("is_server = False: clients over a network are not supported yet; run one process")
        self._save_to = _folder("save_controller", save_controller)
        load_from = _folder("load_controller", load_controller)
        self._space = SearchSpaceFactory().get_search_space(configs)
        self.range_tables = self._space.range_table()
        self._settings = _settings(kwargs)
        _check_gpu(use_gpu)
        from .lstm_controller import LSTMController  # imports Paddle

        self._controller = LSTMController(
            self.range_tables, self._settings, rng=_generator(seed), use_gpu=bool(use_gpu)
        )
        self._size = math.prod(self.range_tables)
        self._proposed: dict[tuple[int, ...], None] = {}  # a set in order
        self._tokens: list[list[int]] | None = None
        self._open: list[list[int]] | None = None
        if load_from is not None:
            self._load(load_from)
        if self._save_to is not None:
            try:
                self._save_to.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RecordError(f"{self._save_to} cannot be written: {error}") from error

    def next_archs(self, obs: int | None = None) -> list[ArchList]:
        """Draw candidates.

        Args:
            obs: How many; by default ``controller_batch_size``.

        Returns:
            For each candidate its architectures, one per space; as a whole they are callable as their chain.
        """
        count = self._settings.controller_batch_size if obs is None else _count("obs", obs)
        self._open = self._tokens = self._draw(count)
        return [self._space.token2arch(tokens) for tokens in self._tokens]

    @property
    def tokens(self) -> list[list[int]] | None:
        """Token lists of the last ``next_archs`` or ``final_archs``, None before."""
        return self._tokens

    def reward(self, rewards: Any, **kwargs: Any) -> bool:
        """Train the controller with the rewards of the candidates of the last ``next_archs``; larger is better.

        Args:
            rewards: One number for all of them, or a list or array of one each.
            kwargs: None are known for ``lstm``.

        Returns:
            True.

        Raises:
            RewardError: Not a finite number for each, then the candidates stay open; or none are open.
            RecordError: The controller could not be saved.
        """
        if kwargs:
            raise ConfigError(f"reward() got {', '.join(sorted(kwargs))}: the lstm controller takes rewards only")
        if self._open is None:
            raise RewardError("reward() without candidates: call next_archs() first")
        numbers = _numbers(rewards, len(self._open))
        tokens, self._open = self._open, None
        self._controller.update(tokens, numbers)
        if self._save_to is not None:
            self._save(self._save_to)
        return True

    def final_archs(self, batch_obs: int) -> list[ArchList]:
        """The ``batch_obs`` likeliest architectures, found by beam search; for 1 the greedy choice.

        ``tokens`` has their token lists. Candidates that are open stay open.
        """
        count = _count("batch_obs", batch_obs)
        found = self._controller.most_likely(count)
        self._tokens = [list(found[i % len(found)]) for i in range(count)]  # a space can have fewer
        return [self._space.token2arch(tokens) for tokens in self._tokens]

    def tokens2arch(self, tokens: Sequence[int]) -> ArchList:
        """Architectures of ``tokens``.

        Raises:
            TokenError: Wrong length, type, sign or range.
        """
        return self._space.token2arch(tokens)

    def _draw(self, count: int) -> list[list[int]]:
        """Draw token lists, new ones first of all; ones proposed before only if too few new ones turn up."""
        new: list[list[int]] = []
        old: list[list[int]] = []
        wanted = count
        while len(new) < count and len(new) + len(old) < DRAWS * count:
            for tokens in self._controller.sample(wanted):
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

    def _header(self) -> dict[str, Any]:
        sizes = {"hidden_size": self._settings.hidden_size, "lstm_num_layers": self._settings.lstm_num_layers}
        return {"format": FORMAT, "range_table": self.range_tables, **sizes}

    def _save(self, folder: Path) -> None:
        values, arrays = self._controller.state()
        text = json.dumps({**self._header(), **values})
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
            self._controller.restore(values, arrays)
        except (KeyError, ValueError, TypeError) as error:
            raise RecordError(f"{path} is damaged: {error}") from error
        self._proposed = dict.fromkeys(map(tuple, proposed))


def _check_key(key: Any) -> None:
    name = key.lower() if isinstance(key, str) else key
    if name == "ddpg":
        raise ConfigError(f"key = {key!r}: DDPG needs PARL, which this library does not bring; use 'lstm'")
    if name != "lstm":
        raise ConfigError(f"key = {key!r}: expected 'lstm'")


def _check_gpu(use_gpu: bool) -> None:
    if not use_gpu:
        return
    import paddle

    if not paddle.device.is_compiled_with_cuda() or paddle.device.cuda.device_count() == 0:
        raise ConfigError(f"use_gpu = {use_gpu!r}: this Paddle has no CUDA GPU; the controller runs well on the CPU")


def _settings(kwargs: dict[str, Any]) -> ControllerSettings:
    from .lstm_controller import ControllerSettings

    known = [field.name for field in dataclasses.fields(ControllerSettings)]
    for name, value in kwargs.items():
        if name not in known:
            raise ConfigError(f"RLNAS: unknown setting {name!r} = {value!r}; {did_you_mean(name, [*known, 'seed'])}")
    return ControllerSettings(**{name: value for name, value in kwargs.items() if value is not None})


def _folder(name: str, value: Any) -> Path | None:
    if value is None or value is False:
        return None
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ConfigError(f"{name} = {value!r}: expected a folder, or None")
    return Path(value)


def _generator(seed: Any) -> np.random.Generator:
    number = as_index(seed)
    if seed is not None and (number is None or number < 0):
        raise ConfigError(f"seed = {seed!r}: expected a whole number that is not negative")
    return np.random.default_rng(number)


def _count(name: str, value: Any) -> int:
    count = as_index(value)
    if count is None or count < 1:
        raise ConfigError(f"{name} = {value!r}: expected a number of candidates, 1 or more")
    return count


def _numbers(rewards: Any, count: int) -> list[float]:
    """One finite reward for each of ``count`` candidates."""
    try:
        given = np.asarray(rewards.numpy() if hasattr(rewards, "numpy") else rewards)
    except ValueError:  # a ragged list
        given = np.array(None)
    if given.dtype.kind not in "iuf":
        raise RewardError(f"rewards = {rewards!r}: expected a number, or a list of {count}")
    numbers = np.full(count, given, dtype=np.float64) if given.ndim == 0 else given.astype(np.float64).ravel()
    if len(numbers) != count:
        raise RewardError(f"{len(numbers)} rewards for {count} candidates: expected one each, or one number for all")
    if not np.isfinite(numbers).all():
        position = int(np.argmin(np.isfinite(numbers)))
        raise RewardError(f"reward {position} = {float(numbers[position])!r}: expected a finite number")
    return [float(number) for number in numbers]
