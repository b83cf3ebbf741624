"""Build random networks of every space here and in PaddleSlim 2.6.0 and compare them.

From the root of the repository::

    python -m tests.differential

For each form of each space the parameters, FLOPs and output shapes of ``--cases`` networks are compared. For
``--outputs`` networks of each space with a mask, and as many with sizes, spread over lengths, sizes and calls,
outputs with equal weights and one step of training are compared, too. PaddleSlim runs in an environment of its own,
which is made the first time. What was compared is kept in its folder ``results`` and not done again as long as the
code stays the same, so a run that was stopped goes on. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .compare import compare, summarize
from .describing import figures, space_of
from .environment import PADDLE_2, PADDLE_3, Recipe, SetupError, ensure
from .forms import Form, all_forms, training_forms
from .golden import write
from .results import Results, code
from .sides import SideError, Sides

DESCRIBED_AT_ONCE = 50
COMPUTED_AT_ONCE = 5
JOBS_OF_A_PROCESS = 5
"""Paddle keeps some memory of each program that ran, 100 MB of a wide ResNet; so processes are renewed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and return the status."""
    options = _options(arguments)
    plans: list[tuple[Path, Recipe, list[Form]]] = [(options.environment, PADDLE_3, all_forms())]
    if options.darts_environment:
        plans.append((options.darts_environment, PADDLE_2, training_forms()))
    made_with = code()
    recorded = []
    status = 0
    started = time.monotonic()
    try:
        for folder, recipe, forms in plans:
            forms = [form for form in forms if not options.space or form.space in options.space]
            if not forms:
                continue
            python = ensure(folder, recipe, _say)
            _say(f"there: {', '.join((*recipe.pinned, *recipe.apart))}")
            _say(f"here: paddlepaddle=={version('paddlepaddle')}, numpy=={version('numpy')}, code {made_with['here']}")
            with ThreadPoolExecutor(options.jobs) as pool:
                do = partial(_form, python=python, folder=folder, made_with=made_with, cases=options.cases)
                done = pool.map(do, forms, [_outputs(form, forms, options.outputs) for form in forms])
                for form, cases in zip(forms, done, strict=True):
                    status |= _report(form, cases)
                    recorded.append((form, cases))
                _report_kinds(forms, recorded[-len(forms) :])
    except (SetupError, SideError) as error:
        _say(str(error))
        return 2
    _say(f"{sum(len(cases) for _, cases in recorded)} networks of {len(recorded)} forms, ", end="")
    _say(f"{'MISMATCHES' if status else 'no mismatch'}, {time.monotonic() - started:.0f} s")
    if options.record:
        write(recorded)
    return status


def _outputs(form: Form, forms: Sequence[Form], wanted: int) -> int:
    """How many networks of a form are computed, so that its kind has as many as are wanted."""
    return math.ceil(wanted / sum(one.kind == form.kind for one in forms))


def _form(
    form: Form, outputs: int, *, python: Path, folder: Path, made_with: dict[str, str], cases: int
) -> list[dict[str, Any]]:
    """Do what is still to be done of one form and return all its cases."""
    results = Results(folder / "results", form, made_with)
    open_cases = [(i, form.tokens(i), numbers) for i, numbers in results.open_cases(cases, outputs)]
    open_cases = [case for case in open_cases if case[2] or not _is_as_before(form, results, *case[:2])]
    jobs = []
    for numbers, at_once in ((False, DESCRIBED_AT_ONCE), (True, COMPUTED_AT_ONCE)):
        cases = [case for case in open_cases if case[2] is numbers]
        jobs += [cases[start : start + at_once] for start in range(0, len(cases), at_once)]
    for first in range(0, len(jobs), JOBS_OF_A_PROCESS):
        with (
            tempfile.TemporaryDirectory() as scratch,
            Sides(python, Path(sys.executable), form, Path(scratch)) as sides,
        ):
            for job, (theirs, their_arrays), (ours, our_arrays) in sides.run(jobs[first : first + JOBS_OF_A_PROCESS]):
                results.add(
                    {
                        "index": index,
                        "tokens": tokens,
                        "computed": numbers,
                        **compare(
                            their_answer,
                            our_answer,
                            (their_arrays.get(index, {}), our_arrays.get(index, {})) if numbers else None,
                        ),
                    }
                    for (index, tokens, numbers), their_answer, our_answer in zip(job, theirs, ours, strict=True)
                )
    return list(results)


def _is_as_before(form: Form, results: Results, index: int, tokens: list[int]) -> bool:
    """Whether a case need only be described here, since PaddleSlim built the same in an earlier run."""
    theirs = results.figures(index)
    if theirs is None:
        return False
    try:
        ours = figures(form, space_of(form).token2arch(tokens)[0])
    except Exception:  # whatever it is, the process will meet it again and report it
        return False
    if ours == theirs:
        results.add([{"index": index, "tokens": tokens, "computed": False, "differs": {}, "relative": {}, **theirs}])
    return ours == theirs


def _report(form: Form, cases: list[dict[str, Any]]) -> int:
    summary = summarize(cases)
    _say(f"{'DIFFERS' if summary.differs else 'same   '} {form.title}: {summary}")
    if summary.first is not None:
        _say(f"        first: tokens {summary.first['tokens']}: {summary.first['differs']}")
    return int(summary.differs)


def _report_kinds(forms: Sequence[Form], recorded: Sequence[tuple[Form, list[dict[str, Any]]]]) -> None:
    _say("")
    for kind in dict.fromkeys(form.kind for form in forms):
        summary = summarize(case for form, cases in recorded if form.kind == kind for case in cases)
        _say(f"{'DIFFERS' if summary.differs else 'same   '} all of {kind}: {summary}")
    _say("")


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser("python -m tests.differential", description=__doc__.split("\n")[0])
    names = sorted({form.space for form in all_forms()})
    parser.add_argument("--cases", type=int, default=500, help="networks of each form (500)")
    parser.add_argument(
        "--outputs", type=int, default=500, help="computed networks of each space and form of config (500)"
    )
    parser.add_argument("--space", nargs="+", choices=names, metavar="NAME", help=f"only these: {', '.join(names)}")
    parser.add_argument("--environment", type=Path, default=Path(".differential"), help="virtual environment to make")
    parser.add_argument(
        "--darts-environment",
        type=Path,
        nargs="?",
        const=Path(".differential/paddle-2.6"),
        help="also train DartsSpace, in this one with Paddle 2.6, where PaddleSlim can",
    )
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="forms at a time")
    parser.add_argument("--record", action="store_true", help="write tests/differential/golden.jsonl")
    options = parser.parse_args(arguments)
    if options.record and options.space:
        parser.error("--record writes the record of all spaces: leave --space out")
    return options


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
