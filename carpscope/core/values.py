"""Classes of values with the interface of `dataclasses`, made in a quarter of the time.

A run imports 120 such classes. `dataclasses` compiles up to six functions for each and imports
`inspect`, which was a third of all that `analyze` does with a small capture; here only
`__init__` is compiled, and the rest are functions that classes share. A type checker sees
`dataclasses` itself. What carpscope does not use is left out: order, `InitVar`, `KW_ONLY`.
"""

import sys
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

_MISSING: Any = object()
_FIELDS = "__dataclass_fields__"
"""So that `dataclasses.fields`, `replace` and `asdict` take values, too."""


class _Field:
    """What a class says of one of its attributes."""

    __slots__ = ("compare", "default", "factory", "hash", "init", "name", "repr")

    def __init__(
        self,
        *,
        default: Any = _MISSING,
        default_factory: Any = _MISSING,
        init: bool = True,
        repr: bool = True,  # noqa: A002 - as dataclasses have it
        hash: bool | None = None,  # noqa: A002
        compare: bool = True,
    ) -> None:
        self.name = ""
        self.default, self.factory, self.init = default, default_factory, init
        self.repr, self.compare = repr, compare
        self.hash = compare if hash is None else hash

    @property
    def _field_type(self) -> Any:
        """Answer what only `dataclasses` asks: this is neither a ClassVar nor an InitVar."""
        return sys.modules["dataclasses"]._FIELD


def _dataclass(
    cls: Any = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True
) -> Any:
    """Give a class what follows from its annotations."""
    if cls is None:
        return lambda cls: _made(cls, frozen=frozen, slots=slots, eq=eq)
    return _made(cls, frozen=frozen, slots=slots, eq=eq)


def _replace(value: Any, /, **changes: Any) -> Any:
    """Return another value that differs in these."""
    for one in getattr(value, _FIELDS).values():
        if one.init and one.name not in changes:
            changes[one.name] = getattr(value, one.name)
    return type(value)(**changes)


def _made(cls: Any, *, frozen: bool, slots: bool, eq: bool) -> Any:
    own = [_field(cls, name) for name in _annotated(cls)]
    names = {one.name for one in own}
    before = [one for one in getattr(cls, _FIELDS, {}).values() if one.name not in names]
    fields = (*before, *own)
    members = {
        "__init__": _init(cls, fields, frozen=frozen),
        "__repr__": _repr(tuple(one.name for one in fields if one.repr)),
        "__match_args__": tuple(one.name for one in fields if one.init),
    }
    if eq:
        members["__eq__"] = _eq(_getter([one.name for one in fields if one.compare]))
        members["__hash__"] = None
    if eq and frozen:
        members["__hash__"] = _hash(_getter([one.name for one in fields if one.hash]))
    if frozen:
        members["__setattr__"], members["__delattr__"] = _refuse_to_set, _refuse_to_delete
    if frozen and slots:
        members["__getstate__"] = _state(tuple(one.name for one in fields))
        members["__setstate__"] = _restore(tuple(one.name for one in fields))
    known = dict(cls.__dict__)
    if "__eq__" in known and known.get("__hash__", _MISSING) is None:
        del known["__hash__"]  # Python puts it beside an `__eq__`
    members = {name: one for name, one in members.items() if name not in known}
    members[_FIELDS] = {one.name: one for one in fields}
    if slots:
        return _slotted(cls, own, members)
    for one in own:
        if one.default is not _MISSING:
            setattr(cls, one.name, one.default)
        elif one.name in known:
            delattr(cls, one.name)
    for name, member in members.items():
        setattr(cls, name, member)
    return cls


def _slotted(cls: Any, own: list[_Field], members: dict[str, Any]) -> Any:
    """Make the class anew, since slots cannot be added to one."""
    left = {"__dict__", "__weakref__", *(one.name for one in own)}
    content = {name: one for name, one in cls.__dict__.items() if name not in left}
    held = {name for base in cls.__mro__[1:] for name in base.__dict__.get(_FIELDS, ())}
    content.update(members, __slots__=tuple(one.name for one in own if one.name not in held))
    made = type(cls)(cls.__name__, cls.__bases__, content)
    made.__qualname__ = cls.__qualname__
    return made


def _annotated(cls: Any) -> list[str]:
    """Return the names that a class itself annotates."""
    if "__annotations__" in cls.__dict__:
        return [*cls.__dict__["__annotations__"]]  # noqa: RUF063 - inspect takes too long
    try:
        import annotationlib  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    except ImportError:
        return []
    # from Python 3.14 on they are evaluated when asked for, and some are for type checkers only
    return [*annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)]


def _field(cls: Any, name: str) -> _Field:
    given = cls.__dict__.get(name, _MISSING)
    found = given if isinstance(given, _Field) else _Field(default=given)
    found.name = name
    return found


def _init(cls: Any, fields: tuple[_Field, ...], *, frozen: bool) -> Any:
    """Compile what takes the arguments."""
    scope: dict[str, Any] = {"_set": object.__setattr__, "_missing": _MISSING}
    arguments, body = ["self"], []
    for one in fields:
        name = value = one.name
        if one.factory is not _MISSING:
            scope[f"_make_{name}"] = one.factory
            made = f"_make_{name}()"
            value = f"{made} if {name} is _missing else {name}" if one.init else made
            default = "=_missing"
        elif one.default is not _MISSING:
            scope[f"_default_{name}"] = one.default
            default = f"=_default_{name}"
            value = name if one.init else f"_default_{name}"
        elif one.init:
            default = ""
        else:
            continue
        if one.init:
            arguments.append(name + default)
        body.append(f"_set(self,{name!r},{value})" if frozen else f"self.{name}={value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    text = f"def __init__({','.join(arguments)}):\n " + "\n ".join(body or ["pass"])
    exec(text, scope)  # noqa: S102 - of the names in our own classes, as dataclasses do
    function = scope["__init__"]
    function.__qualname__ = f"{cls.__qualname__}.__init__"
    return function


def _getter(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _repr(names: tuple[str, ...]) -> Any:
    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({said})"

    return __repr__


def _eq(values: Callable[[Any], Any]) -> Any:
    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        if other.__class__ is self.__class__:
            return values(self) == values(other)
        return NotImplemented

    return __eq__


def _hash(values: Callable[[Any], Any]) -> Any:
    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def _state(names: tuple[str, ...]) -> Any:
    def __getstate__(self: Any) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    return __getstate__


def _restore(names: tuple[str, ...]) -> Any:
    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return __setstate__


def _refuse_to_set(_: Any, name: str, __: Any) -> None:
    raise AttributeError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: Any, name: str) -> None:
    raise AttributeError(f"cannot delete field {name!r}")


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _Field, _replace

__all__ = ["dataclass", "field", "replace"]
