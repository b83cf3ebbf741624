"""Every error this library raises on purpose.

Each class derives from :class:`SanasError` and from the builtin that fits, so that ``except ValueError``
in an old script keeps working and ``except SanasError`` catches everything of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """The known name that was probably meant, or all of them, for the end of a message."""
    near = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


class SanasError(Exception):
    """Base class of all errors of this library."""


class SanasWarning(UserWarning):
    """Something was understood otherwise than it was written, or is not used."""


class RegistryError(SanasError, KeyError):
    """A name is unknown to, or already taken in, a registry."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class ConfigError(SanasError, ValueError):
    """A search-space config is malformed, or describes no network."""


class TokenError(SanasError, ValueError):
    """A token list does not belong to its search space."""


class GraphError(SanasError, ValueError):
    """A layer cannot be applied to the inputs it was given."""


class BuildError(SanasError, RuntimeError):
    """An architecture cannot be built in the way that was asked for."""


class CostError(SanasError, ValueError):
    """The cost of an architecture cannot be told without building it."""


class ConstraintError(SanasError, ValueError):
    """A constraint is malformed, or no architecture was found that meets it."""


class RewardError(SanasError, ValueError):
    """A reward is not a finite number, or does not belong to an open candidate."""


class EvaluationError(SanasError, RuntimeError):
    """A candidate, or all of them, could not be evaluated."""


class CandidatePruned(SanasError, RuntimeError):
    """An evaluation ends here because its scores so far are not promising."""


class SearchExhausted(SanasError, RuntimeError):
    """Every network of the search space has been proposed."""


class SearchFinished(SanasError, RuntimeError):
    """The search has used all its steps."""


class RecordError(SanasError, RuntimeError):
    """The record of a search is missing, damaged or belongs to another search."""


class ServiceError(SanasError, ConnectionError):
    """A server of a search cannot be reached, cannot listen, or refuses what it is asked."""


class DataError(SanasError, ValueError):
    """A data set cannot be read, or is not what it has to be."""


class ArchitectureError(SanasError, ValueError):
    """A file of an architecture is malformed, or does not hold what it says."""


class ExportError(SanasError, RuntimeError):
    """A network cannot be exported as it was asked for."""


class MissingDependencyError(SanasError, ImportError):
    """An optional dependency is needed and not installed."""
