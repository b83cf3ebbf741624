"""Start a search on a new record, or continue one: what SANAS and ``search`` share."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import ConfigError
from .annealing import Annealing
from .constraints import Constraints
from .engine import CostFunction, Engine
from .record import Record, latest_record_path, new_record_path

RANDOM_TEMPERATURE = 10.0
"""Start temperature for random initial tokens, as PaddleSlim documents it."""
GIVEN_TEMPERATURE = 1.0
"""Start temperature for given initial tokens."""


def open_engine(
    space: CombinedSpace,
    *,
    name: str,
    save_to: Path | None,
    load_from: Path | None,
    init_tokens: Sequence[int] | None,
    init_temperature: float | None,
    reduce_rate: float,
    seed: int | None,
    constraints: Constraints,
    input_shape: ImageShape | None,
    cost_of: CostFunction | None = None,
) -> Engine:
    """An engine on a new record, or on the newest record called ``name`` in ``load_from``.

    What decides the course of a search is written into its record; arguments that are None are taken from there.

    Args:
        space: The search space.
        name: Name of the record's file.
        save_to: Folder for the record; None keeps it in memory. Another folder than ``load_from`` gets a copy.
        load_from: Folder of a record to continue.
        init_tokens: First proposal.
        init_temperature: Start temperature.
        reduce_rate: Factor of the temperature per reward.
        seed: Seed of the search.
        constraints: What every candidate has to meet.
        input_shape: Image shape [C, H, W].
        cost_of: Cost of an architecture list.

    Raises:
        ConfigError: An argument is out of its range.
        ConstraintError: No network was found that meets the constraints; then no record is begun.
        RecordError: The record to continue is missing, damaged or of another search.
    """
    shape: Any = tuple(space.input_shape if input_shape is None else input_shape)
    given = {
        "configs": json.loads(json.dumps(space.configs, default=str)),
        "range_table": space.range_table(),
        "input_shape": list(shape),
        "constraints": constraints.as_json(),
        "reduce_rate": _checked_rate(reduce_rate),
        "init_temperature": _checked_temperature(init_temperature),
        "seed": _checked_seed(seed),
        "init_tokens": None if init_tokens is None else space.init_tokens(init_tokens),
    }

    def engine(record: Record) -> Engine:
        algorithm = Annealing(
            space.range_table(),
            record.header["init_tokens"],
            init_temperature=record.header["init_temperature"],
            reduce_rate=record.header["reduce_rate"],
            seed=record.header["seed"],
        )
        return Engine(space, record, algorithm, constraints, input_shape=shape, cost_of=cost_of)

    if load_from is not None:
        record = Record.load(latest_record_path(load_from, name), space.table, given)
        if save_to is None or save_to.resolve() != load_from.resolve():
            record = record.copy_to(_target(save_to, name), space.table)
        return engine(record)
    header = {**given, **_start(space, given), "version": __version__}
    engine(Record.create(None, space.table, header)).check_constraints()
    return engine(Record.create(_target(save_to, name), space.table, header))


def _start(space: CombinedSpace, given: dict[str, Any]) -> dict[str, Any]:
    """Seed, initial tokens and temperature of a new search, where they are not given."""
    seed = given["seed"]
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    tokens = given["init_tokens"]
    temperature = given["init_temperature"]
    if temperature is None:
        temperature = RANDOM_TEMPERATURE if tokens is None and space.starts_random else GIVEN_TEMPERATURE
    if tokens is None:
        tokens = space.init_tokens(rng=np.random.default_rng((seed, 2**32)))
    return {"seed": seed, "init_tokens": tokens, "init_temperature": temperature}


def _target(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else new_record_path(folder, name)


def _checked_temperature(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ConfigError(f"init_temperature = {value!r}: expected a positive number")
    return None if value is None else float(value)


def _checked_rate(value: float) -> float:
    if not 0 < value <= 1:
        raise ConfigError(f"reduce_rate = {value!r}: expected 0 < reduce_rate <= 1")
    return float(value)


def _checked_seed(value: int | None) -> int | None:
    if value is None:
        return None
    try:
        seed = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        seed = -1
    if seed < 0:
        raise ConfigError(f"seed = {value!r}: expected a whole number from 0")
    return seed
