"""From what an algorithm proposes to networks that are new and allowed."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..arch import ArchList, ImageShape
from ..cost import Cost
from ..errors import ConstraintError, CostError, SearchExhausted
from ..tables import Space
from .algorithms import Algorithm
from .constraints import Constraints

_logger = logging.getLogger(__name__)

MAX_TRIES = 200_000
"""Proposals looked at before giving up; smaller spaces are looked at whole."""
PLAIN_TRIES = 50
"""In larger spaces, proposals outside the constraints that are passed over before they are pulled inside."""
MAX_REPAIRS = 200
"""In larger spaces, proposals pulled inside the constraints before giving up."""
FAILED_REPAIRS = 20
"""In larger spaces, proposals that none could be pulled inside before the constraints count as impossible."""
MOST_LOOKS = 1000
"""Proposals that are remembered while one is chosen."""

CostFunction = Callable[[ArchList], Cost]


@dataclass
class Look:
    """What a proposal turned out to be; its canonical hash only once it is needed."""

    tokens: tuple[int, ...]
    archs: ArchList
    cost: Cost | None
    violation: float
    digest: str = ""


class Proposals:
    """Takes the first network that an algorithm proposes and that is new and meets the constraints.

    Args:
        space: The search space.
        algorithm: What proposes.
        constraints: What every network has to meet.
        input_shape: Image shape [C, H, W] that networks are told apart on.
        cost_of: Cost of an architecture list; by default its own on ``input_shape``.
    """

    def __init__(
        self,
        space: Space,
        algorithm: Algorithm,
        constraints: Constraints,
        *,
        input_shape: ImageShape,
        cost_of: CostFunction | None = None,
    ) -> None:
        self.space = space
        self.algorithm = algorithm
        self.constraints = constraints
        self.input_shape = input_shape
        self._cost_of = cost_of or (lambda archs: archs.cost(input_shape))
        self._described = True
        self._tokens: set[tuple[int, ...]] = set()
        self._hashes: set[str] = set()
        self._looks: dict[tuple[int, ...], Look] = {}
        self._least: tuple[float, Cost] | None = None

    def taken(self, tokens: tuple[int, ...], digest: str) -> None:
        """Learn that a network was handed out."""
        self._tokens.add(tokens)
        self._hashes.add(digest)

    def cost(self, archs: ArchList) -> Cost | None:
        """Cost of a network, None if it cannot be told without building it."""
        return self._describe(archs)[0]

    def next(self, number: int, *, finished: int) -> Look:
        """The network for candidate ``number``, pulled inside the constraints where that is needed.

        Args:
            number: Number of candidates before it.
            finished: Number of those that have a reward.

        Raises:
            SearchExhausted: There is no such network left.
            ConstraintError: No network was found that meets the constraints.
        """
        rng = np.random.default_rng((self.algorithm.seed, number, 2))
        small = self.space.table.size <= MAX_TRIES
        patience = PLAIN_TRIES if finished else 0  # a start outside is pulled inside at once
        outside = repairs = inside = 0
        self._looks.clear()
        proposals = self.algorithm.propose(number, self._admits)
        for tokens in itertools.islice(proposals, MAX_TRIES + 10 * len(self.space.table)):
            if tuple(tokens) in self._tokens:
                continue
            look = self._look(tokens)
            if look.violation > 0:
                outside += 1
                if small or outside <= patience:
                    continue
                if repairs == MAX_REPAIRS or (repairs == FAILED_REPAIRS and not inside):
                    break
                repairs += 1
                look = self._look(self._repair(tokens, look.violation, rng))
                if look.violation > 0:
                    continue
            inside += 1
            if self.digest(look) not in self._hashes:
                return look
            self._tokens.add(tuple(look.tokens))  # another name for a network that was proposed
        if outside and not inside and not number:
            raise self._impossible()
        raise self._exhausted(small, number)

    def _admits(self, tokens: Sequence[int]) -> bool:
        """Whether tokens mean a network that was never proposed and meets the constraints."""
        if tuple(tokens) in self._tokens:
            return False
        look = self._look(tokens)
        if look.violation > 0:
            return False
        if self.digest(look) in self._hashes:
            self._tokens.add(tuple(tokens))
            return False
        return True

    def _look(self, tokens: Sequence[int]) -> Look:
        """What tokens mean; looked at once per proposal."""
        key = tuple(tokens)
        if key not in self._looks:
            if len(self._looks) == MOST_LOOKS:
                self._looks.clear()
            if self.space.holds(key):
                archs = self.space.token2arch(key)
                self._looks[key] = Look(key, archs, *self._describe(archs))
            else:
                self._looks[key] = Look(key, ArchList([]), None, math.inf)
        return self._looks[key]

    def digest(self, look: Look) -> str:
        """Hash that only equal networks share; of networks that cannot be described, their tokens."""
        if not look.digest:
            look.digest = look.archs.hash(self.input_shape) if self._described else " ".join(map(str, look.tokens))
        return look.digest

    def _describe(self, archs: ArchList) -> tuple[Cost | None, float]:
        """Cost, and how far it is outside the constraints."""
        if not self._described:
            return None, 0.0
        try:
            cost = self._cost_of(archs)
        except CostError as error:
            if self.constraints:
                raise ConstraintError(f"constraints need the cost of a network, and {error}") from error
            _logger.warning("%s; candidates are told apart by their tokens", error)
            self._described = False
            return None, 0.0
        violation = self.constraints.violation(cost)
        if violation > 0 and (self._least is None or violation < self._least[0]):
            self._least = violation, cost
        return cost, violation

    def _repair(self, tokens: Sequence[int], violation: float, rng: np.random.Generator) -> list[int]:
        """Move tokens one option at a time, each in turn, while that lessens the violation; then any option.

        Small steps everywhere end just inside the constraints; large ones would make a few tokens as cheap as can be.
        """
        tokens = list(tokens)
        for reach in (1, max(self.algorithm.range_table)):
            improved = True
            while improved:
                improved = False
                for position in rng.permutation(len(tokens)):
                    kept = tokens[position]
                    first, end = max(0, kept - reach), min(self.algorithm.range_table[position], kept + reach + 1)
                    for value in (*range(kept - 1, first - 1, -1), *range(kept + 1, end)):
                        before, tokens[position] = tokens[position], value
                        _, other = self._describe(self.space.token2arch(tokens))
                        if other >= violation:
                            tokens[position] = before
                            continue
                        violation, improved = other, True
                        if violation == 0:
                            return tokens
        return tokens

    def _impossible(self) -> ConstraintError:
        seen = ""
        if self._least is not None:
            cost = self._least[1]
            seen = "; the nearest seen has " + ", ".join(f"{n} = {getattr(cost, n):,}" for n in self.constraints.bounds)
        return ConstraintError(
            f"no network of {', '.join(self.space.names)} was found that meets {self.constraints.describe()}{seen}"
        )

    def _exhausted(self, small: bool, count: int) -> SearchExhausted:
        limits = f" that meets {self.constraints.describe()}" if self.constraints else ""
        names = ", ".join(self.space.names)
        if small:
            return SearchExhausted(f"every network of {names}{limits} has been proposed: {count} candidates")
        return SearchExhausted(
            f"no new network of {names}{limits} was found in {MAX_TRIES:,} tries, after {count} candidates"
        )
