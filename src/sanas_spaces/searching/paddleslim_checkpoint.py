"""Checkpoints of PaddleSlim's SANAS, read so that a search can go on from them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RecordError, TokenError
from ..tokens import TokenTable

FILE_NAME = "sanas.checkpoints"
_NOT_REWARDED = -1
"""What PaddleSlim writes for tokens that were handed out; a reward of -1 is written as ``-1.0``."""


@dataclass(frozen=True)
class Checkpoint:
    """Where PaddleSlim's search stood.

    Attributes:
        results: Every token list that was handed out and its reward, None if it has none, oldest first.
        base: Tokens that proposals were changed from.
        base_reward: Their reward, None if nothing was accepted.
        steps: Number of rewards that cooled the search.
        init_temperature: Start temperature.
    """

    results: list[tuple[list[int], float | None]]
    base: list[int]
    base_reward: float | None
    steps: int
    init_temperature: float


def read_checkpoint(path: Path, table: TokenTable) -> Checkpoint:
    """Read ``sanas.checkpoints``, which stays as it is.

    Raises:
        RecordError: The file is damaged or belongs to another search space; the message says what is wrong.
    """
    try:
        scene = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is damaged: {error}") from error
    if not isinstance(scene, dict):
        raise RecordError(f"{path} is damaged: expected an object, found {type(scene).__name__}")
    return _Reader(path, scene, table).read()


class _Reader:
    """One checkpoint: its path for messages, and what it holds."""

    def __init__(self, path: Path, scene: dict[str, Any], table: TokenTable) -> None:
        self._path = path
        self._scene = scene
        self._table = table

    def read(self) -> Checkpoint:
        self._check_range_table()
        rewards = self._rewards()
        best, best_reward = self._scene.get("_best_tokens"), self._number("_max_reward")
        if best is not None and best_reward is not None:
            # a second reward of the same tokens overwrites the first in the list, but not the best
            rewards[tuple(self._tokens("_best_tokens", best))] = best_reward
        rewarded = sum(reward is not None for reward in rewards.values())
        return Checkpoint(
            results=[(list(tokens), reward) for tokens, reward in rewards.items()],
            base=self._tokens("_tokens", self._get("_tokens")),
            base_reward=self._number("_reward") if rewarded else None,
            steps=max(self._count("_iter"), rewarded),
            init_temperature=self._temperature(),
        )

    def _check_range_table(self) -> None:
        found = self._get("_range_table")
        counts = found[1] if isinstance(found, list) and len(found) == 2 else found
        if counts != self._table.range_table:
            raise RecordError(
                f"{self._path} is the checkpoint of another search space: its range table is {counts!r}, "
                f"and that of the config {self._table.range_table}"
            )

    def _rewards(self) -> dict[tuple[int, ...], float | None]:
        searched = self._get("_searched")
        if not isinstance(searched, dict):
            raise self._damaged("_searched", searched, "an object with token lists for keys")
        rewards: dict[tuple[int, ...], float | None] = {}
        for key, value in searched.items():
            try:
                tokens = self._tokens("_searched", json.loads(key))
            except json.JSONDecodeError:
                raise self._damaged("_searched", key, "a token list") from None
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self._damaged("_searched", value, "a number")
            given = math.isfinite(value) and not (isinstance(value, int) and value == _NOT_REWARDED)
            rewards[tuple(tokens)] = float(value) if given else None
        return rewards

    def _tokens(self, key: str, value: Any) -> list[int]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self._damaged(key, value, "a token list")
        try:
            return self._table.check(list(value))
        except TokenError as error:
            raise RecordError(f"{self._path} is damaged: {key}: {error}") from error

    def _number(self, key: str) -> float | None:
        """A finite number, or None for what no reward can have been."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._damaged(key, value, "a number")
        return float(value) if math.isfinite(value) else None

    def _count(self, key: str) -> int:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._damaged(key, value, "a number of steps")
        return value

    def _temperature(self) -> float:
        value = self._number("_init_temperature")
        if value is None or value <= 0:
            raise self._damaged("_init_temperature", value, "a positive number")
        return value

    def _get(self, key: str) -> Any:
        if key not in self._scene:
            raise RecordError(f"{self._path} is damaged: {key} is missing")
        return self._scene[key]

    def _damaged(self, key: str, value: Any, expected: str) -> RecordError:
        return RecordError(f"{self._path} is damaged: {key} = {value!r}: expected {expected}")
