"""Test suites for search spaces of other packages; needs pytest."""

from .conformance import BuildConformance, SpaceConformance
from .modes import MODES, mode, mode_environment

__all__ = ["MODES", "BuildConformance", "SpaceConformance", "mode", "mode_environment"]
