from __future__ import annotations

from pathlib import Path

import pytest

from sanas_spaces.errors import MissingDependencyError, RecordError
from sanas_spaces.files import write_text
from sanas_spaces.optional import import_optional
from sanas_spaces.report import read_settings, write_settings
from sanas_spaces.report.files import read_summary, write_summary


def test_settings_come_back(tmp_path: Path) -> None:
    write_settings(tmp_path / "run", {"steps": 3, "data": "ziffern é"})
    assert read_settings(tmp_path / "run") == {"steps": 3, "data": "ziffern é"}
    with pytest.raises(RecordError, match=r"holds no run: run\.json is missing"):
        read_settings(tmp_path)
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(RecordError, match="expected an object"):
        read_settings(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RecordError, match="cannot be read"):
        read_settings(tmp_path)


def test_a_summary_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_summary(tmp_path) == {}
    write_summary(tmp_path, {"tokens": [1]})
    assert read_summary(tmp_path) == {"tokens": [1]}
    (tmp_path / "best.json").write_text("[1")
    assert read_summary(tmp_path) == {}


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = write_text(tmp_path / "file", "old")
    (tmp_path / ".file.partial").mkdir()  # makes writing fail
    with pytest.raises(OSError, match="partial"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_missing_dependencies_say_how_to_install_them() -> None:
    with pytest.raises(MissingDependencyError, match=r"plots needs no_such_package.*'sanas-spaces\[search\]'"):
        import_optional("no_such_package.part", "search", "plots")
