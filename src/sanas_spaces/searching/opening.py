"""Start a search on a new record, or continue one: what SANAS and ``search`` share."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler

from .. import __version__
from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import ConfigError, CostError
from ..tables import Space, Table
from .algorithms import ALGORITHMS, Algorithm, Annealing, Choices, PaddleSlimAnnealing, algorithm_named
from .algorithms.choices import Features
from .algorithms.optuna_sampler import OptunaAlgorithm
from .budgets import PRUNERS, Halving, as_pruner
from .constraints import Constraints
from .engine import Engine
from .holding import Hold, hold
from .leases import LEASE_SECONDS
from .pareto import Objectives
from .places import JournalFile, Memory, Place
from .proposals import CostFunction
from .record import Record
from .record_files import latest_record_path, new_record_path
from .start import import_checkpoint, is_checkpoint_only, start_of, starting_state
from .studies import has_search


def open_engine(
    space: Space,
    *,
    name: str,
    save_to: Path | None,
    load_from: Path | Place | None,
    init_tokens: Sequence[int] | None,
    algorithm: Any = None,
    default_algorithm: str,
    init_temperature: float | None = None,
    reduce_rate: float | None = None,
    seed: int | None,
    constraints: Constraints,
    input_shape: ImageShape | None,
    cost_of: CostFunction | None = None,
    objectives: Objectives | None = None,
    pruner: Any = None,
    budgets: Sequence[int] | None = None,
    place: Place | None = None,
    lease: float = LEASE_SECONDS,
) -> Engine:
    """An engine on a new record, or on the newest record called ``name`` in ``load_from``.

    What decides the course of a search is written into its record; arguments that are None are taken from there.

    Args:
        space: The search space.
        name: Name of the record's file.
        save_to: Folder for the record; None keeps it in memory. Another folder than ``load_from`` gets a copy.
        load_from: Folder of a record, or of a checkpoint of PaddleSlim, or the place of a record, to continue.
        init_tokens: First proposal.
        algorithm: What proposes: a name, a function of (choices, init_tokens, seed=), or an Optuna sampler; None
            is that of the record, PaddleSlim's rule after its checkpoint.
        default_algorithm: Algorithm of a new search where none is given.
        init_temperature: Start temperature of an annealing.
        reduce_rate: Factor of the temperature of an annealing per reward.
        seed: Seed of the search.
        constraints: What every candidate has to meet.
        input_shape: Image shape [C, H, W].
        cost_of: Cost of an architecture list.
        objectives: What is to be large or small.
        pruner: What stops candidates early: a name or one of Optuna's pruners.
        budgets: Budgets of the rounds of successive halving.
        place: A place that several processes share, in place of ``save_to``: its search is joined, or begun; a copy of
            what is loaded begins it, too.
        lease: Seconds after which a silent process among them is gone.

    Raises:
        ConfigError: An argument is out of its range.
        ConstraintError: No network was found that meets the constraints; then no record is begun.
        RecordError: The record to continue is missing, damaged or of another search.
    """
    shape: Any = tuple(space.input_shape if input_shape is None else input_shape)
    given = {
        "configs": json.loads(json.dumps(space.configs, default=str)),
        "space_versions": _versions(space),
        "range_table": space.range_table(),
        "input_shape": list(shape),
        "constraints": constraints.as_json(),
        "algorithm": name_of(algorithm),
        "reduce_rate": _checked_rate(reduce_rate),
        "init_temperature": _checked_temperature(init_temperature),
        "seed": _checked_seed(seed),
        "objectives": None if objectives is None else objectives.goals,
        "pruner": _name_of_pruner(pruner),
        "budgets": None if budgets is None else list(Halving(budgets).budgets),
        "init_tokens": None if init_tokens is None else space.init_tokens(init_tokens),
    }

    choices = replace(Choices.of(space.table), features=_features(space, cost_of, shape))

    def engine(record: Record, held: Hold | None = None) -> Engine:
        goals = Objectives(record.header.get("objectives"))
        return Engine(
            space,
            record,
            _algorithm(algorithm, choices, record, goals),
            constraints,
            input_shape=shape,
            cost_of=cost_of,
            objectives=goals,
            pruner=_pruner(pruner, record.header.get("pruner")),
            halving=_halving(record.header.get("budgets"), goals),
            joined=place is not None,
            lease=lease,
            held=held,
        )

    def begun() -> dict[str, Any]:
        """Header of a new search."""
        full = {**given, "algorithm": given["algorithm"] or default_algorithm}
        header = {**full, **start_of(space, full), "version": __version__}
        engine(Record.create(Memory(), space.table, header)).check_constraints()
        return header

    def loaded(source: Path | Place) -> Record:
        """The record to continue."""
        if isinstance(source, Place):
            return Record.load(source, space.table, given)
        if isinstance(space, CombinedSpace) and is_checkpoint_only(source, name):
            return import_checkpoint(source, space, given)  # goes on with PaddleSlim's rule unless another is given
        return Record.load(JournalFile(latest_record_path(source, name)), space.table, given)

    if place is not None:
        place.check()
        with place.exclusive():
            if load_from is not None:
                return engine(loaded(load_from).copy_to(place, space.table))
            if has_search(place):
                return engine(Record.load(place, space.table, given))
            return engine(Record.create(place, space.table, begun()))

    if load_from is None:
        header = begun()
        held = None if save_to is None else hold(save_to, name)
        return engine(Record.create(_target(save_to, name), space.table, header), held)
    record = loaded(load_from)
    held = None if save_to is None else hold(save_to, name)
    stays = isinstance(load_from, Path) and save_to is not None and save_to.resolve() == load_from.resolve()
    if stays if record.place.shared else save_to is None:
        return engine(record, held)
    return engine(record.copy_to(_target(save_to, name), space.table), held)


def name_of(algorithm: Any) -> str | None:
    """What a record calls an algorithm."""
    if algorithm is None:
        return None
    if isinstance(algorithm, str):
        algorithm_named(algorithm)
        return algorithm
    named = getattr(algorithm, "func", algorithm)
    return str(getattr(named, "__name__", type(named).__name__))


def _algorithm(given: Any, choices: Choices, record: Record, goals: Objectives) -> Algorithm:
    """The algorithm of a search; the record tells which, if it is not given."""
    header = record.header
    arguments = choices, header["init_tokens"]
    if isinstance(given, BaseSampler):
        return OptunaAlgorithm(*arguments, sampler=given, goals=len(goals.names), seed=header["seed"])
    if given is not None and not isinstance(given, str):
        made: Algorithm | BaseSampler = given(*arguments, seed=header["seed"])
        if isinstance(made, BaseSampler):
            made = OptunaAlgorithm(*arguments, sampler=made, goals=len(goals.names), seed=header["seed"])
        return made
    if header["algorithm"] not in ALGORITHMS:
        raise ConfigError(f"the search was begun with the algorithm {header['algorithm']}: give it as algorithm= again")
    algorithm = algorithm_named(header["algorithm"])
    options = {}
    if issubclass(algorithm, Annealing | PaddleSlimAnnealing):
        options = {key: header[key] for key in ("init_temperature", "reduce_rate") if header[key] is not None}
    elif header["init_temperature"] is not None:
        raise ConfigError(
            f"init_temperature = {header['init_temperature']}: {header['algorithm']!r} has no temperature"
        )
    if algorithm is PaddleSlimAnnealing:
        options |= starting_state(record)
    return algorithm(*arguments, seed=header["seed"], **options)


def _name_of_pruner(pruner: Any) -> str | None:
    if pruner is None or isinstance(pruner, str):
        as_pruner(pruner)
        return pruner
    return type(as_pruner(pruner)).__name__


def _pruner(given: Any, recorded: str | None) -> Any:
    """The pruner of a search; the record tells which, if it is not given."""
    if given is None and recorded is not None and recorded not in PRUNERS:
        raise ConfigError(f"the search was begun with the pruner {recorded}: give it as pruner= again")
    return as_pruner(recorded if given is None else given)


def _halving(budgets: Sequence[int] | None, goals: Objectives) -> Halving | None:
    return None if budgets is None else Halving(budgets, maximize=bool(goals.signs[0] > 0))


def _features(space: Space, cost_of: CostFunction | None, shape: ImageShape) -> Features:
    """What a search knows of a network without an evaluation: logarithms of its cost."""

    def features(tokens: Sequence[int]) -> list[float] | None:
        if not space.holds(tokens):
            return None
        archs = space.token2arch(tokens)
        try:
            figures = (cost_of(archs) if cost_of else archs.cost(shape)).metrics()
        except CostError:
            return None
        return [math.log1p(max(figures[name], 0)) for name in space.features]

    return features


def _versions(space: Space) -> dict[str, Any]:
    """What the classes of spaces say about their version; equal tokens of another one may mean another network."""
    if isinstance(space, Table):
        return {}
    versions = {name: getattr(one, "version", None) for name, one in zip(space.names, space.spaces, strict=True)}
    return {name: version for name, version in versions.items() if isinstance(version, int | float | str)}


def _target(folder: Path | None, name: str) -> Place:
    return Memory() if folder is None else JournalFile(new_record_path(folder, name))


def _checked_temperature(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ConfigError(f"init_temperature = {value!r}: expected a positive number")
    return None if value is None else float(value)


def _checked_rate(value: float | None) -> float | None:
    if value is None:
        return None
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
