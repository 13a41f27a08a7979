"""Growing by one file: folders are searched, nothing is registered elsewhere."""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules(package: str) -> list[ModuleType]:
    """Import every module of a package, in the order of their names."""
    found = importlib.import_module(package)
    names = sorted(item.name for item in pkgutil.iter_modules(found.__path__))
    return [importlib.import_module(f"{package}.{name}") for name in names if name[0] != "_"]


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
