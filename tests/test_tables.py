"""Tables of evaluated networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sanas_spaces import search
from sanas_spaces.errors import ConfigError, TokenError
from sanas_spaces.tables import Table

TOKENS = [[0, 0], [0, 1], [1, 0], [2, 1]]


def table(**changes: Any) -> Table:
    given: dict[str, Any] = {"tokens": TOKENS, "range_table": [3, 2], "columns": {"acc": [1, 2, 3, 4]}, **changes}
    return Table(given.pop("tokens"), given.pop("range_table"), given.pop("columns"), **given)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, tokens=np.array(TOKENS, dtype=np.int8), range_table=[3, 2], acc=[0.1, 0.2, 0.3, 0.4], note="hello")
    read = Table.load(path)
    assert read.name == "mine"
    assert list(read.columns) == ["acc"]
    result = search(read, read.evaluator("acc"), steps=10, seed=0)
    assert len(result.history) == 4  # all there are, and no token list without a row
    assert result.best.tokens == [2, 1]


def test_equal_networks_are_evaluated_once() -> None:
    same = table(keys=["a", "b", "a", "c"])
    result = search(same, same.evaluator("acc"), steps=10, seed=0)
    assert len(result.history) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": [[0, 0, 0]]}, r"tokens of shape \(1, 3\): expected \[n, 2\]"),
        ({"tokens": [[0, 0], [0, 1], [1, 0], [3, 1]]}, "outside the range table"),
        ({"tokens": [[0, 0], [0, 1], [1, 0], [1, 0]]}, "1 token lists of table are there twice"),
        ({"columns": {"acc": [1, 2]}}, r"column 'acc' of shape \(2,\): expected \[4\]"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        table(**changes)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match=r"tokens \[1, 1\] are not in table"):
        table().token2arch([1, 1])
    with pytest.raises(ConfigError, match="column 'ac' of table: did you mean 'acc'"):
        table().evaluator("ac")
    with pytest.raises(ConfigError, match=r"expected an \.npz file"):
        Table.load(tmp_path / "none.npz")
    objects = tmp_path / "objects.npz"
    np.savez(objects, tokens=np.array([{}], dtype=object), range_table=[3])
    with pytest.raises(ConfigError, match=r"expected an \.npz file"):
        Table.load(objects)
