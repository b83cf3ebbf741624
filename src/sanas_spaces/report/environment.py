"""What a run was made with: the command line and the versions of what took part."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .. import __version__

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "numpy", "scipy", "scikit-learn", "optuna")


def command_line(arguments: Sequence[str] | None = None) -> str:
    """The command as one can type it again."""
    program, *rest = sys.argv if arguments is None else arguments
    name = Path(program).name
    return shlex.join(["sanas" if name in ("__main__.py", "sanas", "sanas.exe") else name, *rest])


def versions() -> dict[str, str]:
    """Versions of Python, this library and the packages that decide what a search finds, of those installed."""
    found = {"sanas-spaces": __version__, "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "system": f"{platform.system()} {platform.machine()}"}
