"""Records that are damaged, that another version has written, or that belong to another search."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sanas_spaces import SEARCHSPACE, SearchSpaceBase, __version__, ops, search
from sanas_spaces.errors import RecordError
from tests.searching.conftest import reward_of

SPACE = [("ResNetBlockSpace2", {"block_mask": [0, 1]})]
NAMES = ["damaged.journal", "damaged.db"]


def run(storage: Path, steps: int = 6, **options: Any) -> Any:
    return search(SPACE, lambda candidate: reward_of(candidate.tokens), steps=steps, storage=storage, **options)


@pytest.fixture(params=NAMES)
def record(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / request.param
    run(path, seed=1, algorithm="random")
    return path


def test_what_is_no_record_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / name
        path.write_bytes(b"to be or not to be\n" * 1000)
        with pytest.raises(RecordError, match=f"{name}.* (damaged|cannot be opened|cannot be read)"):
            run(path)
        assert path.read_bytes() == b"to be or not to be\n" * 1000


def test_a_line_that_was_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "damaged.journal"
    run(path, seed=1)
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:5], lines[5][:20] + b"\0" + lines[5][21:], *lines[6:]])
    path.write_bytes(damaged)
    with pytest.raises(RecordError, match=r"damaged.journal, line 6, is damaged"):
        run(path)
    assert path.read_bytes() == damaged


def test_damage_in_the_middle_of_a_search_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "damaged.journal"

    def evaluate(candidate: Any) -> float:
        if candidate.number == 3:
            with path.open("ab") as file:
                file.write(b'{"op_code": 4, "worker\n')
        return float(candidate.number)

    with pytest.raises(RecordError, match=r"damaged.journal.* damaged"):
        search(SPACE, evaluate, steps=10, storage=path, seed=1)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if not line.endswith(b'"worker\n')))
    rewards = search(SPACE, evaluate, steps=3, storage=path).columns["reward"]
    assert rewards[:3] == [0.0, 1.0, 2.0]


def test_a_line_that_was_not_written_to_its_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "torn.journal"
    before = run(path, seed=1, algorithm="random").history
    whole = path.read_bytes()
    for torn in (b"{", b'{"op_code":6,"worker_id":', bytes(100)):  # after a power failure there can be zeros
        path.write_bytes(whole + torn)
        assert run(path).history == before
    assert run(path, steps=8).history[:6] == before
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    run(path, seed=1)
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = bytes(200)
    path.write_bytes(bytes(content))
    with pytest.raises(
        RecordError, match=r"damaged\.db cannot be (opened|read or written): .*(malformed|not a database)"
    ):
        run(path)
    assert path.read_bytes() == bytes(content)


def test_a_record_of_a_newer_version_is_refused_with_both_versions(record: Path) -> None:
    if record.suffix == ".db":
        with sqlite3.connect(record) as connection:
            query = "SELECT value_json FROM study_user_attributes WHERE key = 'sanas:search'"
            (text,) = connection.execute(query).fetchone()
            newer = json.dumps({**json.loads(text), "format": 2, "version": "9.1.0"})
            connection.execute("UPDATE study_user_attributes SET value_json = ? WHERE key = 'sanas:search'", (newer,))
    else:
        newer = record.read_text().replace('"format":1', '"format":2').replace(__version__, "9.1.0")
        record.write_text(newer)
    with pytest.raises(RecordError) as caught:
        run(record)
    message = f"has record format 2 of sanas-spaces 9.1.0; this is sanas-spaces {__version__}, which reads format 1"
    assert message in str(caught.value)


def test_tables_of_a_newer_optuna_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    run(path, seed=1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99.0.0.a'")
    with pytest.raises(RecordError, match=r"newer\.db was made by another version of Optuna"):
        run(path)


class VersionedSpace(SearchSpaceBase):
    version: Any = None

    def init_tokens(self) -> list[int]:
        return [0, 0]

    def range_table(self) -> list[int]:
        return [4, 4]

    def token2arch(self, tokens: Any = None) -> Any:
        return lambda x: ops.conv_bn(x, 4 + tokens[0], 1 + 2 * tokens[1], name="a")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, r"space_versions was \{'VersionedSpace': 1\}, and is \{'VersionedSpace': 2\} now"),
        ({"version": None}, r"space_versions was \{'VersionedSpace': 1\}, and is \{\} now"),
        ({"configs": [("VersionedSpace", {"block_num": 2})]}, r"configs was .*\{\}.*, and is .*block_num.* now"),
        ({"constraints": {"flops": 1e6}}, r"constraints was \{\}, and is \{'flops': .*1000000.0.*\} now"),
        ({"seed": 2}, "seed was 1, and is 2 now"),
    ],
)
@pytest.mark.parametrize("name", ["other.journal", "other.db"])
def test_a_record_of_another_search_is_refused_with_both_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, changes: dict[str, Any], message: str
) -> None:
    SEARCHSPACE.register(VersionedSpace)
    try:
        monkeypatch.setattr(VersionedSpace, "version", 1)
        given = {"configs": ["VersionedSpace"], "steps": 3, "seed": 1, "storage": tmp_path / name}
        search(evaluate=lambda candidate: 1.0, **given)
        search(evaluate=lambda candidate: 1.0, **{**given, "steps": 4})
        monkeypatch.setattr(VersionedSpace, "version", changes.get("version", 1))
        changes = {key: value for key, value in changes.items() if key != "version"}
        with pytest.raises(RecordError, match=f"is the record of another search: {message}"):
            search(evaluate=lambda candidate: 1.0, **{**given, **changes})
    finally:
        SEARCHSPACE.unregister("VersionedSpace")
