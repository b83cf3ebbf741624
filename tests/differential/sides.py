"""The two processes of one form, and what they answer."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from .environment import ROOT
from .forms import Form

AHEAD = 2
"""Jobs that a process has been given before its first answer is read, so that neither waits for the other."""


class SideError(RuntimeError):
    """A process ended, or does not have the space that was meant."""


class Process:
    """A process that serves :mod:`tests.differential.worker`.

    Args:
        python: Interpreter of its environment.
        module: ``reference`` or ``ours``.
        form: What it computes.
        folder: Folder for its arrays and for what it prints.
    """

    def __init__(self, python: Path, module: str, form: Form, folder: Path) -> None:
        self._name = module
        self._log = folder / f"{module}.log"
        self._folder = folder
        # one thread: the other core belongs to the other side, and sums have one order
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment["FLAGS_enable_pir_api"] = "1"
        if module == "reference":
            environment["FLAGS_enable_pir_api"] = "0"
            environment["FLAGS_eager_delete_tensor_gb"] = "-1"  # what is read after a program is still there
            environment.pop("PYTHONPATH", None)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", f"tests.differential.{module}"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._send({"form": asdict(form)})
        self.hello = self._receive()
        if self.hello["range_table"] != form.range_table:
            raise SideError(
                f"{module}: {form.title} has range table {self.hello['range_table']}, not {form.range_table}"
            )

    def start(self, number: int, cases: list[tuple[int, list[int], bool]]) -> None:
        """Give it a job: index and tokens of each case, and whether to compute its numbers."""
        self._send({"cases": cases, "file": str(self._file(number))})

    def finish(self, number: int) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
        """Wait for a job: an answer for each case, and arrays by case and name."""
        answers = self._receive()["cases"]
        arrays: dict[int, dict[str, Any]] = {}
        with np.load(self._file(number), allow_pickle=False) as file:
            for key in file.files:
                index, name = key.split(".")
                arrays.setdefault(int(index), {})[name] = file[key]
        self._file(number).unlink()
        return answers, arrays

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number}.npz"

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SideError(self._ended()) from None

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SideError(self._ended())
        return json.loads(line)

    def _ended(self) -> str:
        status = self._process.wait(60)
        return f"{self._name} ended with status {status}:\n{self._log.read_text()[-2000:]}"


class Sides:
    """Both processes of a form, as a context."""

    def __init__(self, reference: Path, ours: Path, form: Form, folder: Path) -> None:
        self._pythons = {"reference": reference, "ours": ours}
        self._form = form
        self._folder = folder
        self._processes: list[Process] = []

    def __enter__(self) -> Sides:
        try:
            for module, python in self._pythons.items():
                self._processes.append(Process(python, module, self._form, self._folder))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End both."""
        for process in self._processes:
            process.close()

    def run(self, jobs: list[list[tuple[int, list[int], bool]]]) -> Iterator[tuple[Any, ...]]:
        """Yield, for each job, its cases and the answers and arrays of both sides."""
        for number in range(len(jobs) + AHEAD):
            if number < len(jobs):
                for process in self._processes:
                    process.start(number, jobs[number])
            if number >= AHEAD:
                done = number - AHEAD
                yield jobs[done], *(process.finish(done) for process in self._processes)
