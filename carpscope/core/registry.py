"""Growing by one file: folders are searched, nothing is registered elsewhere."""

import importlib
import os
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import TypeVar

from carpscope.core.errors import CarpscopeError
from carpscope.core.extras import missing

T = TypeVar("T")


@cache
def modules(package: str) -> tuple[ModuleType, ...]:
    """Import every module of a package, in the order of their names, once.

    Once: who runs as somebody else later may not be able to read the folder any more. A folder
    in which nothing is found is one that cannot be read. Raises CarpscopeError.
    """
    return tuple(importlib.import_module(name) for name in _names(package))


def available(package: str) -> tuple[ModuleType, ...]:
    """Import as `modules` does what does not need a library that this installation lacks."""
    found: list[ModuleType] = []
    for name in _names(package):
        try:
            found.append(importlib.import_module(name))
        except ModuleNotFoundError as absent:
            if missing(absent) is None:
                raise
    return tuple(found)


def _names(package: str) -> list[str]:
    found = importlib.import_module(package)
    files: list[str] = []
    for folder in found.__path__:
        with suppress(OSError), os.scandir(folder) as entries:  # pkgutil would import a lot
            files += [entry.name for entry in entries]
    names = sorted(
        file.removesuffix(".py") for file in files if file.endswith(".py") and file[:2] != "__"
    )
    if not names:
        where = ", ".join(found.__path__)
        raise CarpscopeError(f"{where}: nothing of {package} is there, or it cannot be read")
    return [f"{package}.{name}" for name in names if name[0] != "_"]


def discover(package: str, attribute: str, kind: type[T]) -> list[T]:
    """Collect `attribute` of every module in `package`.

    A module without it, or with something else under that name, is a mistake of
    ours and fails at once.
    """
    found: list[T] = []
    for module in modules(package):
        value = getattr(module, attribute, None)
        assert isinstance(value, kind), f"{module.__name__} has no {attribute}: {kind.__name__}"
        found.append(value)
    return found
