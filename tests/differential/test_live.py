"""The command itself, against PaddleSlim 2.6.0 in an environment that it makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .environment import ROOT

SPACES = ("MobileNetV1BlockSpace", "ResNetBlockSpace")
COMMAND = ("-m", "tests.differential", "--cases", "3", "--outputs", "1", "--space", *SPACES)


def run(environment: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *COMMAND, "--environment", str(environment)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3000, check=False)


@pytest.mark.slow
def test_networks_are_those_of_paddleslim_itself(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    done = run(environment)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("same")]
    assert len(lines) == 14
    assert all("3 described, 1 computed" in line for line in lines)

    # what was compared is kept: a mismatch in it is reported by the next run
    kept = environment / "results" / "ResNetBlockSpace-block-mask-1-on-16x32x32.jsonl"
    first, *rest = kept.read_text().splitlines()
    case = {**json.loads(first), "differs": {"flops": "1 there, 2 here"}}
    kept.write_text("\n".join([json.dumps(case), *rest]) + "\n")
    done = run(environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"first: tokens {case['tokens']}: {{'flops': '1 there, 2 here'}}" in done.stdout
