"""What a search starts from: initial tokens, or the state that PaddleSlim left in a checkpoint."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import TrialState

from .. import __version__
from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import CostError, SanasWarning
from ..registry import SEARCHSPACE
from ..space import COMPAT, DeclaredSpace
from ..tables import Space
from .algorithms.base import DEFAULT_REDUCE_RATE
from .algorithms.paddleslim_annealing import AnnealingState
from .paddleslim_checkpoint import FILE_NAME, read_checkpoint
from .places import Memory
from .record import Record
from .record_files import has_record

RANDOM_TEMPERATURE = 10.0
"""Start temperature for random initial tokens, as PaddleSlim documents it."""
GIVEN_TEMPERATURE = 1.0
"""Start temperature for given initial tokens."""
PADDLESLIM = "paddleslim"
"""Name of PaddleSlim's rule among the algorithms."""
_STATE = "start"


def start_of(space: Space, given: dict[str, Any]) -> dict[str, Any]:
    """Seed, initial tokens and the temperatures of a new search, where they are not given."""
    seed = given["seed"]
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    tokens = given["init_tokens"]
    temperature, rate = given["init_temperature"], given["reduce_rate"]
    if given["algorithm"] == PADDLESLIM:
        rate = rate or DEFAULT_REDUCE_RATE
    if given["algorithm"] == PADDLESLIM and temperature is None:
        temperature = RANDOM_TEMPERATURE if tokens is None and space.starts_random else GIVEN_TEMPERATURE
    if tokens is None:
        tokens = space.init_tokens(rng=np.random.default_rng((seed, 2**32)))
    return {"seed": seed, "init_tokens": tokens, "init_temperature": temperature, "reduce_rate": rate}


def starting_state(record: Record) -> dict[str, Any]:
    """Arguments of the annealing for a record that did not start from initial tokens."""
    state = record.header.get(_STATE)
    if state is None:
        return {}
    reward = -math.inf if state["base_reward"] is None else state["base_reward"]
    return {
        "start": AnnealingState(tuple(state["base"]), reward, state["steps"]),
        "start_number": state["number"],
    }


def is_checkpoint_only(folder: Path, name: str) -> bool:
    """Whether a folder holds a checkpoint of PaddleSlim and no record yet that has gone on from it."""
    return (folder / FILE_NAME).is_file() and not has_record(folder, name)


def import_checkpoint(folder: Path, space: CombinedSpace, given: dict[str, Any]) -> Record:
    """A record in memory of what PaddleSlim's checkpoint in ``folder`` tells.

    Tokens that it handed out and that have no reward count as failed: it does not tell whether anyone works on them.

    Raises:
        RecordError: The checkpoint is damaged or of another search space.
    """
    path = folder / FILE_NAME
    found = read_checkpoint(path, space.table)
    shape = tuple(given["input_shape"])
    hashes = {
        tuple(tokens): _hash(space, tokens, shape) for tokens in (found.base, *(tokens for tokens, _ in found.results))
    }
    _warn_of_other_networks(space, shape, hashes, path)
    known: dict[str, Any] = {"init_tokens": found.base, "algorithm": given["algorithm"] or PADDLESLIM}
    if known["algorithm"] == PADDLESLIM:
        known["init_temperature"] = given["init_temperature"] or found.init_temperature
    header = {
        **given,
        **known,
        **start_of(space, {**given, **known}),
        "version": __version__,
        _STATE: {
            "number": len(found.results),
            "base": found.base,
            "base_reward": found.base_reward,
            "steps": found.steps,
        },
    }
    record = Record.create(Memory(), space.table, header)
    for tokens, reward in found.results:
        attrs = {"hash": hashes[tuple(tokens)], "source": FILE_NAME}
        if reward is None:
            attrs["reason"] = f"{FILE_NAME} has no reward for it"
            record.add(tokens, attrs, TrialState.FAIL)
        else:
            record.add(tokens, attrs, TrialState.COMPLETE, [reward])
    return record


def _hash(space: CombinedSpace, tokens: Sequence[int], shape: ImageShape) -> str:
    try:
        return space.token2arch(tokens).hash(shape)
    except CostError:
        return " ".join(map(str, tokens))


def _warn_of_other_networks(
    space: CombinedSpace, shape: ImageShape, hashes: Mapping[tuple[int, ...], str], path: Path
) -> None:
    """Warn if tokens mean another network here, with the hash given, than in PaddleSlim."""
    configs = [
        (name, {**config, "compat": COMPAT} if issubclass(SEARCHSPACE.get(name), DeclaredSpace) else config)
        for name, config in space.configs
    ]
    if configs == space.configs:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SanasWarning)
        old = CombinedSpace(configs)
    for tokens, own in hashes.items():
        if _hash(old, tokens, shape) != own:
            warnings.warn(
                f"{path}: tokens such as {list(tokens)} mean another network in PaddleSlim, so their rewards may not "
                f"fit; put 'compat': {COMPAT!r} into the config to build PaddleSlim's networks",
                SanasWarning,
                stacklevel=5,
            )
            return
