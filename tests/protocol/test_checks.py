"""What is refused, and which check says so."""

import pytest

from carpscope.core.units import SECOND
from carpscope.protocol.events import AddressAdded, Drop, Dropped, Received, ReceivedAdvert, State
from carpscope.protocol.node import NEVER, Node
from tests.protocol.bench import COUNTER, KERNELS, VIP6, advert, after, booted, placed

SECONDS_10 = 10 * SECOND
UNICAST = bytes((10, 0, 0, 1))


@pytest.mark.parametrize("impl", [*KERNELS, "ucarp"])
def test_what_is_signed_otherwise_is_refused(impl: str) -> None:
    one = booted(impl)
    stranger = booted(impl, key=b"another")
    _, said = after(one, Received(SECONDS_10, 1, advert(of=stranger)))
    assert [e.drop for e in said if isinstance(e, Dropped)] == [Drop.BAD_AUTH]


@pytest.mark.parametrize(
    ("impl", "change", "drop"),
    [
        ("freebsd13", {"ttl": 254}, Drop.BAD_TTL),
        ("freebsd140", {"ttl": 254}, None),
        ("freebsd14", {"ttl": 254}, Drop.BAD_TTL),
        ("freebsd14", {"ttl": 254, "destination": UNICAST}, Drop.BAD_TTL),
        ("openbsd", {"ttl": 64}, Drop.BAD_TTL),
        ("freebsd13", {"checksum_ok": False}, Drop.BAD_CHECKSUM),
        ("freebsd13", {"version": 3}, Drop.BAD_VERSION),
        ("freebsd13", {"length": 35}, Drop.BAD_LENGTH),
        ("freebsd13", {"destination": UNICAST}, None),
        ("dragonfly", {"destination": UNICAST}, Drop.BAD_INTERFACE),
        ("ucarp", {"destination": UNICAST}, Drop.OTHER_DESTINATION),
        ("freebsd13", {"vhid": 9}, Drop.BAD_VHID),
        ("freebsd13", {"ttl": 254, "length": 35}, Drop.BAD_TTL),
        ("freebsd14", {"checksum_ok": False, "length": 35}, Drop.BAD_LENGTH),
        ("ucarp", {"version": 1, "ttl": 3}, Drop.BAD_TTL),
        ("ucarp", {"version": 3}, Drop.BAD_VERSION),
        ("ucarp", {"vhid": 9}, None),  # logged at debug level only
        ("ucarp", {"destination": UNICAST, "checksum_ok": False}, Drop.OTHER_DESTINATION),
        ("ucarp", {"checksum_ok": False}, Drop.BAD_CHECKSUM),
        ("ucarp", {"length": 35, "ttl": 3}, Drop.BAD_LENGTH),
        ("freebsd15", {"version": 1, "ttl": 3, "destination": UNICAST}, Drop.BAD_VERSION),
        ("netbsd", {"version": 3}, Drop.BAD_VERSION),
        ("netbsd", {"version": 1}, Drop.BAD_VERSION),
        ("openbsd", {"ttl": 256}, Drop.BAD_TTL),
        ("dragonfly", {"destination": UNICAST, "ttl": 3}, Drop.BAD_INTERFACE),
        ("freebsd9", {"checksum_ok": False, "vhid": 9}, Drop.BAD_CHECKSUM),
        ("freebsd9", {"version": 1, "vhid": 9}, Drop.BAD_VHID),
    ],
)
def test_the_first_check_that_fails_names_the_drop(
    impl: str, change: dict[str, int | bool | bytes], drop: Drop | None
) -> None:
    one = booted(impl)
    packet = advert(of=one)._replace(**change)  # type: ignore[arg-type]
    _, said = after(one, Received(SECONDS_10, 1, packet))
    found = [effect.drop for effect in said if isinstance(effect, Dropped)]
    assert found == ([] if drop is None else [drop])


JOINS = ("freebsd6", "netbsd", "netbsd2016", "dragonfly", "openbsd", "openbsd2018", "openbsd2025")


@pytest.mark.parametrize("impl", KERNELS)
def test_an_ipv6_advertisement_where_nothing_joined_its_group(impl: str) -> None:
    """FreeBSD since 8 takes it all the same: 10 and later miss the vhid, 9 does not."""
    one = booted(impl)
    same, said = after(one, Received(SECONDS_10, 1, advert(of=one, family=6)))
    if impl in JOINS:
        assert (same, said) == (one, [])
    elif impl == "freebsd9":
        assert (said, same.vhids[0].md6 != NEVER) == ([], True)
    else:
        assert [e.drop for e in said if isinstance(e, Dropped)] == [Drop.BAD_VHID]


def test_freebsd_10_wants_an_address_of_the_family() -> None:
    one = booted("freebsd13", ipv4=(), ipv6=(VIP6,))
    _, said = after(one, Received(SECONDS_10, 1, advert(of=one)))
    assert [e.drop for e in said if isinstance(e, Dropped)] == [Drop.BAD_VHID]
    old = booted("freebsd9", ipv4=(), ipv6=(VIP6,))
    old, said = after(old, Received(SECONDS_10, 1, advert(of=old)))
    assert said == []
    assert old.vhids[0].md != NEVER


def test_a_family_rearms_its_own_timer_only() -> None:
    one = booted("freebsd13", ipv6=(VIP6,))
    before = one.vhids[0]
    one, _ = after(one, Received(SECOND, 1, advert(of=one)))
    assert one.vhids[0].md > before.md
    assert one.vhids[0].md6 == before.md6
    one, _ = after(one, Received(SECOND, 1, advert(of=one, family=6)))
    assert one.vhids[0].md6 > before.md6


def dropped(one: Node, packet: ReceivedAdvert) -> list[Drop]:
    _, said = after(one, Received(SECONDS_10, 1, packet))
    return [effect.drop for effect in said if isinstance(effect, Dropped)]


def test_a_refusal_says_what_was_refused_and_when() -> None:
    one = booted("freebsd13")
    packet = advert(of=one)._replace(ttl=3)
    same, said = after(one, Received(SECONDS_10, 1, packet))
    assert said == [Dropped(SECONDS_10, Drop.BAD_TTL, packet)]
    assert same == one


@pytest.mark.parametrize("impl", [*KERNELS, "ucarp"])
def test_who_is_off_the_wire_hears_nothing_and_counts_nothing(impl: str) -> None:
    one = placed(impl, State.MASTER)
    for change in ({"link_up": False}, {"interface_up": False}):
        deaf = one._replace(**change)  # type: ignore[arg-type]
        same, said = after(deaf, Received(SECONDS_10, 1, advert(1, 0, of=one)._replace(ttl=3)))
        assert (same, said) == (deaf, [])


def test_one_address_of_ipv6_joins_its_group_for_the_whole_interface() -> None:
    one = placed("netbsd", State.BACKUP, vhids=2)
    assert dropped(one, advert(of=one, family=6)._replace(ttl=3)) == []
    one, _ = after(one, AddressAdded(1, 1, 2, VIP6))
    assert dropped(one, advert(of=one, family=6)._replace(ttl=3)) == [Drop.BAD_TTL]
    assert dropped(one, advert(of=one, family=6)) == []


def test_an_interface_without_a_vhid_is_no_carp_interface() -> None:
    bare = placed("freebsd9", State.BACKUP)
    packet = advert(of=bare)
    assert dropped(bare._replace(vhids=()), packet) == [Drop.BAD_INTERFACE]
    # FreeBSD 10 dropped that test for IPv4: there the vhid is not found
    new = placed("freebsd13", State.BACKUP)
    assert dropped(new._replace(vhids=()), packet) == [Drop.BAD_VHID]


def test_freebsd_10_looks_for_the_family_both_ways() -> None:
    four, six = booted("freebsd13", vhids=2), booted("freebsd13", ipv4=(), ipv6=(VIP6,))
    four, _ = after(four, AddressAdded(1, 1, 2, VIP6))
    assert dropped(four, advert(of=four, family=6)) == [Drop.BAD_VHID]
    assert dropped(six, advert(of=six, family=6)) == []


def test_openbsds_own_counter_is_known_after_its_digest() -> None:
    one = placed("openbsd", State.BACKUP)
    # who never sent has the cookie 0
    assert dropped(one, advert(of=one, counter=bytes(8))) == [Drop.REPLAY]
    assert dropped(one, advert(of=one, counter=bytes(8))._replace(digest=bytes(20))) == [
        Drop.BAD_AUTH
    ]
    one = one.placed(1, State.BACKUP, 7)
    assert dropped(one, advert(of=one, counter=bytes(8))) == []
    assert dropped(one, advert(of=one, counter=bytes(7) + b"\x07")) == [Drop.REPLAY]
    two = placed("freebsd13", State.BACKUP).placed(1, State.BACKUP, 7)
    assert dropped(two, advert(of=two, counter=bytes(7) + b"\x07")) == []


def test_openbsd_takes_either_digest() -> None:
    link_local = bytes.fromhex("fe800000000000000000000000000077")
    one = placed("openbsd", State.BACKUP, ipv6=(link_local,))
    without = placed("openbsd", State.BACKUP)
    assert dropped(one, advert(of=without)) == []
    original = one.vhids[0].setup.secrets.accepts[0].sign(COUNTER)
    assert dropped(one, advert(of=one)._replace(digest=original)) == []
    assert original != one.vhids[0].setup.secrets.sends.sign(COUNTER)


def test_a_vhid_without_an_address_does_not_run() -> None:
    assert dropped(booted("freebsd9", ipv4=()), advert(of=booted("freebsd9"))) == [Drop.BAD_VHID]
    for impl in ("freebsd6", "netbsd", "openbsd", "openbsd2025", "dragonfly"):
        bare = booted(impl, ipv4=())
        assert dropped(bare, advert(of=bare)) == []  # nor has it joined a group


def test_the_words_of_refusals() -> None:
    """As the counters of `netstat -s -p carp` are called, which traces use too."""
    words = {drop.value for drop in Drop}
    assert words == {
        "notallowed", "notjoined", "badttl", "badlen", "badsum", "badver", "badvhid", "badif",
        "badauth", "replay", "ownsource", "otherdest", "othervhid", "notrunning", "notdelivered",
    }  # fmt: skip
    assert Drop.BAD_TTL.value == "badttl"
    assert Drop.BAD_LENGTH.value == "badlen"
    assert Drop.BAD_CHECKSUM.value == "badsum"
    assert Drop.BAD_VERSION.value == "badver"
    assert Drop.BAD_VHID.value == "badvhid"
    assert Drop.BAD_INTERFACE.value == "badif"
    assert Drop.BAD_AUTH.value == "badauth"


def test_which_refusals_nobody_counts() -> None:
    silent = {drop for drop in Drop if drop.is_silent}
    assert silent == {
        Drop.NOT_ALLOWED, Drop.NOT_JOINED, Drop.OWN_SOURCE, Drop.OTHER_VHID, Drop.NOT_RUNNING,
        Drop.NOT_DELIVERED,
    }  # fmt: skip


@pytest.mark.parametrize("addresses", [(), (VIP6,)])
def test_ucarp_hears_nothing_over_ipv6(addresses: tuple[bytes, ...]) -> None:
    """Beside a kernel of both families it must not take the IPv6 half for a master's word."""
    for state in (State.BACKUP, State.MASTER):
        one = placed("ucarp", state, ipv6=addresses, advskew=50)
        for change in ({}, {"digest": bytes(20)}, {"ttl": 3}):
            packet = advert(1, 0, of=one, family=6)._replace(**change)
            assert after(one, Received(SECONDS_10, 1, packet)) == (one, [])
