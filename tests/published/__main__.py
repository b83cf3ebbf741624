"""Run the scripts with PaddleSlim or with this library, in both IRs, and print the results as a table.

``python -m tests.published`` runs them with this library, ``python -m tests.published paddleslim`` with PaddleSlim, in
the environment that ``tests/golden/record.py`` describes.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

from .run import IRS, result
from .scripts import NOT_UNDER_PIR, SCRIPTS


def main(package: str = "sanas_spaces") -> None:
    """Print a row per script."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("paddlepaddle", "numpy"))
    sys.stdout.write(f"{package} with {versions}\n\n| script | legacy IR | PIR |\n|---|---|---|\n")
    for name in SCRIPTS:
        cells = []
        for ir in IRS:
            error = result(package, name, ir)
            removed = f"calls {NOT_UNDER_PIR[name]}" if ir == "pir" and name in NOT_UNDER_PIR else error
            cells.append("passes" if error is None else removed)
        sys.stdout.write(f"| {name} | {' | '.join(str(cell) for cell in cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
