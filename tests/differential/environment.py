"""Environments with PaddleSlim 2.6.0: made once, used as they are afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class SetupError(RuntimeError):
    """An environment cannot be made, or does not hold what it should."""


@dataclass(frozen=True)
class Recipe:
    """How to make an environment.

    Attributes:
        pinned: Packages that have to be there, ``name==version``.
        others: Further packages that PaddleSlim needs.
        apart: Packages that are installed without what they depend on.
    """

    pinned: tuple[str, ...]
    others: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


UNDECLARED = ("six", "requests", "decorator", "setuptools<81")
PADDLE_3 = Recipe(("paddlepaddle==3.3.1", "numpy==1.26.4", "paddleslim==2.6.0"), UNDECLARED)
PADDLE_2 = Recipe(
    (
        "paddlepaddle==2.6.2",
        "numpy==1.26.4",
        "pillow==10.4.0",
        "matplotlib==3.8.4",
        "opencv-python-headless==4.10.0.84",
        "scikit-learn==1.4.2",
        "scipy==1.13.1",
    ),
    (*UNDECLARED, "pyyaml", "pyzmq", "tqdm"),
    apart=("paddleslim==2.6.0",),
)


def ensure(folder: Path, recipe: Recipe, say: Callable[[str], None]) -> Path:
    """The Python of the environment in ``folder``, which is made unless it is there.

    Raises:
        SetupError: It cannot be made.
    """
    python = folder.absolute() / "bin" / "python"
    required = (*recipe.pinned, *recipe.apart)
    if python.exists() and not missing(python, required):
        return python
    if not python.exists():
        say(f"making an environment in {folder}")
        _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    say(f"installing {', '.join(required)} in {folder}")
    _run([*pip, *recipe.pinned, *recipe.others])
    if recipe.apart:
        _run([*pip, "--no-deps", *recipe.apart])
    absent = missing(python, required)
    if absent:
        raise SetupError(f"{folder} lacks {', '.join(absent)} although pip has installed them")
    return python


def missing(python: Path, required: Sequence[str]) -> list[str]:
    """Which of the ``name==version`` are not there."""
    listing = "from importlib.metadata import distributions as d\nfor p in d(): print(p.name + '==' + p.version)"
    try:
        done = subprocess.run([str(python), "-c", listing], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"{python} does not run: {error}") from error
    there = {line.strip().lower() for line in done.stdout.splitlines()}
    return [name for name in required if name not in there]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{' '.join(command)}\nfailed with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
