"""Rules by their names, addresses as they are signed, and slips of the hand."""

import math

import pytest

from carpscope.auth import sets, stages
from carpscope.auth.effort import RUN_DIGESTS, SEARCH_DIGESTS
from carpscope.auth.keyring import CandidateKey
from carpscope.auth.recipes import (
    CONFIGURED,
    CONFIGURED_IPV6,
    DUPLICATES,
    LINK_LAYER,
    NO_LINK_LOCAL,
    OWN_LINK_LOCAL,
    RULES,
    SORTED,
    Recipe,
    SigningRule,
    automatic_link_local,
    canonical,
    in_order,
    recipe,
    rule_of,
)
from carpscope.auth.typing_mistakes import slips
from carpscope.core.address import ip_text, parse_ip

A, B = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
SIX, SEVEN = (bytes.fromhex("20010db8") + bytes(11) + bytes((n,)) for n in (6, 7))
LINK, LOCAL = (b"\xfe\x80" + bytes(13) + bytes((n,)) for n in (1, 2))
OWN = automatic_link_local(1)


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "left_out", "rule"),
    [
        ([A, B], [SIX, SEVEN], [], SORTED),
        ([B, A], [SIX, SEVEN], [], CONFIGURED),
        ([B, A], [SEVEN, SIX], [], CONFIGURED),
        ([A, B], [SEVEN, SIX], [], CONFIGURED_IPV6),
        ([A, A], [], [], DUPLICATES),
        ([A], [SIX, OWN], [], OWN_LINK_LOCAL),
        ([A], [SIX], [LINK], NO_LINK_LOCAL),
        ([A], [SIX], [LINK, LOCAL], NO_LINK_LOCAL),
        ([A], [], [LINK], NO_LINK_LOCAL),
        ([A], [SIX], [LINK, B], SORTED),
        ([A], [SIX], [B], SORTED),
        ([A], [SIX, LOCAL], [LINK], SORTED),
        ([A], [LOCAL], [LINK], SORTED),
    ],
)
def test_the_commonest_rule_that_gives_this_order(
    ipv4: list[bytes], ipv6: list[bytes], left_out: list[bytes], rule: SigningRule
) -> None:
    assert rule_of(1, ipv4, ipv6, left_out=left_out) is rule
    assert rule_of(1, ipv4, ipv6, b"\2\0\0\0\0\1", left_out) is LINK_LAYER


@pytest.mark.parametrize(
    ("given", "signed"),
    [
        ("fe800003", "fe800000"),
        ("febf0003", "febf0000"),
        ("ff010003", "ff010000"),
        ("ff020003", "ff020000"),
        ("ff030003", "ff030003"),
        ("ff120003", "ff120003"),
        ("fec00003", "fec00003"),
        ("20010db8", "20010db8"),
    ],
)
def test_a_scope_is_no_part_of_an_address(given: str, signed: str) -> None:
    rest = bytes(11) + b"\1"
    assert canonical(bytes.fromhex(given) + rest) == bytes.fromhex(signed) + rest


def test_of_ipv4_nothing_is_taken_for_a_scope() -> None:
    for first in (b"\xfe\x80", b"\xff\x02"):
        assert canonical(first + b"\3\4") == first + b"\3\4"


def test_zeros_behind_a_key_make_no_other_way_of_signing() -> None:
    plain, padded = (
        recipe(1, CandidateKey(1, "as given", word), (B, SIX, A)) for word in (b"k", b"k\0\0")
    )
    assert plain.signed == padded.signed == (b"k", (B, A, SIX), b"")
    assert plain.address_set == {A, B, SIX}
    assert plain.rule == CONFIGURED.name
    counter = bytes(8)
    assert padded.fits(counter, plain.signer.sign(counter))


def test_recipes_are_equal_by_what_they_sign_and_print_no_key() -> None:
    key = CandidateKey(1, "as given", b"not to be seen")
    one, same = recipe(1, key, (A, B)), recipe(1, key, (A, B))
    assert one == same
    assert len({one, same}) == 1
    others = [
        recipe(2, key, (A, B)),
        recipe(1, key, (B, A)),
        recipe(1, key, (A,)),
        recipe(1, CandidateKey(1, "as given", b"another"), (A, B)),
        recipe(1, key, (A, B), b"\2\0\0\0\0\1"),
    ]
    assert all(one != other for other in others)
    assert len({one, *others}) == 6
    assert one.__eq__(5) is NotImplemented
    assert "vhid 1" in repr(one)
    assert "not to be seen" not in repr(one)


def test_the_order_in_which_nearly_everybody_signs() -> None:
    assert in_order([SEVEN, B, SIX, A, B]) == (A, B, SIX, SEVEN)


def near(text: str) -> set[str]:
    return {ip_text(found) for found in slips(parse_ip(text, where=""))}


def test_slips_of_a_short_address() -> None:
    """One key too many, too few, another, two swapped, two numbers swapped."""
    found = near("1.2.3.45")
    assert {"1.2.3.54", "2.1.3.45", "1.3.2.45", "1.2.45.3"} <= found
    assert {"1.2.3.4", "1.2.3.5", "1.2.3.145", "1.2.3.44", "1.2.3.46", "1.2.3.95"} <= found
    assert {"11.2.3.45", "12.2.3.45", "91.2.3.45", "1.2.3.245", "1.2.35.45"} <= found
    assert "1.2.3.45" not in found
    assert "1.2.3.451" not in found, "no such number"
    assert "1.2.3.67" not in found
    assert "4.2.3.15" not in found, "two that are not neighbours"
    assert "1.2.3.450" not in found


def test_a_key_more_at_either_end() -> None:
    found = near("10.0.0.1")
    assert {f"10.0.0.1{digit}" for digit in range(10)} <= found
    assert {"110.0.0.1", "210.0.0.1", "10.0.0.91"} <= found


def test_slips_of_a_long_address() -> None:
    found = near("2001:db8::51")
    assert {"2001:db8::15", "2001:db8::5", "2001:db8::1", "2001:db8::5f", "2001:db8::51a"} <= found
    assert {"2001:bd8::51", "db8:2001::51", "2001:db8:0:51::", "2001:db8::f51"} & found
    assert all(":" in text for text in found)


def test_what_rules_are_called_in_documents() -> None:
    assert [rule.name for rule in RULES] == [
        "sorted",
        "sorted, with its own link-local address",
        "sorted, without link-local addresses",
        "configured order",
        "IPv6 in configured order",
        "sorted, duplicates kept",
        "sorted, after the link-layer address set by hand",
    ]
    assert {rule.name for rule in RULES if rule.systems == "DragonFly"} == {
        CONFIGURED_IPV6.name,
        DUPLICATES.name,
    }


def test_a_recipe_has_no_link_layer_address_of_itself() -> None:
    key = CandidateKey(1, "as given", b"k")
    made = recipe(1, key, (A,))
    bare = Recipe(1, key, (A,), signer=made.signer)
    assert (made.lladdr, bare.lladdr, bare.rule) == (b"", b"", "sorted")
    assert (bare.unsupplied, bare.instead) == ((), ())


def test_bounds_that_are_told_in_words() -> None:
    assert SEARCH_DIGESTS == 4 * 2**stages.SUBSET_LIMIT, "every subset of 20 under four keys"
    assert sum(math.perm(sets.PERMUTATION_LIMIT, n) for n in range(7)) == 1957
    assert sum(math.perm(stages.ORDERED_LIMIT, n) for n in range(9)) == 109_601
    assert RUN_DIGESTS > 2 * SEARCH_DIGESTS, "one search does not take all of a run"
