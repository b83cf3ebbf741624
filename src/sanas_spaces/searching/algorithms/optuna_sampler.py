"""Any Optuna sampler as an algorithm of this library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState, create_trial

from ...tokens import TokenTable
from .base import Admits, Algorithm, everywhere
from .choices import Choices
from .moves import outward

ASKED_AGAIN = 20
"""Proposals of the sampler that are refused before its last one is changed."""


class OptunaAlgorithm(Algorithm):
    """Proposals of an Optuna sampler; ordered choices are integers for it, others categories.

    Samplers keep random states of their own. Given as a function of a seed, the sampler is made anew for each
    proposal, so that a search that is resumed goes on as it would have.

    Args:
        choices: Number of options of each token, or the token table.
        init_tokens: First proposal.
        sampler: The sampler, or a function of a seed that makes it.
        goals: Number of objectives.
        seed: Seed of all random choices.
    """

    takes_several = True

    def __init__(
        self,
        choices: Choices | TokenTable | Sequence[int],
        init_tokens: Sequence[int],
        *,
        sampler: BaseSampler | Callable[[int], BaseSampler],
        goals: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(choices, init_tokens, seed=seed)
        self._sampler = sampler
        self._distributions: dict[str, BaseDistribution] = {
            f"{i:03}": IntDistribution(0, count - 1) if ordered else CategoricalDistribution(range(count))
            for i, (count, ordered) in enumerate(zip(self.range_table, self.choices.ordered, strict=True))
        }
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self._study = optuna.create_study(
                directions=["maximize"] * goals, sampler=optuna.samplers.RandomSampler(seed=0)
            )
        finally:
            optuna.logging.set_verbosity(verbosity)
        self._numbers: dict[int, int] = {}
        self._asked: Trial | None = None

    def issue(self, number: int, tokens: Sequence[int]) -> None:
        """Learn that proposal ``number`` was handed out."""
        asked, self._asked = self._asked, None
        if asked is not None and self._tokens(asked.params) == list(tokens):
            self._numbers[number] = asked.number
            return
        if asked is not None:
            self._study.tell(asked, state=TrialState.FAIL)
        self._numbers[number] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(
            create_trial(state=TrialState.RUNNING, params=self._params(tokens), distributions=self._distributions)
        )

    def observe(self, number: int, tokens: Sequence[int], reward: Any) -> None:
        """Learn the reward of proposal ``number``, or one for each goal; None: it could not be evaluated."""
        if number not in self._numbers:
            self.issue(number, tokens)
        if reward is None:
            self._study.tell(self._numbers[number], state=TrialState.FAIL)
        else:
            self._study.tell(self._numbers[number], reward)

    def propose(self, number: int, admits: Admits = everywhere) -> Iterator[list[int]]:
        """Yield the initial tokens, then what the sampler asks for, then changes of that."""
        if number == 0:
            yield list(self.init_tokens)
        sampler = self._sampler
        if not isinstance(sampler, BaseSampler):
            sampler = sampler(int(self.random(number).integers(2**31)))
        self._study.sampler = sampler
        tokens = list(self.init_tokens)
        for _ in range(ASKED_AGAIN):
            if self._asked is not None:
                self._study.tell(self._asked, state=TrialState.FAIL)
            self._asked = self._study.ask(self._distributions)
            tokens = self._tokens(self._asked.params)
            yield tokens
        yield from outward(tokens, self.range_table, self.random(number, 1))

    def _params(self, tokens: Sequence[int]) -> dict[str, Any]:
        return {name: int(token) for name, token in zip(self._distributions, tokens, strict=True)}

    def _tokens(self, params: dict[str, Any]) -> list[int]:
        return [int(params[name]) for name in self._distributions]
