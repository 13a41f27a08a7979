"""Classes made here behave as those of `dataclasses`, which a type checker takes them for."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from carpscope.core import values


def pair(source: Any) -> tuple[type[Any], type[Any]]:
    """Make the same two classes with one or the other library."""

    @source.dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        seen: list[int] = source.field(default_factory=list, compare=False, repr=False)

    @source.dataclass(slots=True)
    class Track:
        points: list[Any]
        name: str = "a"
        length: int = source.field(init=False)

        def __post_init__(self) -> None:
            self.length = len(self.points)

    return Point, Track


BOTH = pytest.mark.parametrize("source", [values, dataclasses])


@BOTH
def test_arguments_defaults_and_comparison(source: Any) -> None:
    point, track = pair(source)
    assert point(1) == point(1, 2, seen=[3]) != point(1, 3)
    assert hash(point(1)) == hash(point(1, y=2))
    assert point(1).seen is not point(1).seen
    assert repr(point(1)).endswith("Point(x=1, y=2)")
    assert repr(track([4])).endswith("Track(points=[4], name='a', length=1)")
    assert point.__match_args__ == ("x", "y", "seen")
    assert vars(track)["__hash__"] is None
    assert point(1) != (1, 2)
    with pytest.raises(TypeError):
        point()
    with pytest.raises(TypeError):
        point(1, 2, [], 4)


@BOTH
def test_what_is_frozen_stays_and_is_copied(source: Any) -> None:
    point, track = pair(source)
    one = point(1)
    with pytest.raises(AttributeError):
        one.x = 2
    with pytest.raises(AttributeError):
        del one.x
    assert copy.copy(one) == one
    assert source.replace(one, y=5) == point(1, 5)
    assert source.replace(track([1]), points=[1, 2]).length == 2
    with pytest.raises(TypeError):
        source.replace(one, z=1)
    with pytest.raises(AttributeError):
        track([1]).other = 1


@BOTH
def test_a_class_inherits_and_keeps_its_own_methods(source: Any) -> None:
    class Base:
        a: int
        b: int = 1

    base: Any = source.dataclass(slots=True)(Base)

    class Derived(base):  # type: ignore[misc]
        b: int = 7
        c: int = 3

        def __repr__(self) -> str:
            return "my own"

    made: Any = source.dataclass(slots=True)(Derived)
    derived = made(1)
    assert (derived.a, derived.b, derived.c) == (1, 7, 3)
    assert repr(derived) == "my own"
    assert not hasattr(derived, "__dict__")
    assert base(1) != derived == made(1, 7, 3)

    class Open:
        a: int
        b: int = 4

    opened: Any = source.dataclass(Open)
    assert (opened(1).b, opened.b, opened(1, 2)) == (4, 4, opened(a=1, b=2))


@values.dataclass(frozen=True, slots=True)
class Sent:
    """Sent from one process to another."""

    a: int
    b: str = "b"


def test_dataclasses_takes_them_for_its_own() -> None:
    assert [one.name for one in dataclasses.fields(Sent)] == ["a", "b"]
    assert dataclasses.replace(Sent(1), b="c") == Sent(1, "c")
    assert dataclasses.asdict(Sent(1)) == {"a": 1, "b": "b"}


def test_values_are_pickled() -> None:
    assert pickle.loads(pickle.dumps(Sent(1))) == Sent(1)


def test_a_value_that_holds_itself_can_be_shown() -> None:
    @values.dataclass(slots=True)
    class Ring:
        held: list[Any]

    ring = Ring([])
    ring.held.append(ring)
    assert "..." in repr(ring)
