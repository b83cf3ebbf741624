"""Imports that are made when they are asked for: optional dependencies, and doors to higher floors."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import MissingDependencyError


def import_optional(module: str, extra: str, purpose: str) -> Any:
    """Import ``module``, or say which extra installs it.

    Args:
        module: Full name of the module.
        extra: Extra of this package that contains it.
        purpose: What needs it, for the error message.

    Raises:
        MissingDependencyError: It, or something that it needs, is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        state = "is not installed" if error.name == package else "cannot be imported"
        raise MissingDependencyError(
            f"{purpose} needs {package}, which {state}: pip install 'sanas-spaces[{extra}]' ({error})"
        ) from error


def import_above(name: str) -> Any:
    """Import a package of a higher floor, for a function that is but a door to it: nothing else may look up.

    Args:
        name: Name of the package in this one.
    """
    return import_module(f".{name}", __package__)
