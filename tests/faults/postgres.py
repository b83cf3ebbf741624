"""A PostgreSQL server for one test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def find() -> Path | None:
    """Folder of the server's programs; Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


class PostgreSQL:
    """A server on a free port of loopback, with its data in a folder; it refuses to run as root.

    Args:
        programs: Folder of its programs.
        data: An empty folder.
    """

    def __init__(self, programs: Path, data: Path) -> None:
        self._programs = programs
        self._data = data
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._data, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run("initdb", "-U", "sanas", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def database(self, name: str) -> str:
        """Make a database, and give its URL."""
        done = subprocess.run(
            [str(self._programs / "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "sanas", name],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return f"postgresql://sanas@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it and wait until it can be reached."""
        options = f"-p {self.port} -h 127.0.0.1 -k '' -c max_connections=200"
        self._run("pg_ctl", "-w", "-t", "300", "-l", str(self._data / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` is as if it crashed."""
        self._run("pg_ctl", "-m", mode, "stop")

    def restart_after(self, seconds: float) -> None:
        """As if the machine lost power and came back."""
        self.stop()
        time.sleep(seconds)
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), "-D", str(self._data), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=self._data,
            check=False,
            **self._user,
        )
        log = self._data / "log"
        assert done.returncode == 0, (program, log.read_text()[-2000:] if log.exists() else "no log")


@contextmanager
def server() -> Iterator[PostgreSQL]:
    """A server that runs meanwhile."""
    programs = find()
    assert programs is not None, "PostgreSQL is not installed: apt-get install postgresql"
    with tempfile.TemporaryDirectory() as data:  # not in a folder of root that nobody else may enter
        running = PostgreSQL(programs, Path(data))
        try:
            yield running
        finally:
            running.stop()
