"""The small decisions, with numbers from the sources."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.protocol import rules
from carpscope.protocol.rules import Comparison
from carpscope.protocol.secret import key_bytes, secret

A1 = bytes((10, 0, 0, 1))
A2 = bytes((10, 0, 0, 2))


@pytest.mark.parametrize(
    ("skew", "usec"),
    [(0, 0), (1, 3906), (2, 7812), (100, 390_625), (240, 937_500), (254, 992_187), (255, 996_093)],
)
def test_skew_in_microseconds(skew: int, usec: int) -> None:
    assert rules.microseconds(skew) == usec


def test_a_negative_skew_is_cut_towards_zero() -> None:
    assert rules.microseconds(-1) == -3906
    assert rules.microseconds(-255) == -996_093


@pytest.mark.parametrize(
    ("rule", "skew", "demotion", "result"),
    [
        (rules.skew_as_configured, 100, 5, 100),
        (rules.skew_when_suppressed, 100, 0, 100),
        (rules.skew_when_suppressed, 100, 1, 240),
        (rules.skew_when_suppressed, 250, 1, 250),
        (rules.skew_when_suppressed, 240, 1, 240),
        (rules.skew_when_suppressed, 239, 3, 240),
        (rules.skew_plus_demotion, 100, 5, 105),
        (rules.skew_plus_demotion_clamped, 100, 5, 105),
        (rules.skew_plus_demotion_clamped, 239, 2, 240),
        (rules.skew_plus_demotion_clamped, 3, -2, 1),
        (rules.skew_plus_demotion, 0, -10, -10),
        (rules.skew_plus_demotion_clamped, 0, -10, 0),
        (rules.skew_plus_demotion, 100, 240, 240),
        (rules.skew_plus_demotion, 254, 0, 240),
        (rules.skew_plus_demotion_clamped, 254, 0, 240),
    ],
)
def test_demoted_skews(rule: rules.SkewRule, skew: int, demotion: int, result: int) -> None:
    assert rule(skew, demotion) == result


@pytest.mark.parametrize(
    ("rule", "base", "skew", "result"),
    [
        (rules.plain_period, 1, 100, 1_390_625),
        (rules.openbsd_period, 0, 0, 3906),
        (rules.openbsd_period, 0, 2, 7812),
        (rules.openbsd_period, 1, 0, 1_000_000),
        (rules.openbsd_master_down, 0, 2, 23_437),
        (rules.openbsd_master_down_2025, 2, 0, 6_000_000),
        (rules.plain_master_down, 1, 100, 3_390_625),
        (rules.plain_master_down, 0, 1, 3906),
        (rules.openbsd_master_down, 1, 100, 3_390_625),
        (rules.openbsd_master_down, 0, 0, 11_718),
        (rules.openbsd_master_down, 0, 1, 11_718),
        (rules.openbsd_master_down_2025, 1, 100, 4_171_875),
    ],
)
def test_periods(rule: rules.PeriodRule, base: int, skew: int, result: int) -> None:
    assert rule(base, skew) == result


def contest(own: int, heard: int, own_demotion: int = 0, heard_demotion: int = 0) -> Comparison:
    return Comparison((1, own), (1, heard), own_demotion, heard_demotion, A1, A2)


@pytest.mark.parametrize(
    ("rule", "own", "heard", "mine", "theirs", "yields"),
    [
        (rules.yields_to_equal, 5, 5, 0, 0, True),
        (rules.yields_to_equal, 4, 5, 0, 0, False),
        (rules.yields_openbsd, 5, 5, 0, 0, True),
        (rules.yields_openbsd, 5, 5, 0, 1, False),
        (rules.yields_openbsd, 4, 5, 1, 0, True),
        (rules.yields_openbsd, 6, 5, 0, 1, False),
        (rules.yields_ucarp, 5, 5, 0, 0, False),
        (rules.yields_ucarp, 6, 5, 0, 0, True),
        (rules.yields_ucarp, 4, 5, 0, 0, False),
        (rules.yields_openbsd, 6, 5, 0, 0, True),
        (rules.yields_openbsd, 6, 5, 1, 1, True),
        (rules.yields_openbsd, 4, 5, 1, 1, False),
        (rules.yields_openbsd, 5, 5, 2, 1, True),
    ],
)
def test_who_yields(
    rule: rules.YieldRule, own: int, heard: int, mine: int, theirs: int, *, yields: bool
) -> None:
    assert rule(contest(own, heard, mine, theirs)) is yields


def test_ucarp_compares_the_last_octet_first() -> None:
    low_but_last = Comparison((1, 0), (1, 0), 0, 0, bytes((9, 0, 0, 10)), bytes((10, 0, 0, 9)))
    assert rules.yields_ucarp(low_but_last)
    assert rules.last_octet_first(low_but_last) < 0
    for octet in range(4):
        own, heard = bytearray(4), bytearray(4)
        heard[octet] = 1
        one = Comparison((1, 0), (1, 0), 0, 0, bytes(own), bytes(heard))
        assert rules.last_octet_first(one) == 1, "every octet counts"
        other = Comparison((1, 0), (1, 0), 0, 0, bytes(heard), bytes(own))
        assert rules.last_octet_first(other) == -1
    same = Comparison((1, 0), (1, 0), 0, 0, A1, A1)
    assert rules.last_octet_first(same) == 0
    assert not rules.yields_ucarp(same)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_no_two_openbsd_masters_ever_both_stay(a: int, b: int, da: int, db: int) -> None:
    one = Comparison((1, a), (1, b), da, db, A1, A2)
    other = Comparison((1, b), (1, a), db, da, A2, A1)
    assert rules.yields_openbsd(one) or rules.yields_openbsd(other)


@given(st.integers(0, 255), st.integers(0, 255))
def test_of_two_ucarps_exactly_one_yields(a: int, b: int) -> None:
    one = Comparison((1, a), (1, b), 0, 0, A1, A2)
    other = Comparison((1, b), (1, a), 0, 0, A2, A1)
    assert rules.yields_ucarp(one) != rules.yields_ucarp(other)


def test_own_link_local() -> None:
    assert rules.own_link_local(0x82).hex() == "fe8000000000000002005efffe000182"


def test_openbsd_sends_without_link_local_and_takes_both() -> None:
    link_local = bytes.fromhex("fe80000000000000000000000000035c")
    v6 = bytes.fromhex("20010db8000000000000000000000001")
    plain = rules.signs_openbsd(b"k", 1, (A1,), (v6,))
    with_it = rules.signs_openbsd(b"k", 1, (A1,), (link_local, v6))
    assert with_it.sends is plain.sends
    assert (len(plain.accepts), len(with_it.accepts)) == (1, 2)
    assert rules.signs_sorted(b"k", 1, (A1,), (v6,)).sends is plain.sends


def test_the_order_of_configuration_matters_to_freebsd_6_alone() -> None:
    assert rules.signs_sorted(b"k", 1, (A2, A1), ()).sends is (
        rules.signs_sorted(b"k", 1, (A1, A2), ()).sends
    )
    assert rules.signs_as_configured(b"k", 1, (A2, A1), ()).sends is not (
        rules.signs_as_configured(b"k", 1, (A1, A2), ()).sends
    )


def test_what_each_signs() -> None:
    """The message before the counter: version and type, vhid, IPv4, IPv6, in each one's order."""
    six, low = (
        bytes.fromhex("20010db8") + bytes(11) + b"\x02",
        bytes.fromhex("20010db8") + bytes(12),
    )
    counter = bytes(8)

    def digest(*addresses: bytes) -> bytes:
        text = b"\x02\x01\x07" + b"".join(addresses) + counter
        return hmac.digest(b"k".ljust(20, b"\0"), text, "sha1")

    given = (b"k", 7, (A2, A1, A2), (six, low))
    assert rules.signs_as_configured(*given).sends.sign(counter) == digest(A2, A1, A2, six, low)
    assert rules.signs_sorted(*given).sends.sign(counter) == digest(A1, A2, low, six)
    assert rules.signs_dragonfly(*given).sends.sign(counter) == digest(A1, A2, A2, six, low)
    assert rules.signs_first_address(*given).sends.sign(counter) == digest(A2)
    for rule in (rules.signs_as_configured, rules.signs_sorted, rules.signs_dragonfly):
        found = rule(*given)
        assert found.accepts == (found.sends,)


def test_what_openbsd_signs_and_takes() -> None:
    own = rules.own_link_local(7)
    six = bytes.fromhex("20010db8") + bytes(12)
    linked = [bytes.fromhex(text) + bytes(12) + b"\x01" for text in ("fe8000", "fe8100", "febf00")]
    beside = bytes.fromhex("fec000") + bytes(13)  # site-local is no link-local
    found = rules.signs_openbsd(b"k", 7, (A1,), (six, *linked, beside, own))
    assert found.sends is rules.signs_sorted(b"k", 7, (A1,), (six, beside)).sends
    whole = rules.signs_sorted(b"k", 7, (A1,), (six, *linked, beside, own)).sends
    assert found.accepts == (whole, found.sends)
    four = rules.signs_openbsd(b"k", 7, (A1,), ())
    assert four.accepts == (four.sends,)


def test_a_secret_is_one_and_forgets_no_counter() -> None:
    one = secret(b"k", b"m")
    assert one is secret(b"k", b"m")
    first = one.sign(bytes(8))
    assert one.sign(b"\1" * 8) != first
    assert one.sign(bytes(8)) == first
    assert key_bytes("äbcdefghijklmnopqrstuvwxyz") == "äbcdefghijklmnopqr".encode()
    assert len(key_bytes("x" * 30)) == 19
