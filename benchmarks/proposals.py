"""Milliseconds of one core that a proposal takes, of each algorithm and beside Optuna's TPE, in one run.

    python benchmarks/proposals.py [--tokens 100] [--options 8] [--results 100 500] [--proposals 10]

The space has 1e90 networks by default; rewards are a sum over tokens and noise, results are random networks. Each time
is the median over proposals, each of which is rewarded before the next; in brackets is the ratio to Optuna's TPE.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial

from search_quality import peers  # isort: skip - sets threads for NumPy

import numpy as np
import optuna

from sanas_spaces.searching.algorithms import ALGORITHMS, Algorithm, AlgorithmFactory, Choices
from sanas_spaces.searching.algorithms.optuna_sampler import OptunaAlgorithm

# the first one is Optuna's TPE
PEERS = {
    name: partial(OptunaAlgorithm, sampler=lambda seed, make=make: make(seed=seed)) for name, make in peers().items()
}


def milliseconds(make: AlgorithmFactory, options: argparse.Namespace, results: int) -> float:
    """Median processor time of a proposal after so many results."""
    rng = np.random.default_rng(0)
    worth = rng.normal(size=(options.tokens, options.options))

    def reward(tokens: Sequence[int]) -> float:
        return float(worth[np.arange(options.tokens), tokens].sum() + rng.normal())

    ranges = (options.options,) * options.tokens
    algorithm: Algorithm = make(Choices.of(ranges), [0] * options.tokens, seed=0)
    for number in range(results):
        tokens = rng.integers(options.options, size=options.tokens).tolist()
        algorithm.issue(number, tokens)
        algorithm.observe(number, tokens, reward(tokens))
    spent = []
    for number in range(results, results + options.proposals + 1):
        started = time.process_time()
        tokens = next(iter(algorithm.propose(number)))
        spent.append(1e3 * (time.process_time() - started))
        algorithm.issue(number, tokens)
        algorithm.observe(number, tokens, reward(tokens))
    return statistics.median(spent[1:])  # the first one looks at the space


def main() -> None:
    """Print a row for each algorithm."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--options", type=int, default=8)
    parser.add_argument("--results", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--proposals", type=int, default=10)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    say = sys.stdout.write
    say("| algorithm | " + " | ".join(f"after {results} results" for results in options.results) + " |\n")
    say("|---" * (len(options.results) + 1) + "|\n")
    beside: list[float] = []
    for name, make in {**PEERS, **ALGORITHMS}.items():
        found = [milliseconds(make, options, results) for results in options.results]
        beside = beside or found
        say(
            f"| {name} | "
            + " | ".join(f"{a:.3g} ms ({a / b:.2g})" for a, b in zip(found, beside, strict=True))
            + " |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
