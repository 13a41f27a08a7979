"""The search: every rule, every mistake, what is unknown, and what it costs at most."""

import itertools
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carpscope.auth.digest import Signer, message
from carpscope.auth.effort import Effort
from carpscope.auth.explain import CUT, FIRST, Candidates, Outcome, Sample, explain
from carpscope.auth.keyring import Keyring
from carpscope.auth.recipes import (
    CONFIGURED,
    CONFIGURED_IPV6,
    DUPLICATES,
    LINK_LAYER,
    NO_LINK_LOCAL,
    OWN_LINK_LOCAL,
    RULES,
    SORTED,
    automatic_link_local,
    canonical,
    rule_of,
)
from carpscope.auth.typing_mistakes import slips

pytestmark = pytest.mark.slow

WORD = b"quiet-harbour-17"
COUNTER = bytes.fromhex("0102030405060708")


def binary(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def some(*texts: str) -> tuple[bytes, ...]:
    return tuple(map(binary, texts))


def sample(
    signed: tuple[bytes, ...], word: bytes = WORD, vhid: int = 10, lladdr: bytes = b""
) -> Sample:
    """Sign as given: IPv4 in order, then IPv6 in order."""
    ipv4 = [a for a in signed if len(a) == 4]
    ipv6 = [a for a in signed if len(a) == 16]
    signer = Signer(word, message(vhid, ipv4, ipv6, lladdr))
    return Sample(vhid, COUNTER, signer.sign(COUNTER))


def search(
    signed: tuple[bytes, ...],
    supplied: tuple[bytes, ...] = (),
    *,
    words: tuple[bytes, ...] = (WORD,),
    word: bytes = WORD,
    lladdr: bytes = b"",
    **known: tuple[bytes, ...],
) -> Outcome:
    candidates = Candidates(supplied, **known)
    return explain(sample(signed, word, lladdr=lladdr), Keyring(words), candidates)


def rule(outcome: Outcome) -> str:
    assert outcome.recipe is not None
    return outcome.recipe.rule


FOURS = some("10.0.0.1", "10.0.0.2", "10.0.0.30", "192.0.2.7", "192.0.2.9", "198.51.100.1")
SIXES = some("2001:db8::1", "2001:db8::2", "2001:db8::30")
TWENTY = tuple(bytes((10, 1, 0, n)) for n in range(1, 21))


def test_rules_have_names_and_sources() -> None:
    assert len({one.name for one in RULES}) == len(RULES)
    assert all(one.says and one.systems and one.source for one in RULES)


@given(st.permutations(FOURS[:4]), st.permutations(SIXES))
@settings(max_examples=30)
def test_in_any_order(ipv4: list[bytes], ipv6: list[bytes]) -> None:
    """FreeBSD 5.4 and 6.0 sign in the order of configuration."""
    signed = (*ipv4[:3], *ipv6)
    found = search(signed, (*reversed(signed),))
    assert found.recipe is not None
    assert found.recipe.addresses == signed
    assert rule(found) == rule_of(10, ipv4[:3], ipv6).name


def test_the_rules_by_name() -> None:
    own = automatic_link_local(10)
    a, b, c = FOURS[:3]
    x, y = SIXES[:2]
    assert rule(search((a, b, x), (b, a, x))) == SORTED.name
    assert rule(search((b, a, x), (a, b, x))) == CONFIGURED.name
    assert rule(search((a, b, y, x), (a, b, x, y))) == CONFIGURED_IPV6.name
    assert rule(search((a, a, b), (a, b))) == DUPLICATES.name
    assert rule(search((a, x, own), (a, x))) == OWN_LINK_LOCAL.name
    assert rule(search((a, own), (a,))) == OWN_LINK_LOCAL.name, "IPv6 may be on and unused"
    assert rule(search((a, x), (a, x, own))) == NO_LINK_LOCAL.name
    lladdr = bytes.fromhex("02aabbccddee")
    assert rule(search((a, c), (a, c), lladdr=lladdr, macs=(lladdr,))) == LINK_LAYER.name


def test_more_addresses_than_are_permuted() -> None:
    """DragonFly: IPv4 sorted, IPv6 as configured; FreeBSD 5: as given on the command line."""
    signed = (*FOURS, SIXES[2], SIXES[0], SIXES[1])
    assert rule(search(signed, (*FOURS, *SIXES))) == CONFIGURED_IPV6.name
    given = (FOURS[3], FOURS[0], FOURS[5], FOURS[1], FOURS[4], FOURS[2], SIXES[1])
    assert rule(search(given, given)) == CONFIGURED.name
    assert rule(search(given[1:], given)) == CONFIGURED.name


def test_scopes_are_zeroed() -> None:
    """`netstat` of a BSD shows the interface's index in bytes 2 and 3."""
    shown, signed = some("fe80:2::1", "fe80::1")
    assert canonical(shown) == signed
    assert canonical(SIXES[0]) == SIXES[0]
    found = search((FOURS[0], signed), (FOURS[0], shown))
    assert found.recipe is not None
    assert found.recipe.addresses == (FOURS[0], signed)


def test_edges_never_enter() -> None:
    edges = some("0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    found = search(FOURS[:2], (*edges, *FOURS[:2]))
    assert found.recipe is not None
    assert found.recipe.addresses == FOURS[:2]
    assert found.recipe.unsupplied == ()


@pytest.mark.parametrize("vhid", [1, 2, 127, 255])
def test_no_address_at_all(vhid: int) -> None:
    found = explain(sample((), vhid=vhid), Keyring([WORD]), Candidates())
    assert found.recipe is not None
    assert found.recipe.addresses == ()


@given(st.sets(st.sampled_from(TWENTY[:12])), st.sampled_from([WORD, b"", WORD + b"\n"]))
@settings(max_examples=40)
def test_every_subset(signed: set[bytes], word: bytes) -> None:
    chosen = tuple(sorted(signed))
    supplied = TWENTY[:12] if word == WORD else tuple(sorted({*TWENTY[:9], *chosen}))[:9]
    if not signed <= set(supplied):
        return
    found = search(chosen, supplied, word=word)
    assert found.recipe is not None
    assert found.recipe.addresses == chosen


def test_a_subset_of_twenty() -> None:
    found = search(TWENTY[1::2], TWENTY)
    assert found.recipe is not None
    assert found.recipe.addresses == TWENTY[1::2]
    assert not found.limits


def test_few_of_many() -> None:
    many = tuple(bytes((10, 2, 0, n)) for n in range(1, 41))
    for signed in ((many[3], many[17], many[38]), (many[30],), many[:39], many):
        found = search(signed, many)
        assert found.recipe is not None
        assert found.recipe.addresses == signed


def test_one_address_nobody_supplied() -> None:
    strange = binary("192.0.2.123")
    signed = tuple(sorted((*FOURS[:3], strange)))
    found = search(signed, FOURS[:4])
    assert found.recipe is not None
    assert found.recipe.unsupplied == (strange,)
    assert found.recipe.instead == ()
    alone = search((strange,), networks=some("192.0.2.1"))
    assert alone.recipe is not None
    assert alone.recipe.unsupplied == (strange,)


def test_two_addresses_nobody_supplied() -> None:
    strange = some("192.0.2.77", "192.0.2.201")
    found = search(strange, networks=some("192.0.2.1"))
    assert found.recipe is not None
    assert found.recipe.unsupplied == strange


@pytest.mark.parametrize(
    ("meant", "typed"),
    [
        ("192.168.1.51", "192.168.1.15"),
        ("192.168.1.51", "192.186.1.51"),
        ("192.168.1.51", "192.168.11.51"),
        ("192.168.1.51", "192.168.1.5"),
        ("10.1.2.50", "10.2.1.50"),
        ("2001:db8::51", "2001:db8::15"),
        ("2001:db8:1::51", "2001:db8:2::51"),
    ],
)
def test_a_slip_of_the_hand(meant: str, typed: str) -> None:
    right, wrong = binary(meant), binary(typed)
    rest = some("10.0.0.1", "2001:db8::f0")
    found = search(tuple(sorted((*rest, wrong), key=lambda a: (len(a), a))), (*rest, right))
    assert found.recipe is not None
    assert found.recipe.unsupplied == (wrong,)
    assert found.recipe.instead == (right,)


@given(st.binary(min_size=4, max_size=4))
def test_slips_go_both_ways(address: bytes) -> None:
    near = list(slips(address))
    assert address not in near
    assert len(near) == len(set(near))
    assert all(address in set(slips(other)) for other in near[:5])


def test_learned_addresses_count() -> None:
    seen = tuple(bytes((10, 3, 0, n)) for n in range(1, 60))
    assert search((FOURS[0], seen[40]), (FOURS[0],), learned=seen).recipe is not None
    assert search((seen[3], seen[50]), learned=seen).recipe is not None
    assert search(seen[:3], announced=seen[:3], learned=seen).recipe is not None


def test_twenty_byte_keys_and_the_empty_one_are_searched_as_far() -> None:
    long = b"abcdefghijklmnopqrst"
    for word in (long, b""):
        found = search(TWENTY[:13:2], TWENTY[:13], words=(long,), word=word)
        assert found.recipe is not None
        assert found.recipe.key.number == (1 if word else 0)


def test_many_questions_of_few_digests_end_as_one_of_many_does() -> None:
    """Each of many senders is asked about once: putting the sets together costs more than those."""
    effort, keyring = Effort(60_000), Keyring((WORD,))
    asked = 0
    while effort.room:
        counter = asked.to_bytes(8)
        one = Sample(1, counter, bytes(20))
        assert explain(one, keyring, Candidates(()), effort, stages=FIRST).recipe is None
        asked += 1
    assert 50 < asked <= 150
    assert CUT in explain(sample(some("192.0.2.1")), keyring, Candidates(()), effort).limits


def test_a_search_that_fails_says_what_it_left_out() -> None:
    foreign = some("203.0.113.1", "203.0.113.9", "203.0.113.77")
    words = tuple(b"word %d" % n for n in range(12))
    found = explain(sample(foreign), Keyring(words), Candidates(TWENTY), Effort(300_000))
    assert found.recipe is None
    assert found.digests <= 300_000 + 60_000
    assert CUT in found.limits
    again = explain(sample(foreign), Keyring(words), Candidates(TWENTY[:4]), Effort(30_000_000))
    assert again.recipe is None
    assert not again.limits, "nothing was left out"


def test_nothing_is_left_to_do_when_the_effort_is_spent() -> None:
    effort = Effort(0)
    found = explain(sample(FOURS[:1]), Keyring([WORD]), Candidates(FOURS[:1]), effort)
    assert found.recipe is None
    assert found.limits == [CUT]
    effort.refill()
    found = explain(sample(FOURS[:1]), Keyring([WORD]), Candidates(FOURS[:1]), effort)
    assert found.recipe is not None


def test_who_waits_is_told() -> None:
    told: list[tuple[int, int]] = []
    effort = Effort(500_000, lambda done, most: told.append((done, most)))
    explain(sample(some("203.0.113.1")), Keyring([b"other"]), Candidates(TWENTY), effort)
    assert told == sorted(told)
    assert len(told) > 2
    assert {most for _, most in told} == {500_000}


def test_a_glance_is_cheap() -> None:
    found = explain(
        sample(some("203.0.113.1")), Keyring([b"other"]), Candidates(FOURS), stages=FIRST
    )
    assert found.recipe is None
    assert found.digests < 10_000


@given(
    st.lists(st.sampled_from((*FOURS, *SIXES)), max_size=6, unique=True),
    st.binary(min_size=1, max_size=20).filter(lambda word: b"\0" not in word),
    st.integers(1, 255),
)
def test_what_is_found_signs_the_sample(signed: list[bytes], word: bytes, vhid: int) -> None:
    asked = sample(tuple(sorted(signed, key=lambda a: (len(a), a))), word, vhid)
    found = explain(asked, Keyring([b"another", word]), Candidates((*FOURS, *SIXES)))
    assert found.recipe is not None
    assert found.recipe.fits(asked.counter, asked.digest)
    assert found.recipe.address_set == set(signed)
    assert found.recipe.signed[1] == found.recipe.addresses
    assert not found.recipe.fits(bytes(8), asked.digest)


def test_all_orders_of_six() -> None:
    orders = list(itertools.permutations(FOURS))
    for order in orders[:: len(orders) // 12]:
        found = search(order, FOURS)
        assert found.recipe is not None
        assert found.recipe.addresses == order
