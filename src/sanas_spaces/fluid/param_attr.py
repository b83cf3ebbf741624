"""``fluid.param_attr``, which scripts import ``ParamAttr`` from."""

from .attributes import ParamAttr

__all__ = ["ParamAttr"]
