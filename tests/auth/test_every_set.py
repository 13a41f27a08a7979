"""All the sets that are worth trying, of pools small enough to write them down."""

import itertools

import pytest

from carpscope.auth import sets
from carpscope.auth.explain import Candidates
from carpscope.auth.recipes import automatic_link_local, in_order

pytestmark = pytest.mark.slow

OWN = automatic_link_local(10)
FOURS = tuple(bytes((10, 0, 0, n)) for n in range(1, 31))
SIXES = tuple(bytes.fromhex("20010db8") + bytes(11) + bytes((n,)) for n in range(1, 9))
LINKED = tuple(b"\xfe\x80" + bytes(13) + bytes((n,)) for n in range(1, 4))


def test_a_pool_has_each_address_once_where_it_is_likeliest() -> None:
    scoped = bytes.fromhex("fe800003") + bytes(11) + b"\1"  # as KAME keeps it
    group = bytes.fromhex("ff020004") + bytes(11) + b"\1"
    edges = (bytes(4), b"\xff" * 4, bytes(16), b"\xff" * 16)
    found = sets.pool(
        Candidates(
            (FOURS[0], FOURS[0], *edges, scoped),
            (FOURS[0], FOURS[1], FOURS[2], group),
            announced=(FOURS[1], LINKED[0]),
        )
    )
    assert found.supplied == (FOURS[0], LINKED[0])
    assert found.announced == (FOURS[1],)
    assert found.weak == (FOURS[2], bytes.fromhex("ff02") + bytes(13) + b"\1")
    assert found.strong == (FOURS[0], LINKED[0], FOURS[1])
    assert found.all == (*found.strong, *found.weak)
    broad = bytes((10, 0, 255, 255))
    assert sets.pool(Candidates((broad,))).supplied == (broad,)


def joined(*addresses: bytes) -> set[sets.Set]:
    return {in_order(addresses), in_order((*addresses, OWN))}


BEYOND = b"\xfe\xc0" + bytes(13) + b"\1"
"""Sorted behind the interface's own link-local address."""


def test_all_the_usual_sets() -> None:
    supplied = (*FOURS[:2], SIXES[0], LINKED[0], BEYOND)
    announced, weak = (FOURS[2], SIXES[1], LINKED[1]), (FOURS[3], SIXES[2])
    strong, known = (*supplied, *announced), sets.Pool(supplied, announced, weak)
    wanted = joined(*supplied) | joined(*strong) | joined(*announced)
    for source in (supplied, strong, announced, known.all):
        wanted |= {in_order(x for x in source if x not in LINKED)}
        wanted |= {in_order(x for x in source if len(x) == size) for size in (4, 16)}
    wanted |= {(x,) for x in (*known.all, OWN)}
    for source in (supplied, strong):
        for left_out in source:
            wanted |= joined(*(x for x in source if x != left_out))
        wanted |= {in_order((*source, more)) for more in weak}
    wanted |= {in_order(known.all), ()}
    assert set(sets.usual(known, OWN)) == wanted
    assert len(sets.usual(known, OWN)) == len(wanted)
    again = sets.Pool((*FOURS[:2], OWN), (), ())
    assert len(set(sets.usual(again, OWN))) == len(sets.usual(again, OWN)), "each once"


def test_of_very_many_the_first_are_taken_by_family() -> None:
    seen = tuple(bytes((10, 1, 0, n)) for n in range(1, 71))
    found = sets.usual(sets.Pool((), (), seen), OWN)
    assert seen[:64] in found
    assert seen in found
    assert seen[:63] not in found
    assert seen[:65] not in found


def test_all_the_arrangements_of_few() -> None:
    known = sets.Pool(FOURS[:2], SIXES[:1], ())
    found = sets.arrangements(known, OWN)
    assert len(found) == len(set(found))
    fours = [(), (FOURS[0],), (FOURS[1],), FOURS[:2], FOURS[1::-1]]
    six = [SIXES[0], OWN]
    sixes = [t for n in range(3) for t in itertools.permutations(six, n)]
    plain = {four + more for four in fours for more in sixes}
    doubled = set()
    for chosen in (FOURS[:2], (*FOURS[:2], SIXES[0])):
        for one in FOURS[:2]:
            doubled |= {in_place((*chosen, one)), (one, one)}
    assert set(found) == plain | doubled


def in_place(addresses: tuple[bytes, ...]) -> sets.Set:
    """Sort, and keep what is there twice."""
    return tuple(sorted(addresses, key=lambda a: (len(a), a)))


@pytest.mark.parametrize(
    ("fours", "sixes", "own"), [(6, 0, False), (5, 0, False), (5, 1, False), (4, 1, True)]
)
def test_the_own_address_joins_few_enough_with_ipv6(fours: int, sixes: int, *, own: bool) -> None:
    known = sets.Pool((*FOURS[:fours], *SIXES[:sixes]), (), ())
    assert any(OWN in one for one in sets.arrangements(known, OWN)) == own
    assert (*FOURS[:fours][::-1], *SIXES[:sixes]) in sets.arrangements(known, OWN)


def test_what_was_only_seen_is_arranged_where_nothing_else_is_known() -> None:
    found = sets.arrangements(sets.Pool((), (), FOURS[:2]), OWN)
    assert (FOURS[1], FOURS[0]) in found


def test_arrangements_of_many() -> None:
    given = (*FOURS[7:0:-1], SIXES[1], SIXES[0], SIXES[2])
    known = sets.Pool(given, FOURS[20:21], ())
    found = set(sets.arrangements(known, OWN))
    assert given in found, "as given"
    assert (*given[6::-1], *given[:6:-1]) in found, "and the other way round"
    assert tuple(a for a in given if a != FOURS[3]) in found
    sorted_fours = in_order(given[:7])
    for order in itertools.permutations(SIXES[:3]):
        assert (*sorted_fours, *order) in found, "DragonFly sorts IPv4 alone"
    assert (*sorted_fours[1:], SIXES[1], SIXES[0]) in found
    assert in_place((*in_order(given), FOURS[3])) in found
    assert (*given[:7], FOURS[20], *given[7:]) in found


def test_all_the_mistyped_sets() -> None:
    known = sets.Pool((FOURS[0], LINKED[0]), (SIXES[0],), (bytes((10, 0, 0, 11)),))
    found = sets.mistyped(known)
    slip = bytes((10, 0, 0, 2))
    rests: list[sets.Set] = [(), (LINKED[0],), (SIXES[0],), (LINKED[0], SIXES[0])]
    assert {one for one in found if slip in one} == {in_order((*rest, slip)) for rest in rests}
    assert not any(bytes((10, 0, 0, 11)) in one for one in found), "it was seen: no slip"
    linked = b"\xfe\x80" + bytes(13) + b"\2"
    rests = [(), (FOURS[0],), (SIXES[0],), (FOURS[0], SIXES[0])]
    assert {one for one in found if linked in one} == {in_order((*rest, linked)) for rest in rests}
    many = sets.Pool((*FOURS[:5], LINKED[0]), (), ())
    slip = bytes((11, 0, 0, 1))
    rests = [(*FOURS[1:5], LINKED[0]), FOURS[1:5], ()]
    assert {one for one in sets.mistyped(many) if slip in one} == {
        in_order((*rest, slip)) for rest in rests
    }


@pytest.mark.parametrize(("more", "subsets"), [(2, True), (3, False)])
def test_beside_a_slip_any_of_three_others_may_be_missing(more: int, *, subsets: bool) -> None:
    supplied = (FOURS[0], SIXES[0], *FOURS[1:more])
    announced = SIXES[1:2]
    found = sets.mistyped(sets.Pool(supplied, announced, ()))
    slip = bytes((11, 0, 0, 1))
    rest, strong = supplied[1:], (*supplied[1:], *announced)
    wanted = {(), rest, strong, tuple(a for a in rest if len(a) == 4)}
    wanted |= {tuple(a for a in strong if len(a) == 4)}
    for source in (rest, strong):
        if len(source) <= 3:
            wanted |= {t for n in range(len(source)) for t in itertools.combinations(source, n)}
    assert {one for one in found if slip in one} == {in_order((*one, slip)) for one in wanted}
    assert (len(strong) <= 3) == subsets


@pytest.mark.parametrize("sixes", [1, 2, 6, 7])
def test_of_many_only_dragonflys_ipv6_is_put_in_any_order(sixes: int) -> None:
    given = (*FOURS[6::-1], *SIXES[sixes - 1 :: -1])
    fours, six = given[:7], given[7:]
    found = set(sets.arrangements(sets.Pool(given, (), ()), OWN))
    wanted = {given, (*fours[::-1], *six[::-1])}
    wanted |= {tuple(a for a in given if a != left_out) for left_out in given}
    if sixes in (2, 6):
        some = [in_order(fours), *(in_order(set(fours) - {a}) for a in fours)]
        for n in range(sixes + 1):
            for order in itertools.permutations(six, n):
                wanted |= {(*four, *order) for four in some}
    for doubled in fours:
        wanted |= {in_place((*given, doubled)), (doubled, doubled)}
    assert found == wanted


def test_all_the_bases() -> None:
    supplied = (*FOURS[:2], SIXES[0], LINKED[0], BEYOND)
    announced = (FOURS[2], SIXES[1], LINKED[1])
    strong = (*supplied, *announced)
    wanted: set[sets.Set] = {(), in_order(supplied), in_order(strong)}
    for source in (supplied, strong):
        wanted |= {in_order(x for x in source if x not in LINKED)}
        wanted |= {in_order(x for x in source if x != left_out) for left_out in source}
        wanted |= {in_order(x for x in source if len(x) == size) for size in (4, 16)}
    wanted |= {(x,) for x in strong}
    found = sets.bases(sets.Pool(supplied, announced, FOURS[5:6]))
    assert set(found) == wanted
    assert found[:3] == ((), in_order(supplied), in_order(strong))
    assert len(sets.bases(sets.Pool(FOURS, (), ()))) == sets.BASES


def test_only_supplied_addresses_were_mistyped() -> None:
    known = sets.Pool(FOURS[:2], FOURS[2:3], ())
    slip = (bytes((10, 0, 0, 11)),)
    assert sets.slip_of(known, slip, slip) == (FOURS[0],)
    assert sets.slip_of(known, slip, (*slip, FOURS[0])) == (), "it is signed as well"
    assert sets.slip_of(known, (), ()) == ()
