"""The part of ``paddle.fluid`` that search spaces of 2020 are written with, for Paddle 3.

A script changes ``import paddle.fluid as fluid`` to ``from sanas_spaces import fluid``. Importing it does not import
Paddle.
"""

from __future__ import annotations

from typing import Any

from . import initializer, layers, optimizer, param_attr, regularizer
from .attributes import ParamAttr
from .programs import attribute, data

__all__ = ["ParamAttr", "data", "initializer", "layers", "optimizer", "param_attr", "regularizer"]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return attribute(__name__, name)
