"""Early stop of candidates that look bad while they are still training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import optuna
from optuna.pruners import BasePruner
from optuna.trial import TrialState

from ..errors import ConfigError
from ..searching.candidate import finite_number

Status = Literal["GOOD", "BAD"]
MODES = ("maxmize", "maximize", "minimize")


class EarlyStopBase:
    """What an early-stop rule of one's own derives from."""

    def get_status(self, step: int, result: float, epochs: int) -> Status:
        """Take the result of one more epoch and say whether training should go on."""
        raise NotImplementedError(f"{type(self).__name__} has to define get_status(step, result, epochs)")

    def client_end(self) -> None:
        """Hear that the client has ended."""
        raise NotImplementedError(f"{type(self).__name__} has to define client_end()")


class MedianStop(EarlyStopBase, BasePruner):
    """The median stopping rule (Golovin et al., Google Vizier, KDD 2017, section 3.2.2).

    A candidate is bad once its result after some epoch is worse than the median, over the completed candidates, of
    their mean results up to that epoch. While none is completed, the results of the running ones after that epoch
    are compared instead, the candidate's own among them, as in PaddleSlim.

    It is asked step by step with :meth:`get_status`, or given to a search as ``pruner=MedianStop(None, 1)``.

    Args:
        strategy: The search that proposes the candidates; not used.
        start_epoch: Number of results below which nothing is stopped.
        mode: ``"maximize"`` (PaddleSlim spells it ``"maxmize"``, which works too) or ``"minimize"``.

    Raises:
        ConfigError: Another mode, or a start epoch that is no whole number.
    """

    def __init__(self, strategy: Any, start_epoch: int, mode: str = "maxmize") -> None:
        if mode not in MODES:
            raise ConfigError(f"mode = {mode!r}: expected 'maximize' or 'minimize'")
        if isinstance(start_epoch, bool) or not isinstance(start_epoch, int) or start_epoch < 0:
            raise ConfigError(f"start_epoch = {start_epoch!r}: expected a number of epochs")
        self.strategy = strategy
        self.start_epoch = start_epoch
        self._minimize = mode == "minimize"
        self._running: dict[int, list[float]] = {}
        self._completed: dict[int, list[float]] = {}

    def get_status(self, step: int, result: float, epochs: int) -> Status:
        """Take the result of one more epoch of a candidate.

        Args:
            step: Number of the candidate; each call with it is one epoch more.
            result: Its score or loss after the epoch.
            epochs: Number of epochs of a whole training. A candidate that is good after the last one is completed.

        Returns:
            ``"GOOD"`` to go on, ``"BAD"`` to stop.

        Raises:
            RewardError: The result is no finite number.
        """
        value = finite_number(result)
        history = self._running.setdefault(step, [])
        history.append(value)
        epoch = len(history)
        if epoch < self.start_epoch:
            return "GOOD"
        histories = (self._completed or self._running).values()
        status: Status = "BAD" if self._is_worse(value, epoch, histories) else "GOOD"
        if epoch == epochs:
            del self._running[step]
            if status == "GOOD":
                self._completed[step] = _running_means(history)
        return status

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether to stop a candidate by the scores that it reported, each of them one epoch."""
        history = _by_step(trial)
        if len(history) < max(1, self.start_epoch):
            return False
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))
        completed = [_running_means(_by_step(one)) for one in trials if one.state is TrialState.COMPLETE]
        running = [_by_step(one) for one in trials if one.state is TrialState.RUNNING]
        return self._is_worse(history[-1], len(history), completed or running)

    def client_end(self) -> None:
        """Nothing is left to end: there is no process beside this one."""

    def _is_worse(self, value: float, epoch: int, histories: Iterable[Sequence[float]]) -> bool:
        others = sorted(history[epoch - 1] for history in histories if len(history) >= epoch)
        if not others:
            return False
        if self._minimize:
            return value > others[len(others) // 2]
        return value < others[(len(others) - 1) // 2]


def _running_means(history: Sequence[float]) -> list[float]:
    """Mean of the first 1, 2, ... results."""
    return [sum(history[:count]) / count for count in range(1, len(history) + 1)]


def _by_step(trial: optuna.trial.FrozenTrial) -> list[float]:
    return [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
