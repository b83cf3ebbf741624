"""A whole search in one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ..arch import ImageShape
from ..combine import CombinedSpace
from ..errors import ConfigError
from ..tables import Table
from .candidate import Candidate
from .constraints import Constraints
from .engine import Engine
from .execution import Execution, FuturesExecution, InlineExecution, Pool, RayExecutor
from .execution.base import Evaluation
from .leases import LEASE_SECONDS
from .loop import evaluations
from .opening import open_engine
from .pareto import Objectives
from .places import STUDY_NAME, place_of
from .result import SearchResult

RECORD_NAME = "search"
Evaluate = Callable[[Candidate], Any]
Callback = Callable[["SearchResult", Candidate], None]


def search(
    configs: Sequence[Any] | Table,
    evaluate: Evaluate,
    *,
    steps: int = 20,
    constraints: Mapping[str, Any] | None = None,
    objectives: Mapping[str, str] | None = None,
    input_shape: ImageShape | None = None,
    init_tokens: Sequence[int] | None = None,
    algorithm: Any = None,
    pruner: Any = None,
    budgets: Sequence[int] | None = None,
    seed: int | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    storage: str | Path | None = None,
    study: str = STUDY_NAME,
    lease: float = LEASE_SECONDS,
    workers: int = 1,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    executor: Any = None,
    callbacks: Sequence[Callback] = (),
    on_start: Callback | None = None,
) -> SearchResult:
    """Search for the network with the largest reward.

    Args:
        configs: Search spaces: ``[('MobileNetV2Space')]`` or ``[(name, {...}), ...]``; or a table of networks.
        evaluate: Function of a :class:`Candidate` that returns its reward. If it has a method ``cost(archs)``, that
            is the cost that constraints bound (a training evaluator counts the classifier, too); if it has an
            ``input_shape``, that is the default. An exception fails the candidate, and the search goes on.
        steps: Number of candidates, those of a resumed record included.
        constraints: Bounds that every candidate meets: ``{"flops": 50e6, "params": (1e5, 1e6)}``.
        objectives: What is to be large or small: ``{"accuracy": "max", "flops": "min"}``. A name is a key of the dict
            that ``evaluate`` returns, or a figure of the cost; a plain number that it returns is the one objective that
            is no figure of the cost. By default ``evaluate`` returns one reward to be large.
        input_shape: Image shape [C, H, W] that costs refer to.
        init_tokens: First candidate; by default the initial tokens of the spaces.
        algorithm: What proposes: ``"model"``, the default, ``"annealing"``, ``"paddleslim"``, ``"evolution"``,
            ``"local"``, ``"random"``, a function of (choices, init_tokens, seed=) that gives an
            :class:`~sanas_spaces.searching.Algorithm`, or an Optuna sampler.
        pruner: What stops candidates early by the scores that ``evaluate`` reports on the way: ``"median"``,
            ``"halving"``, or one of Optuna's pruners.
        budgets: Rounds with rising budgets, such as epochs ``[2, 6, 18]``: all candidates are evaluated with the
            first, the best third of them with the second, the best third of those with the last. ``evaluate`` finds
            the budget in ``candidate.budget``.
        seed: Seed of the search; by default drawn and written into the record.
        folder: Folder of the record, an Optuna journal file; None keeps it in memory.
        resume: Continue the newest record in ``folder``; the candidate that was open is evaluated again.
        storage: In place of a folder: where processes share the search. A URL that SQLAlchemy reads, of SQLite,
            PostgreSQL or MySQL, or the path of a SQLite (``.db``) or journal file. Whoever gives the same one works on
            the same search; the first one begins it.
        study: Name of the search in a database.
        lease: Seconds after which a process that shares the search and is silent counts as gone; its candidates are
            handed out again.
        workers: Candidates that are evaluated at once, each in a process of its own with its share of the cores;
            1 evaluates in this process unless there is a limit.
        time_limit: Seconds that one evaluation may take.
        memory_limit: Bytes of memory that one evaluation may use.
        executor: Where candidates are evaluated instead: ``"ray"``, a
            :class:`~sanas_spaces.searching.execution.RayExecutor`, or anything with ``submit(function, *arguments)``
            that returns a ``concurrent.futures`` kind of future; ``workers`` of them are out at once.
        callbacks: Called with the result so far and the candidate after each candidate.
        on_start: Called with the same before a candidate is evaluated.

    Returns:
        The result; also if every network of the space was tried before ``steps`` were used.

    Raises:
        EvaluationError: The first three candidates all failed; the cause is chained.
    """
    if isinstance(steps, bool) or steps < 1:
        raise ConfigError(f"steps = {steps!r}: expected a positive number of candidates")
    if not callable(evaluate):
        raise ConfigError(f"evaluate = {evaluate!r}: expected a function of a candidate")
    if isinstance(workers, bool) or workers < 1:
        raise ConfigError(f"workers = {workers!r}: expected a positive number of processes")
    if storage is not None and (folder is not None or resume):
        raise ConfigError("a search is recorded in a folder or in a storage, and one in a storage is always continued")
    if resume and folder is None:
        raise ConfigError("resume = True needs the folder of the search")
    space = configs if isinstance(configs, Table) else CombinedSpace(configs)
    run_folder = None if folder is None else Path(folder)
    cost_of = _cost_method(evaluate)
    shape = input_shape or getattr(evaluate, "input_shape", None)

    def execution_of(engine: Engine, evaluate: Evaluate) -> Execution:
        if workers == 1 and executor is None and time_limit is None and memory_limit is None:
            return InlineExecution(evaluate)
        evaluation = Evaluation(space, evaluate, engine.input_shape, cost_of)
        if executor is None:
            return Pool(evaluation, workers=workers, time_limit=time_limit, memory_limit=memory_limit)
        if time_limit is not None or memory_limit is not None:
            raise ConfigError("time_limit and memory_limit are for workers of this machine, not for an executor")
        if engine.pruner is not None:
            raise ConfigError("a pruner needs scores on the way, and an executor tells nothing before the end")
        if executor == "ray":
            return FuturesExecution(RayExecutor(), evaluation, workers=workers, owned=True)
        return FuturesExecution(executor, evaluation, workers=workers)

    engine = open_engine(
        space,
        name=RECORD_NAME,
        save_to=run_folder,
        load_from=run_folder if resume else None,
        init_tokens=init_tokens,
        algorithm=algorithm,
        default_algorithm="model",
        seed=seed,
        constraints=Constraints(constraints, space.metrics),
        input_shape=shape,
        cost_of=cost_of,
        objectives=Objectives(objectives),
        pruner=pruner,
        budgets=budgets,
        place=None if storage is None else place_of(storage, study),
        lease=lease,
    )
    result = SearchResult(engine, run_folder)
    try:
        with execution_of(engine, evaluate) as execution:
            done = evaluations(engine, execution, steps, lambda one: on_start and on_start(result, one))
            with closing(done):
                for candidate in done:
                    for callback in callbacks:
                        callback(result, candidate)
    finally:
        engine.close()
    return result


def _cost_method(evaluate: Any) -> Any:
    cost = getattr(evaluate, "cost", None)
    return cost if inspect.ismethod(cost) else None
