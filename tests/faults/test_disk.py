"""Disks that are full, folders that cannot be written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sanas_spaces import SANAS, search
from tests.searching.conftest import reward_of

from .scripts import can_mount, mounted, output, start

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]

FULL = """
import resource, shutil, sys
from pathlib import Path
from sanas_spaces import search
from sanas_spaces.errors import RecordError
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]
storage, limited = sys.argv[1], sys.argv[2] == "limited"
acknowledged = []

def evaluate(candidate):
    return reward_of(candidate.tokens)

def run(steps):
    return search(SPACE, evaluate, steps=steps, storage=storage, seed=1, algorithm="random",
                  callbacks=[lambda result, candidate: acknowledged.append((candidate.number, candidate.reward))])

run(5)
ballast = Path("disk/ballast")
if limited:  # no file of this process may become larger
    size = Path(storage).stat().st_size + 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
else:
    free = shutil.disk_usage("disk").free
    ballast.write_bytes(bytes(max(0, free - 40_000)))
try:
    run(10_000)
except RecordError as error:
    print("refused", error)
before = len(acknowledged)
if limited:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
else:
    ballast.unlink()
rows = run(before + 5).history
lost = [(number, reward) for number, reward in acknowledged if rows[number]["reward"] != reward]
print("lost", lost)
print("went on", len(rows) - before, len({row["hash"] for row in rows}) == len(rows))
"""


@pytest.mark.parametrize(
    ("kind", "name"), [("mounted", "full.journal"), ("mounted", "full.db"), ("limited", "full.journal")]
)
def test_a_full_disk_ends_the_search_and_loses_nothing(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / "disk").mkdir()
    before: list[str] = []
    if kind == "mounted":
        if not can_mount(tmp_path):
            pytest.skip("no file system can be mounted here; the last of these tests limits the size of files instead")
        before = mounted("2m")
    refused, lost, went_on = output(start(FULL, tmp_path, f"disk/{name}", kind, before=before))
    assert refused.startswith("refused ")
    assert f"disk/{name} cannot be read or written: " in refused
    assert any(reason in refused for reason in ("No space left", "File too large", "disk is full", "disk I/O error"))
    assert lost == "lost []"
    assert went_on == "went on 5 True"


READ_ONLY = """
import json, sys
from pathlib import Path
from sanas_spaces import SANAS, search
from sanas_spaces.errors import RecordError
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]

def attempt(**place):
    try:
        print(len(search(SPACE, lambda c: reward_of(c.tokens), steps=8, **place).history))
    except RecordError as error:
        print(error)

attempt(folder="disk/new")
attempt(folder="disk/run", resume=True)
attempt(storage="disk/shared.journal")
attempt(storage="disk/shared.db")
attempt(storage="disk/new.db")
print(len(SANAS(SPACE, save_checkpoint=None, load_checkpoint="disk/sanas").study.trials))
print(len(SANAS(SPACE, save_checkpoint=None, load_checkpoint="disk/sanas/sanas.journal").study.trials))
"""


def test_a_folder_that_cannot_be_written_is_named_and_can_be_read(tmp_path: Path) -> None:
    given = tmp_path / "given"
    arguments = {"steps": 6, "seed": 1, "algorithm": "random"}
    search(SPACE, lambda c: reward_of(c.tokens), folder=given / "run", **arguments)
    search(SPACE, lambda c: reward_of(c.tokens), storage=given / "shared.journal", **arguments)
    search(SPACE, lambda c: reward_of(c.tokens), storage=given / "shared.db", **arguments)
    sanas = SANAS(SPACE, save_checkpoint=given / "sanas", seed=1)
    sanas.next_archs()
    sanas.reward(1.0)
    if can_mount(tmp_path):
        before = mounted("4m", "ro")
    else:
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]  # root may write everywhere
        before = nobody if os.geteuid() == 0 else []
        tmp_path.chmod(0o755)
        shutil.copytree(given, tmp_path / "disk", dirs_exist_ok=True)
        for path in [tmp_path / "disk", *(tmp_path / "disk").rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
    *refused, trials, loaded = output(start(READ_ONLY, tmp_path, before=before))
    assert all("ead-only" in line or "denied" in line or "unable to open" in line for line in refused)
    names = "disk/new", "disk/run", "disk/shared.journal", "sqlite:///disk/shared.db", "sqlite:///disk/new.db"
    assert all(f"{name} cannot be " in line for name, line in zip(names, refused, strict=True))
    assert (trials, loaded) == ("1", "1")
