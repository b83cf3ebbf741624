"""The conformance suite for every registered space, in the mode of this process: a new space is covered at once."""

from __future__ import annotations

from typing import Any

from sanas_spaces import SEARCHSPACE, BlockSpace
from sanas_spaces.testing import SpaceConformance


def config_forms(name: str) -> list[list[Any]]:
    if not issubclass(SEARCHSPACE.get(name), BlockSpace):
        return [[name]]
    sizes = {"input_size": 16, "output_size": 8, "block_num": 2}
    return [[(name, {"block_mask": [0, 1]})], [(name, sizes)]]


for _name in SEARCHSPACE:
    for _form, _configs in enumerate(config_forms(_name)):
        _class = f"Test{_name}{_form or ''}"
        globals()[_class] = type(_class, (SpaceConformance,), {"configs": _configs})
