"""The registry of search spaces."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from importlib import metadata
from typing import Generic, TypeVar

from .errors import RegistryError

_logger = logging.getLogger(__name__)

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """Classes by name, with third-party packages found through an entry-point group.

    Args:
        name: What the registry holds, for error messages.
        entry_point_group: Group whose entry points are loaded when a name is not known yet, or when the
            registry is listed. Loading one either registers classes as a side effect or returns the class
            to register.
    """

    def __init__(self, name: str, entry_point_group: str | None = None) -> None:
        self.name = name
        self._group = entry_point_group
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: C) -> C:
        """Class decorator that registers ``cls`` under its own name and returns it unchanged.

        Raises:
            RegistryError: The name is taken; the message names both modules.
        """
        if not isinstance(cls, type):
            raise RegistryError(f"@{self.name}.register decorates a class, not {cls!r}; write it without parentheses")
        name = cls.__name__
        taken = self._classes.get(name)
        if taken is not None and taken is not cls:
            raise RegistryError(
                f"{name!r} of module {cls.__module__!r} cannot be registered: the name is taken by module "
                f"{taken.__module__!r}; choose another name or call {self.name}.unregister({name!r}) first"
            )
        self._classes[name] = cls
        return cls

    def unregister(self, name: str) -> type[T]:
        """Remove ``name`` and return the class it stood for."""
        if name not in self._classes:
            raise self._unknown(name)
        return self._classes.pop(name)

    def get(self, name: str) -> type[T]:
        """Return the class registered as ``name``.

        Raises:
            RegistryError: The name is unknown; the message lists the nearest matches.
        """
        if name not in self._classes:
            self._load_entry_points()
        try:
            return self._classes[name]
        except KeyError:
            raise self._unknown(name) from None

    __getitem__ = get

    def __contains__(self, name: object) -> bool:
        if name not in self._classes:
            self._load_entry_points()
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        self._load_entry_points()
        return iter(tuple(self._classes))

    def __len__(self) -> int:
        self._load_entry_points()
        return len(self._classes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, items={list(self._classes)})"

    def _unknown(self, name: object) -> RegistryError:
        near = difflib.get_close_matches(str(name), self._classes, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(self._classes))}"
        return RegistryError(f"{name!r} is not registered in {self.name}; {hint}")

    def _load_entry_points(self) -> None:
        group, self._group = self._group, None  # once; also stops recursion while a plug-in loads
        if group is None:
            return
        for point in metadata.entry_points(group=group):
            try:
                loaded = point.load()
                if isinstance(loaded, type):
                    self.register(loaded)
            except Exception as error:  # noqa: BLE001 - a broken plug-in must not take the other spaces with it
                _logger.warning(
                    "entry point %s = %s of group %s was skipped: %s", point.name, point.value, group, error
                )


SEARCHSPACE: Registry[object] = Registry("SEARCHSPACE", entry_point_group="sanas_spaces.spaces")
"""All search spaces: ``@SEARCHSPACE.register`` on a class makes it usable in configs under its name."""
