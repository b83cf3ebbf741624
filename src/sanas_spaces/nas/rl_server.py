"""The server of RLNAS, in a process of its own: ``python -m sanas_spaces.nas.rl_server``.

It reads what to do as a line of JSON, answers with a line of JSON, and ends with its standard input, which is when the
process that has started it and all its forks have ended.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import errors
from ..errors import SanasError, ServiceError


class ServerProcess:
    """Starts the server and knows its address.

    Args:
        job: What to do.

    Raises:
        SanasError: What prevents it.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from elsewhere
            [sys.executable, "-W", "ignore", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert self._process.stdin is not None  # noqa: S101 - they are pipes
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(json.dumps(job, default=_plain).encode() + b"\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            self.close()
            raise ServiceError("the process of the server has ended; its messages tell why") from error
        if "error" in answer:
            self.close()
            kind: type[SanasError] = getattr(errors, answer["error"]["type"])
            raise kind(answer["error"]["message"])
        self.address: tuple[str, int] = answer["host"], answer["port"]
        self.url: str = answer["url"]
        self.trusted = _trusting(job["tls"])
        """What a client in this process has to believe: exactly the certificate of the server."""

    def close(self) -> None:
        """End it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()


def _trusting(tls: Any) -> ssl.SSLContext | None:
    if tls is None or tls is False:
        return None
    context = ssl.create_default_context(cafile=str(tls[0] if isinstance(tls, tuple) else tls))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def main() -> None:
    """Serve until the standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    logging.disable(logging.INFO)
    job = json.loads(sys.stdin.readline())
    try:
        server = _serve(job)
    except SanasError as error:
        told = {"type": type(error).__name__, "message": str(error)}
        answers.write(json.dumps({"error": told}) + "\n")
        answers.close()
        return
    answers.write(json.dumps({"host": server.host, "port": server.port, "url": server.url}) + "\n")
    answers.close()
    sys.stdin.read()
    server.close()


def _serve(job: Mapping[str, Any]) -> Any:
    from ..distributed import Server, Settings, Writer, check_installed
    from .lstm_controller import ControllerSettings
    from .rl_policy import Policy

    check_installed()
    from ..distributed.rounds import RoundsService
    from ..distributed.rounds_api import rounds_routes

    tls = job["tls"]
    settings = Settings.of(job["address"], token=job["token"], tls=tuple(tls) if isinstance(tls, list) else tls)
    policy = Policy(
        job["range_table"],
        ControllerSettings(**job["settings"]),
        rng=np.random.default_rng(job["seed"]),
        use_gpu=job["use_gpu"],
        save_to=None if job["save_to"] is None else Path(job["save_to"]),
        load_from=None if job["load_from"] is None else Path(job["load_from"]),
    )
    service = RoundsService(
        policy,
        job["configs"],
        job["range_table"],
        synchronous=job["synchronous"],
        lease=job["lease"],
        learnt=policy.learnt,
    )
    return Server(service, lambda api: rounds_routes(api, service), Writer(service.group), settings)


def _plain(value: Any) -> Any:
    """NumPy's numbers and paths as JSON has them."""
    return value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    main()
