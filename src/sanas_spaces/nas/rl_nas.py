"""Search with a reinforcement-learning controller, with PaddleSlim's interface."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arch import ArchList
from ..combine import SearchSpaceFactory
from ..distributed import PATIENCE_SECONDS, Settings, Transport
from ..distributed.rounds_client import RemotePolicy
from ..distributed.settings import checked_address
from ..errors import ConfigError, RewardError, did_you_mean
from ..searching.desk import DEFAULT_ADDRESS, can_serve
from ..searching.leases import LEASE_SECONDS
from ..tokens import as_index
from .rl_server import ServerProcess

if TYPE_CHECKING:
    from .lstm_controller import ControllerSettings
    from .rl_policy import Policy


class RLNAS:
    """Search in which an LSTM controller learns from rewards what to propose.

    ``next_archs(n)`` gives n candidates, ``reward(scores)`` takes what came of them and trains the controller,
    ``final_archs(n)`` gives the architectures that it has come to prefer.

    What differs from PaddleSlim 2.6: its learning rate of 1e-4 learns nothing in some hundred evaluations, so the
    defaults are ``controller_lr=0.003``, ``tanh_constant=2.5`` and ``weight_entropy=0.1``. Each candidate counts by its
    own reward, relative to the moving mean and standard deviation of all; so a candidate that failed should get a low
    reward, but not one of another magnitude. A token list that was proposed before is drawn anew, up to 64 times, and
    the controller is trained with what was proposed in the end. ``controller_decay_steps`` is respected, and
    ``final_archs(n)`` gives n different architectures. ``save_controller=None`` saves nothing. Without ``server_addr``
    no socket is opened, and files and messages are not pickled.

    Several clients can train one controller: one process is given ``server_addr``, and the others ``is_server=False``
    and the address of the first one. The controller is in a process of its own then, since Paddle cannot be in two
    modes in one process.

    Args:
        key: ``"lstm"``.
        configs: Search spaces: ``[('MobileNetV2Space')]`` or ``[(name, {...}), ...]``.
        use_gpu: Whether the controller is computed on the GPU; it is small enough for the CPU.
        server_addr: Host and port where clients can join. No host, ``""``, is this machine only, and port 0 finds a
            free one: see ``server.address``. For a client, where the server is.
        is_server: False for a client of a server elsewhere, which decides all other settings but ``configs``.
        is_sync: Whether the controller learns from the rewards of all clients in one step, once all have given theirs,
            which ``reward`` waits for; otherwise from those of each client as they come.
        save_controller: Folder in which everything needed to go on is saved after each reward; None or False for none.
        load_controller: Folder from which to go on as if there had been no interruption.
        seed: Seed of the initial weights and of all proposals; what was loaded has its own.
        token: What clients have to know, at least 16 characters; by default from the environment variable
            ``SANAS_TOKEN``. A server that other machines can reach has to have one.
        tls: For a server, files of its certificate and key; for a client, True, or the file of the authority's
            certificate.
        lease: Seconds after which a client that is not heard of is gone.
        patience: Seconds for which a client waits while the server is away.
        kwargs: ``lstm_num_layers=1``, ``hidden_size=100``, ``temperature=1.0``, ``tanh_constant=2.5`` (0 for none),
            ``controller_lr=0.003``, ``controller_decay_steps=None``, ``controller_decay_rate=None``, ``decay=0.99``,
            ``weight_entropy=0.1``, ``controller_batch_size=1``, as :class:`ControllerSettings
            <sanas_spaces.nas.lstm_controller.ControllerSettings>` explains them; None for the default.

    Raises:
        ConfigError: A malformed config or argument.
        RecordError: What should be loaded is missing, damaged or of another controller.
        ServiceError: The server cannot be reached, or cannot listen.
    """

    server: ServerProcess | None = None
    """The server of this search, if it is in this process."""

    def __init__(
        self,
        key: str,
        configs: Sequence[Any],
        use_gpu: bool = False,
        server_addr: tuple[str, int] = DEFAULT_ADDRESS,
        is_server: bool = True,
        is_sync: bool = False,
        save_controller: str | Path | bool | None = None,
        load_controller: str | Path | bool | None = None,
        *,
        seed: int | None = None,
        token: str | None = None,
        tls: Any = None,
        lease: float = LEASE_SECONDS,
        patience: float = PATIENCE_SECONDS,
        **kwargs: Any,
    ) -> None:
        _check_key(key)
        self._save_to = _folder("save_controller", save_controller)
        load_from = _folder("load_controller", load_controller)
        self._space = SearchSpaceFactory().get_search_space(configs)
        self.range_tables = self._space.range_table()
        self._settings = _settings(kwargs)
        _check_gpu(use_gpu)
        self._policy: Policy | RemotePolicy
        if not is_server:
            self._policy = self._join(server_addr, token=token, tls=tls, patience=patience)
        elif server_addr is DEFAULT_ADDRESS or not can_serve(server_addr):
            self._policy = self._own(load_from, _generator(seed), bool(use_gpu))
        else:
            Settings.of(server_addr, token=token, tls=tls)  # what is wrong with them is told at once
            job = {
                "address": list(checked_address(server_addr)),
                "token": token,
                "tls": tls,
                "lease": lease,
                "synchronous": bool(is_sync),
                "configs": json.loads(json.dumps(self._space.configs, default=str)),
                "range_table": self.range_tables,
                "settings": dataclasses.asdict(self._settings),
                "seed": seed,
                "use_gpu": bool(use_gpu),
                "save_to": self._save_to,
                "load_from": load_from,
            }
            self.server = ServerProcess(job)
            self._policy = self._join(self.server.address, token=token, tls=self.server.trusted, patience=patience)
        self._tokens: list[list[int]] | None = None
        self._open: list[list[int]] | None = None

    def _own(self, load_from: Path | None, rng: np.random.Generator, use_gpu: bool) -> Policy:
        from .rl_policy import Policy  # imports Paddle

        return Policy(
            self.range_tables, self._settings, rng=rng, use_gpu=use_gpu, save_to=self._save_to, load_from=load_from
        )

    def _join(self, address: Any, *, token: str | None, tls: Any, patience: float) -> RemotePolicy:
        transports = (Transport(address, token=token, tls=tls, patience=wait) for wait in (patience, 0.0))
        return RemotePolicy(self._space, *transports)

    def next_archs(self, obs: int | None = None) -> list[ArchList]:
        """Draw candidates.

        Args:
            obs: How many; by default ``controller_batch_size``.

        Returns:
            For each candidate its architectures, one per space; as a whole they are callable as their chain.
        """
        count = self._settings.controller_batch_size if obs is None else _count("obs", obs)
        self._open = self._tokens = self._policy.draw(count)
        return [self._space.token2arch(tokens) for tokens in self._tokens]

    @property
    def tokens(self) -> list[list[int]] | None:
        """Token lists of the last ``next_archs`` or ``final_archs``, None before."""
        return self._tokens

    def reward(self, rewards: Any, **kwargs: Any) -> bool:
        """Train the controller with the rewards of the candidates of the last ``next_archs``; larger is better.

        With ``is_sync`` this waits until all clients that take part have given theirs.

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
        self._policy.reward(tokens, numbers)
        return True

    def final_archs(self, batch_obs: int) -> list[ArchList]:
        """The ``batch_obs`` likeliest architectures, found by beam search; for 1 the greedy choice.

        ``tokens`` has their token lists. Candidates that are open stay open.
        """
        count = _count("batch_obs", batch_obs)
        found = self._policy.most_likely(count)
        self._tokens = [list(found[i % len(found)]) for i in range(count)]  # a space can have fewer
        return [self._space.token2arch(tokens) for tokens in self._tokens]

    def close(self) -> None:
        """Take part no longer; end the server, if there is one here."""
        self._policy.close()
        if self.server is not None:
            self.server.close()

    def tokens2arch(self, tokens: Sequence[int]) -> ArchList:
        """Architectures of ``tokens``.

        Raises:
            TokenError: Wrong length, type, sign or range.
        """
        return self._space.token2arch(tokens)


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
