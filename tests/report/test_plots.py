from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces.errors import MissingDependencyError, RecordError
from sanas_spaces.optional import import_optional
from sanas_spaces.report import plot_cost, plot_progress, read_settings, write_settings
from sanas_spaces.report.files import write_text
from sanas_spaces.report.plots import cost_data, progress_data

rows = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 20)), st.integers(1, 20)).map(
        lambda pair: {"reward": pair[0], "flops": pair[1]}
    ),
    max_size=20,
)


def numbered(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    best = None
    for number, row in enumerate(history):
        if row["reward"] is not None and (best is None or row["reward"] > best):
            best = row["reward"]
        row |= {"number": number, "best": best}
    return history


@given(rows)
def test_pareto_front_is_what_nothing_cheaper_beats(history: list[dict[str, Any]]) -> None:
    data = cost_data(numbered(history))
    points = list(zip(data.costs, data.rewards, strict=True))
    front = {points[position] for position in data.front}
    for cost, reward in points:
        beaten = any(c <= cost and r >= reward and (c, r) != (cost, reward) for c, r in points)
        assert ((cost, reward) in front) == (not beaten)


@given(rows)
def test_progress_leaves_failures_out(history: list[dict[str, Any]]) -> None:
    data = progress_data(numbered(history))
    assert data.numbers == [row["number"] for row in history if row["reward"] is not None]
    assert all(best == max(data.rewards[: i + 1]) for i, best in enumerate(data.best))


def test_plots_are_drawn_for_any_history(tmp_path: Path) -> None:
    history = numbered([{"reward": r, "flops": f} for r, f in ((0.5, 100), (None, 50), (0.8, 200), (0.7, 300))])
    for drawn in (history, []):
        assert plot_progress(drawn, tmp_path / "a" / "p.png").stat().st_size > 5000
        assert plot_cost(drawn, tmp_path / "c.svg").read_text().startswith("<?xml")


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


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = write_text(tmp_path / "file", "old")
    (tmp_path / ".file.partial").mkdir()  # makes writing fail
    with pytest.raises(OSError, match="partial"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_missing_dependencies_say_how_to_install_them() -> None:
    with pytest.raises(MissingDependencyError, match=r"plots needs no_such_package.*'sanas-spaces\[search\]'"):
        import_optional("no_such_package.part", "search", "plots")
