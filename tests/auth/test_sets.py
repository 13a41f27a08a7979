"""Sets worth trying: sorted, each once, with the interface's own address in its place."""

from hypothesis import given
from hypothesis import strategies as st

from carpscope.auth import sets
from carpscope.auth.question import Candidates
from carpscope.auth.recipes import automatic_link_local, in_order

OWN = automatic_link_local(7)
ADDRESSES = st.one_of(
    st.integers(1, 9).map(lambda host: bytes((10, 0, 0, host))),
    st.integers(1, 5).map(lambda host: bytes.fromhex("20010db8") + bytes(11) + bytes((host,))),
    st.integers(1, 5).map(lambda host: b"\xfe\x80" + bytes(13) + bytes((host,))),
    st.just(OWN),
)
LISTS = st.lists(ADDRESSES, max_size=8).map(tuple)


@given(LISTS, LISTS, LISTS)
def test_usual_sets_are_sorted_and_come_once(
    supplied: sets.Set, announced: sets.Set, learned: sets.Set
) -> None:
    pool = sets.pool(Candidates(supplied, learned, announced=announced))
    found = sets.usual(pool, OWN)
    assert all(in_order(one) == one for one in found)
    assert len(set(found)) == len(found)


@given(LISTS, LISTS)
def test_likelier_sets_come_first(supplied: sets.Set, announced: sets.Set) -> None:
    pool = sets.pool(Candidates(supplied, announced=announced))
    found = sets.usual(pool, OWN)
    strong = (*pool.supplied, *pool.announced)
    likely = [pool.supplied, strong, pool.announced]
    likely += [(*source, OWN) for source in likely]
    assert found[: len(set(map(in_order, likely)))] == tuple(dict.fromkeys(map(in_order, likely)))
    for source in (pool.supplied, strong):
        for left_out in source:
            rest = [a for a in source if a != left_out]
            assert {in_order(rest), in_order((*rest, OWN)), (left_out,)} <= set(found)


def test_a_vhid_differs_by_its_own_address_alone() -> None:
    pool = sets.pool(Candidates(tuple(bytes((10, 0, 0, host)) for host in range(1, 51))))
    one, other = (sets.usual(pool, automatic_link_local(vhid)) for vhid in (1, 2))
    assert [s for s in one if s and len(s[-1]) == 4] == [s for s in other if s and len(s[-1]) == 4]
    assert len(one) == len(other)
