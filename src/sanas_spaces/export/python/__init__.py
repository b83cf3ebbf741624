"""Networks as Python source that needs nothing of this library."""

from .network import to_python

__all__ = ["to_python"]
