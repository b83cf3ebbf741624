"""What the parts of a network are called in Python, from the names of its layers."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Sequence

from ...graph import Node

Parts = tuple[str, ...]

_TAKEN = """
    add_parameter add_sublayer apply astype backward bfloat16 buffers children clear_gradients
    create_parameter create_tensor create_variable cuda cpu double dump_patches eval extra_repr float float16
    forward full_name get_buffer get_parameter get_sublayer half load_dict load_state_dict modules name
    named_buffers named_children named_modules named_parameters named_sublayers names parameters
    register_buffer register_forward_post_hook register_forward_pre_hook register_module register_parameter
    register_state_dict_hook requires_grad_ set_dict set_state_dict set_submodule share_memory state_dict
    sublayers to to_empty to_static_state_dict train training type xpu zero_grad get_extra_state
    set_extra_state get_submodule add_module ipu compile buffer self x
"""
TAKEN = frozenset(_TAKEN.split())
"""Attributes of a ``paddle.nn.Layer`` and words that the source uses itself."""

_SEPARATORS = re.compile(r"[_/.]")


def parts_of(name: str) -> Parts:
    """The parts of a name between underscores, slashes and dots."""
    return tuple(_SEPARATORS.split(name))


def common(names: Sequence[Parts]) -> Parts:
    """The parts that all names begin with."""
    shared: list[str] = []
    for column in zip(*names, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return tuple(shared)


def prefix(name: str, count: int) -> str:
    """The first ``count`` parts of a name as they are written in it."""
    ends = [match.start() for match in _SEPARATORS.finditer(name)] + [len(name)]
    return name[: ends[count - 1]] if count else ""


def stem(node: Node) -> str:
    """What the parameters of a layer have in common in their names."""
    names = [parameter.name for parameter in node.parameters]
    if node.names is None or not names:
        return node.name
    shared = common([parts_of(name) for name in names])
    if len(names) == 1 and len(shared) > 1:
        shared = shared[:-1]
    return prefix(names[0], len(shared))


def identifier(words: str, taken: Collection[str], otherwise: str) -> str:
    """A Python name made of ``words`` that is not among ``taken`` and begins with ``otherwise`` if it has to."""
    name = re.sub(r"\W+", "_", words, flags=re.ASCII).strip("_")
    name = re.sub(r"__+", "_", name)
    if not name or name[0].isdigit():
        name = f"{otherwise}_{name}" if name else otherwise
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in TAKEN:
        name += "_layer"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
