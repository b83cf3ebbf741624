"""SANAS with PaddleSlim's interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..arch import ArchList, ImageShape
from ..combine import CombinedSpace
from ..errors import ConfigError, RewardError
from .algorithms.base import DEFAULT_REDUCE_RATE
from .candidate import Candidate
from .constraints import Constraints
from .desk import DEFAULT_ADDRESS, Desk, OwnDesk, can_serve, over_network
from .leases import LEASE_SECONDS
from .opening import open_engine
from .places import STUDY_NAME, Place, is_storage, place_of
from .result import SearchResult
from .studies import read_header

RECORD_NAME = "sanas"
PATIENCE_SECONDS = 120.0
"""For how long the server of a client may be away."""


class SANAS:
    """Simulated-annealing search, driven step by step from a training script as PaddleSlim's is.

    ``next_archs()`` gives the architectures of a candidate, ``reward(score)`` takes what came of them. No network
    is proposed twice, also not under other tokens; every candidate meets the constraints; every proposal and
    reward is written at once.

    Several processes and machines can work on one search: one of them is given ``server_addr``, and the others
    ``is_server=False`` and the address of the first one. The search, its record and its settings are at the server.

    Args:
        configs: Search spaces: ``[('MobileNetV2Space')]`` or ``[(name, {...}), ...]``.
        server_addr: Host and port where clients can join; without it, one process works and opens no socket. No host,
            ``""``, is this machine only, and port 0 finds a free one: see :attr:`server_addr`. For a client, where the
            server is.
        init_temperature: Start temperature of the annealing, by default 0.1, in units of the spread of the rewards.
            With PaddleSlim's rule in units of the reward; by default 10.0 for random and 1.0 for given initial tokens.
        reduce_rate: Factor of the temperature per reward.
        search_steps: Number of rewards after which the search is over.
        init_tokens: First candidate; by default the initial tokens of the spaces.
        save_checkpoint: Folder of the record, an Optuna journal file; None keeps it in memory. Or where processes share
            the search, as ``storage`` of :func:`~sanas_spaces.search`: the URL of a database, the path of a SQLite
            (``.db``) or journal file (``.journal``). Whoever gives the same one works on the same search.
        load_checkpoint: Folder whose newest record is continued; one with only PaddleSlim's ``sanas.checkpoints`` is
            continued from there, and the file stays as it is. Or such a URL or path.
        is_server: False for a client of a server elsewhere, which decides all other settings but ``configs``.
        seed: Seed of the search; by default drawn and written into the record.
        constraints: Bounds that every candidate meets: ``{"flops": 50e6, "params": (1e5, 1e6)}``.
        input_shape: Image shape [C, H, W] that costs refer to; by default that of the first space.
        algorithm: What proposes: ``"annealing"``, the default, ``"model"``, ``"evolution"``, ``"local"``, ``"random"``,
            a function of (choices, init_tokens, seed=) that gives an :class:`~sanas_spaces.searching.Algorithm`, or
            an Optuna sampler.
        annealing: ``"paddleslim"`` for PaddleSlim's rule, exactly.
        pruner: What stops candidates early: ``"median"``, ``"halving"``, or one of Optuna's pruners. Report scores to
            ``current.report(score, epoch)``, and call ``prune()`` once ``current.should_prune()``.
        token: What clients have to know, at least 16 characters; by default from the environment variable
            ``SANAS_TOKEN``. A server that other machines can reach has to have one.
        tls: For a server, files of its certificate and key; for a client, True, or the file of the authority's
            certificate.
        lease: Seconds after which the candidate of a client that is not heard of is handed out again.
        patience: Seconds for which a client waits while the server is away.
        callbacks: Called with the result so far and the candidate after each candidate of this process; the loggers of
            :mod:`sanas_spaces.callbacks` among them. Clients of a server have none, because the record is there.

    Raises:
        ConfigError: A malformed config or argument; or the server is that of another search.
        ServiceError: The server cannot be reached, or cannot listen.
        ConstraintError: No network was found that meets the constraints.
        RecordError: The record to continue is missing, damaged or of another search.
    """

    def __init__(
        self,
        configs: Sequence[Any],
        server_addr: tuple[str, int] = DEFAULT_ADDRESS,
        init_temperature: float | None = None,
        reduce_rate: float = DEFAULT_REDUCE_RATE,
        search_steps: int = 300,
        init_tokens: Sequence[int] | None = None,
        save_checkpoint: str | Path | None = "nas_checkpoint",
        load_checkpoint: str | Path | None = None,
        is_server: bool = True,
        *,
        seed: int | None = None,
        constraints: Mapping[str, Any] | None = None,
        input_shape: ImageShape | None = None,
        algorithm: Any = None,
        annealing: str = "adaptive",
        pruner: Any = None,
        token: str | None = None,
        tls: Any = None,
        lease: float = LEASE_SECONDS,
        patience: float = PATIENCE_SECONDS,
        callbacks: Sequence[Callable[[SearchResult, Candidate], None]] = (),
    ) -> None:
        if isinstance(search_steps, bool) or search_steps < 1:
            raise ConfigError(f"search_steps = {search_steps!r}: expected a positive number of rewards")
        self.search_steps = search_steps
        self._current: Candidate | None = None
        self._desk: Desk
        self._engine: Any = None  # a client has none
        self._result: SearchResult | None = None
        self._callbacks = tuple(callbacks)
        if not is_server:
            if callbacks:
                raise ConfigError("callbacks are for the process that has the record: the server, not a client")
            access = {"token": token, "tls": tls, "patience": patience, "input_shape": input_shape}
            self._desk = over_network().join(configs, server_addr, **access)
            return
        served = server_addr is not DEFAULT_ADDRESS and can_serve(server_addr)
        self._engine = open_engine(
            CombinedSpace(configs),
            name=RECORD_NAME,
            init_tokens=init_tokens,
            init_temperature=init_temperature,
            reduce_rate=reduce_rate,
            algorithm=_algorithm(algorithm, annealing),
            default_algorithm="annealing",
            seed=seed,
            constraints=Constraints(constraints),
            input_shape=input_shape,
            pruner=pruner,
            **_checkpoints(save_checkpoint, load_checkpoint),
            lease=lease,
        )
        self._result = SearchResult(self._engine, _folder(save_checkpoint))
        if served:
            access = {"steps": search_steps, "token": token, "tls": tls, "lease": lease}
            self._desk = over_network().serve_here(self._engine, server_addr, **access)
        else:
            self._desk = OwnDesk(self._engine, search_steps)

    def next_archs(self) -> ArchList:
        """Architectures of the next candidate, one per space; the list as a whole is callable as their chain.

        A candidate that was left without a reward counts as not evaluated once the next one is asked for. After
        ``load_checkpoint``, the candidate that was open comes first.

        Raises:
            SearchFinished: All steps are used.
            SearchExhausted: Every network of the space was proposed.
        """
        previous, self._current = self._current, None
        if previous is not None and previous.is_open:
            self._desk.fail(previous, "the next candidate was asked for without a reward")
            self._call_back(previous)
        self._current = self._desk.next()
        return self._current.archs

    def reward(self, score: Any) -> bool:
        """Give the reward of the current candidate; larger is better.

        Returns:
            True.

        Raises:
            RewardError: The score is no finite number, then the candidate stays open; or no candidate is open.
        """
        candidate = self._open_candidate("reward")
        self._desk.tell(candidate, score)
        self._call_back(candidate)
        return True

    def fail(self, reason: str) -> None:
        """Record that the current candidate could not be evaluated, and why."""
        candidate = self._open_candidate("fail")
        self._desk.fail(candidate, reason)
        self._call_back(candidate)

    def prune(self) -> None:
        """Record that the current candidate was stopped early."""
        candidate = self._open_candidate("prune")
        self._desk.prune(candidate)
        self._call_back(candidate)

    def tokens2arch(self, tokens: Sequence[int]) -> ArchList:
        """Architectures of ``tokens``.

        Raises:
            TokenError: Wrong length, type, sign or range.
        """
        return self._desk.space.token2arch(tokens)

    def current_info(self) -> dict[str, Any]:
        """``best_tokens`` and ``best_reward`` so far and ``current_tokens``, None where there is none yet."""
        current = None if self._current is None else list(self._current.tokens)
        return {**self._desk.best(), "current_tokens": current}

    @property
    def finished(self) -> bool:
        """Whether all steps are used, as far as this process knows."""
        return self._engine is not None and self._engine.finished >= self.search_steps

    def close(self) -> None:
        """End the server, or the connection to it."""
        self._desk.close()

    @property
    def current(self) -> Candidate | None:
        """The candidate handed out last: its tokens, decoded choices and cost."""
        return self._current

    @property
    def study(self) -> Any:
        """The Optuna study that records the search, to read."""
        return self._desk.study

    @property
    def server(self) -> Any:
        """The server of this search, None if there is none in this process."""
        return self._desk.server

    @property
    def server_addr(self) -> tuple[str, int] | None:
        """Host and port where the server of this search listens, None if there is none in this process."""
        return None if self.server is None else self.server.address

    def _call_back(self, candidate: Candidate) -> None:
        for callback in self._callbacks:
            if self._result is not None:
                self._desk.look(partial(callback, self._result, candidate))

    def _open_candidate(self, call: str) -> Candidate:
        if self._current is None:
            raise RewardError(f"{call}() without a candidate: call next_archs() first")
        return self._current


def _checkpoints(save: str | Path | None, load: str | Path | None) -> dict[str, Any]:
    """Where ``open_engine`` continues, and where it writes."""
    place = None if save is None or not is_storage(save) else place_of(save, STUDY_NAME)
    source: Path | Place | None = None
    if load is not None:
        source = place_of(load, STUDY_NAME) if is_storage(load) else Path(load)
    if place is not None and isinstance(source, Place) and str(source) == str(place):
        place.check()
        read_header(place)  # there has to be one
        source = None
    return {"save_to": _folder(save), "load_from": source, "place": place}


def _folder(save: str | Path | None) -> Path | None:
    return None if save is None or is_storage(save) else Path(save)


def _algorithm(algorithm: Any, annealing: str) -> Any:
    if annealing not in ("adaptive", "paddleslim"):
        raise ConfigError(f"annealing = {annealing!r}: expected 'adaptive' or 'paddleslim'")
    if annealing == "adaptive":
        return algorithm
    if algorithm not in (None, "annealing", "paddleslim"):
        raise ConfigError(f"annealing = 'paddleslim' and algorithm = {algorithm!r}: choose one of them")
    return "paddleslim"
