"""Importing this module makes PaddleSlim's own ``SANAS`` and ``SearchSpaceFactory`` use the spaces of this library.

Afterwards they work under PIR and on NumPy 2; spaces registered with PaddleSlim's ``SEARCHSPACE`` or with the one of
this library are known to both; configs may have what configs of this library may have, ``compat`` included. Nothing is
changed without the import, and :func:`restore` undoes it.

``pip install "sanas-spaces[paddleslim]"`` installs PaddleSlim with the packages that it uses and does not declare.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from .combine import CombinedSpace
from .errors import RegistryError
from .optional import import_optional
from .registry import SEARCHSPACE

__all__ = ["install", "restore"]


class _Classes(MutableMapping[str, Any]):
    """PaddleSlim's table of registered classes, as a view of the registry of this library."""

    def __init__(self) -> None:
        self.added: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        try:
            return SEARCHSPACE.get(name)
        except RegistryError:
            raise KeyError(name) from None

    def __setitem__(self, name: str, cls: Any) -> None:
        SEARCHSPACE.register(cls)
        self.added[name] = cls

    def __delitem__(self, name: str) -> None:
        SEARCHSPACE.unregister(name)
        self.added.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in SEARCHSPACE

    def __iter__(self) -> Iterator[str]:
        return iter(SEARCHSPACE)

    def __len__(self) -> int:
        return len(SEARCHSPACE)


class _Plugin:
    """What is changed in PaddleSlim, and what was there before."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []
        self._classes: _Classes | None = None

    def install(self) -> None:
        if self._classes is not None:
            return
        nas = import_optional("paddleslim.nas", "paddleslim", "sanas_spaces.paddleslim")
        space = nas.search_space
        self._classes = classes = _Classes()
        try:
            for name, cls in space.SEARCHSPACE.module_dict.items():
                if not cls.__module__.startswith("paddleslim."):  # a user's space; its own ones are replaced
                    classes[name] = cls
        except RegistryError:
            self.restore()
            raise
        self._replace(space.SEARCHSPACE, "_module_dict", classes)
        self._replace(space.search_space_factory, "CombineSearchSpace", CombinedSpace)
        for name in SEARCHSPACE:
            for module in (nas, space):
                if hasattr(module, name):
                    self._replace(module, name, SEARCHSPACE.get(name))

    def restore(self) -> None:
        if self._classes is None:
            return
        for owner, name, value in reversed(self._before):
            setattr(owner, name, value)
            if name == "_module_dict":
                value.update(self._classes.added)
        for name in self._classes.added:
            SEARCHSPACE.unregister(name)
        self._before, self._classes = [], None

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)


_plugin = _Plugin()


def install() -> None:
    """Do what the import does, once more after :func:`restore`; otherwise nothing.

    Raises:
        MissingDependencyError: PaddleSlim is not installed.
        RegistryError: A space registered with PaddleSlim has the name of one registered here.
    """
    _plugin.install()


def restore() -> None:
    """Leave PaddleSlim as it was before the import.

    Spaces that were registered with PaddleSlim's ``SEARCHSPACE`` in between stay there, and those registered with the
    one of this library stay here.
    """
    _plugin.restore()


install()
