"""What differs in what nodes sign, of made disagreements: the limits, and the odd one out."""

import pytest

from carpscope.auth.keyring import Keyring
from carpscope.auth.recipes import Recipe, recipe
from carpscope.core.units import SECOND, Nanos
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Context
from carpscope.detect.rules.cs201_address_set_mismatch import AddressSets
from carpscope.detect.signing import (
    _situations,
    ended,
    make,
    odd_one,
    people,
    share_addresses,
    signed_by,
    unsupplied,
)
from carpscope.protocol.spans import ENDS, QUIET
from carpscope.timeline.authentication import SigningSpan
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.observe import Observer
from carpscope.timeline.signing import Difference, Disagreement

KEYS = Keyring([b"one", b"two"]).keys
A, B, C = (bytes((10, 0, 0, n)) for n in (100, 101, 102))
GROUP = Group((), 1)


def way(
    *addresses: bytes, key: int = 0, lladdr: bytes = b"", stranger: bytes = b"", near: bytes = b""
) -> Recipe:
    """Make a way of signing."""
    return recipe(
        1,
        KEYS[key],
        addresses,
        lladdr,
        unsupplied=(stranger,) if stranger else (),
        instead=(near,) if near else (),
    )


def node(name: str, order: int = 0, signs: Recipe | None = None) -> Node:
    """Make a node that signs so."""
    made = Node(name, order)
    made.authentication.spans = [SigningSpan(signs, 0, 1, SECOND, 2, 5)]
    return made


def differ(
    one: Node,
    other: Node,
    start: Nanos = 0,
    end: Nanos = SECOND,
    *,
    difference: Difference = Difference.ADDRESSES,
    frames: tuple[int, ...] = (1,),
) -> Disagreement:
    """Let two nodes disagree."""
    recipes = (one.authentication.recipe, other.authentication.recipe)
    return Disagreement(GROUP, one, other, difference, start, end, *recipes, frames, 5)


def test_disagreements_that_follow_each_other_are_one_situation() -> None:
    a, b = node("a"), node("b", 1)
    first, inside = differ(a, b, 0, 50 * SECOND), differ(a, b, 10 * SECOND, 20 * SECOND)
    near = differ(a, b, 50 * SECOND + QUIET, 90 * SECOND)
    far = differ(a, b, 90 * SECOND + QUIET + 1, 200 * SECOND)
    assert _situations([far, near, inside, first]) == [[first, inside, near], [far]]


@pytest.mark.parametrize(("after", "is_over"), [(ENDS, False), (ENDS + 1, True)])
def test_when_a_situation_is_over(after: Nanos, *, is_over: bool) -> None:
    found = [differ(node("a"), node("b"), 0, 30 * SECOND), differ(node("a"), node("b"))]
    assert bool(ended(found, 30 * SECOND + after)) == is_over


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (way(A, B), way(B, C), True),
        (way(A), way(B), False),
        (way(A), None, False),
        (None, way(A), False),
    ],
)
def test_one_cluster_has_an_address_in_common(
    one: Recipe | None, other: Recipe | None, *, shared: bool
) -> None:
    assert share_addresses(differ(node("a", 0, one), node("b", 1, other))) == shared


def test_people_come_once_in_order_of_appearance() -> None:
    a, b, c = node("a", 2), node("b", 0), node("c", 1)
    assert people([differ(a, b), differ(b, c)]) == [b, c, a]


def test_the_odd_one_out() -> None:
    a, b, c = node("a", 0, way(A)), node("b", 1, way(A)), node("c", 2, way(B))
    assert odd_one([differ(a, c), differ(b, c)]) is c
    assert odd_one([differ(a, c)]) is None, "of two neither is"
    d = node("d", 3, way(B))
    assert odd_one([differ(a, c), differ(b, d)]) is None, "two against two"
    e = node("e", 4, way(C))
    assert odd_one([differ(a, c), differ(b, e)]) is None, "all differ"
    unknown = node("f", 5)
    assert odd_one([differ(a, unknown), differ(b, unknown)]) is unknown


def test_what_every_such_finding_has() -> None:
    a, b = node("a", 0, way(A)), node("b", 1, way(B))
    many = tuple(range(30, 0, -1))
    found = [differ(a, b, 5 * SECOND, 9 * SECOND, frames=many), differ(a, b, SECOND, 2 * SECOND)]
    made = make(found, ("CS201", "label", Severity.ERROR), "s", "", "r")
    assert (made.start, made.end, made.frame_count) == (SECOND, 9 * SECOND, 10)
    assert made.frames == tuple(range(1, 25))
    assert made.explanation.startswith("Seen from ")
    assert signed_by(found) == {"a": (A,), "b": (B,)}


def test_strangers_are_named_and_what_they_are_near() -> None:
    a = node("a", 0, way(A, stranger=A, near=C))
    b = node("b", 1, way(B, stranger=B))
    c, d = node("c", 2, way(C)), node("d", 3)
    told = unsupplied([differ(d, c), differ(a, b), differ(a, c)])
    assert told == (
        " a signs 10.0.0.100, which nobody supplied: probably a typo for 10.0.0.102."
        " b signs 10.0.0.101, which nobody supplied."
    )


def test_a_link_layer_address_set_by_hand() -> None:
    mac = bytes.fromhex("02aabbccddee")
    watch = AddressSets(Context(Observer(Keyring([]), ())))
    a, b = node("a", 0, way(A, lladdr=mac)), node("b", 1, way(A))
    told = watch.finding([differ(a, b)])
    assert told.summary == (
        "a signs the link-layer address 02:aa:bb:cc:dd:ee; the other does not, and each refuses "
        "the other"
    )
    assert told.remedy == "Set the virtual MAC again: ifconfig carpN lladdr 00:00:5e:00:01:01."
    other = watch.finding([differ(node("a", 0, way(A, lladdr=mac)), node("b", 1, way(A, B)))])
    assert "link-layer" not in other.summary, "the addresses differ as well"
