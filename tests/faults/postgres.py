"""A PostgreSQL server for one test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any


def find() -> Path | None:
    """Folder of the server's programs; Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


class PostgreSQL:
    """A server on a free port of loopback, with its data in a folder; not as root, which it refuses."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "postgres"
        self._data.mkdir()
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (self._data, *list(self._data.parents)[:-2]):
                path.chmod(path.stat().st_mode | 0o711)
            os.chown(self._data, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run("initdb", "-U", "sanas", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://sanas@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k '' -c max_connections=200"
        self._run("pg_ctl", "-w", "-l", str(self._data / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-m", mode, "stop")

    def restart_after(self, seconds: float) -> None:
        """As if the machine lost power and came back."""
        self.stop()
        time.sleep(seconds)
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), "-D", str(self._data), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=self._data,
            check=False,
            **self._user,
        )
        log = self._data / "log"
        assert done.returncode == 0, (program, log.read_text()[-2000:] if log.exists() else "no log")
