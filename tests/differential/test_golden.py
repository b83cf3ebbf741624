"""What PaddleSlim 2.6.0 built in a recorded run of ``python -m tests.differential``, against what is described here."""

from __future__ import annotations

from typing import Any

import paddle
import pytest

from sanas_spaces import spaces

from .compare import digest
from .describing import figures, space_of
from .forms import Form, all_forms, training_forms
from .golden import CASES, COMMAND, GOLDEN, read
from .ours import Ours

RECORD = [pytest.param(form, cases, id=form.key) for form, cases in read()]
SMALL = [pytest.param(form, cases[0], id=form.key) for form, cases in read() if form.config.get("block_mask") == [1]]
REFRESH = f"recorded by {COMMAND}"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("form", "cases"), RECORD)
def test_networks_are_paddleslims(form: Form, cases: list[tuple[list[int], dict[str, Any]]]) -> None:
    space = space_of(form)
    assert space.range_table() == form.range_table
    for tokens, expected in cases:
        assert figures(form, space.token2arch(tokens)[0]) == expected, f"{form.title} {tokens}, {REFRESH}"


@pytest.mark.filterwarnings("ignore:Tensor do not have 'place'")
@pytest.mark.parametrize(("form", "case"), SMALL)
def test_built_network_is_the_described_one(form: Form, case: tuple[list[int], dict[str, Any]]) -> None:
    tokens, expected = case
    paddle.enable_static()
    try:
        described, numbers = Ours(form).compute(tokens, form.images(0))  # which fails if other parameters are built
    finally:
        paddle.disable_static()
    assert digest(described["parameters"]) == expected["md5"]
    assert [list(output.shape[1:]) for output in numbers.outputs] == [
        [channels, *(size * form.small[1] // form.image[1] for size in sizes)]
        for channels, *sizes in expected["shapes"]
    ]


def test_the_record_is_complete() -> None:
    recorded = {form.key: cases for form, cases in read()}
    for form in (*all_forms(), *training_forms()):
        assert [tokens for tokens, _ in recorded[form.key]] == [form.tokens(i) for i in range(CASES)], REFRESH
    without = {"InceptionCBlockSpace", "ResNetBlockSpace2"}  # PaddleSlim 2.6.0 has neither
    assert {form.space for form in all_forms()} == set(spaces.__all__) - without
    assert GOLDEN.stat().st_size < 400_000
