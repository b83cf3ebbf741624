from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanas_spaces import CombinedSpace, TokenRow, choice
from sanas_spaces.errors import TokenError
from sanas_spaces.tokens import TokenTable


class Row(TokenRow):
    channels = choice(8, 16, 32)
    kernel = choice(3, 5)
    pool = choice("avg", "max", "none")


TABLE = TokenTable.from_rows([("block 1", Row), ("block 2", Row)])
range_tables = st.lists(st.integers(1, 7), min_size=1, max_size=8)


def test_row_reads_as_its_options() -> None:
    row = Row([2, 1, 0])
    assert (row.channels, row.kernel, row.pool) == (32, 5, "avg")
    assert repr(row) == "Row(channels=32, kernel=5, pool='avg')"


def test_order_of_fields_is_order_of_tokens() -> None:
    assert [field.label for field in TABLE.fields[:3]] == ["block 1 channels", "block 1 kernel", "block 1 pool"]
    assert TABLE.range_table == [3, 2, 3, 3, 2, 3]
    assert TABLE.size == 18**2


def test_rows_inherit_choices() -> None:
    class Longer(Row):
        repeats = choice(1, 2)

    assert [declared.name for declared in Longer.choices] == ["channels", "kernel", "pool", "repeats"]
    assert len(Row.choices) == 3


def test_channel_counts_are_ordered_and_names_and_pairs_are_not() -> None:
    assert [field.ordered for field in TABLE.fields[:3]] == [True, False, False]
    assert choice(3, 5, ordered=True).ordered


@given(st.data())
def test_decoding_is_undone_by_encoding(data: st.DataObject) -> None:
    table = TokenTable.from_range_table(data.draw(range_tables))
    tokens = [data.draw(st.integers(0, count - 1)) for count in table.range_table]
    assert table.encode(table.decode(tokens)) == tokens


@given(range_tables, st.integers(0, 2**32))
def test_random_tokens_are_valid(range_table: list[int], seed: int) -> None:
    table = TokenTable.from_range_table(range_table)
    tokens = table.random(np.random.default_rng(seed))
    assert table.check(tokens) == tokens


@given(range_tables, st.integers(0, 2**32))
def test_neighbours_differ_in_one_token_and_are_all_there(range_table: list[int], seed: int) -> None:
    table = TokenTable.from_range_table(range_table)
    tokens = table.random(np.random.default_rng(seed))
    neighbours = [tuple(neighbour) for neighbour in table.neighbours(tokens)]
    assert len(set(neighbours)) == len(neighbours) == sum(count - 1 for count in range_table)
    assert all(sum(a != b for a, b in zip(tokens, other, strict=True)) == 1 for other in neighbours)


@pytest.mark.parametrize("kind", [np.array, tuple, list, lambda t: [np.int8(x) for x in t], lambda t: map(np.array, t)])
def test_numpy_and_tuples_are_welcome(kind: Any) -> None:
    checked = TABLE.check(kind([1, 0, 2, 0, 1, 1]))
    assert checked == [1, 0, 2, 0, 1, 1]
    assert all(type(token) is int for token in checked)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([0, 0, 0, 0, 9, 0], r"token 4 = 9: block 2 kernel has 2 choices \(3, 5\)"),
        ([0, -1, 0, 0, 0, 0], r"token 1 = -1: block 1 kernel has 2 choices"),
        ([0, 0, 0, 0.0, 0, 0], r"token 3 = 0\.0: block 2 channels needs an integer, not float"),
        ([True, 0, 0, 0, 0, 0], r"token 0 = True: block 1 channels needs an integer, not bool"),
        ([0, 0, "1", 0, 0, 0], r"token 2 = '1': .* not str"),
        ([0] * 5, r"too few tokens: 5 given, 6 expected"),
        ([0] * 7, r"too many tokens: 7 given, 6 expected"),
        ("000000", r"expected a list of 6 integers"),
        (None, r"expected a list of 6 integers"),
    ],
)
def test_bad_tokens_are_named(tokens: Any, message: str) -> None:
    with pytest.raises(TokenError, match=message):
        TABLE.check(tokens)


def test_the_documented_message() -> None:
    space = CombinedSpace([("MobileNetV1BlockSpace", {"block_mask": [0, 1, 1]})])
    with pytest.raises(ValueError, match=r"token 8 = 9: block 3 kernel has 2 choices \(3, 5\)"):
        space.token2arch([0] * 8 + [9])


@pytest.mark.parametrize(
    ("values", "message"),
    [({"nothing": 1}, "unknown choices"), ({}, "no value for 'block 1 channels'")],
)
def test_encoding_names_what_is_wrong(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenError, match=message):
        TABLE.encode(values)
    with pytest.raises(TokenError, match=r"block 1 kernel = 7: expected one of \(3, 5\)"):
        TABLE.encode({**TABLE.decode([0] * 6), "block 1 kernel": 7})


@pytest.mark.parametrize("entry", [0, -1, 2.5, None, "3"])
def test_bad_range_table_is_named(entry: Any) -> None:
    with pytest.raises(TokenError, match=r"range_table entry 1 = "):
        TokenTable.from_range_table([2, entry])


def test_a_choice_needs_options() -> None:
    with pytest.raises(TokenError, match="at least one option"):
        choice()
