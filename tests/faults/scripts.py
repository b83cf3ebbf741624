"""Run a script in a process of its own, in circumstances of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of this process, in which the tests can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *(path for path in sys.path if path)]), **more}


def start(script: str, folder: Path, *arguments: str, before: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start Python on ``script`` in ``folder``; ``before`` goes in front of the command."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str], seconds: float = 300) -> list[str]:
    """The lines that it prints until it ends well."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out.splitlines()


def mounted(size: str, mode: str = "") -> list[str]:
    """A command in front of another one, which gets a file system of its own, of ``size``, in the folder ``disk``.

    In a namespace of its own, so nobody else sees it, and it is gone with the process. The first argument ``mode`` says
    how the file system is mounted again before the command starts, by the file system itself if empty.
    """
    steps = [f"mount -t tmpfs -o size={size} none disk"]
    if mode:
        steps += ["cp -a given/. disk", f"mount -o remount,{mode} disk"]
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh"]


def can_mount(folder: Path) -> bool:
    """Whether this machine allows that; containers often do not."""
    (folder / "disk").mkdir(exist_ok=True)
    try:
        done = subprocess.run([*mounted("64k"), "true"], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
