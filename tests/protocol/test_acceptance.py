"""Which packet which implementation takes, and what it calls the one it does not take.

The packets are bytes; what is expected is written by hand from the order of the checks in
each source. `ok` is accepted, `-` is dropped without a counter. docs/implementations.md has
the same table, computed; this one is what it is held against.
"""

from dataclasses import replace

import pytest

from carpscope.core.frame import Frame
from carpscope.protocol.arrival import arrived
from carpscope.protocol.events import Dropped, Received, State
from carpscope.protocol.machine import step
from carpscope.protocol.profile import profiles
from carpscope.wire.decode import decode
from tests.protocol.bench import KEY, placed
from tests.protocol.crafted import VIP, VIP6, Crafted

ALL = sorted(profiles())
FREEBSD_OLD = "freebsd6 freebsd9"
PEERS = "freebsd140 freebsd14 freebsd15"
NETBSD = "netbsd netbsd2016"
OPENBSD = "openbsd openbsd2018 openbsd2025"
IPV4_ONLY = "dragonfly ucarp"

OVER_IPV4: list[tuple[str, Crafted, dict[str, str]]] = [
    ("an advertisement", Crafted(), {"*": "ok"}),
    ("its type is 15", Crafted(kind=15), {"*": "ok"}),
    ("its authlen is 5", Crafted(authlen=5), {"*": "ok"}),
    ("TTL 254", Crafted(ttl=254), {"*": "badttl", "freebsd140 freebsd15": "ok"}),
    ("TTL 0", Crafted(ttl=0), {"*": "badttl", "freebsd140 freebsd15": "ok"}),
    ("7 bytes", Crafted(length=7), {"*": "badlen"}),
    ("20 bytes", Crafted(length=20), {"*": "badlen"}),
    ("35 bytes", Crafted(length=35), {"*": "badlen"}),
    ("4 bytes more", Crafted(length=40), {"*": "ok", "freebsd15": "badsum"}),
    ("an odd byte more", Crafted(length=37), {"*": "ok", "freebsd15": "badsum"}),
    ("4 zeros more", Crafted(length=40, filler=0), {"*": "ok"}),
    ("wrong checksum", Crafted(checksum_wrong=True), {"*": "badsum"}),
    ("version 1", Crafted(version=1), {"*": "badver"}),
    ("version 3", Crafted(version=3), {"*": "badver"}),
    ("version 3, 12 bytes", Crafted(version=3, length=12), {"*": "badlen", "freebsd15": "badver"}),
    ("version 1, 12 bytes", Crafted(version=1, length=12), {"*": "badlen", "freebsd15": "badver"}),
    (
        "version 1, wrong checksum",
        Crafted(version=1, checksum_wrong=True),
        {"*": "badsum", "freebsd15 ucarp": "badver"},
    ),
    (
        "version 3, wrong checksum",
        Crafted(version=3, checksum_wrong=True),
        {"*": "badsum", "freebsd15 ucarp": "badver"},
    ),
    (
        "version 1, TTL 254",
        Crafted(version=1, ttl=254),
        {"*": "badttl", PEERS: "badver"},
    ),
    ("another vhid", Crafted(vhid=9), {"*": "badvhid", "dragonfly ucarp": "-"}),
    (
        "another vhid, TTL 254",
        Crafted(vhid=9, ttl=254),
        {"*": "badttl", PEERS: "badvhid"},
    ),
    (
        "another vhid, version 1",
        Crafted(vhid=9, version=1),
        {"*": "badvhid", "freebsd15 ucarp": "badver", "dragonfly": "-"},
    ),
    (
        "another vhid, version 3",
        Crafted(vhid=9, version=3),
        {"*": "badvhid", "ucarp": "badver", "dragonfly": "-"},
    ),
    (
        "another vhid, wrong checksum",
        Crafted(vhid=9, checksum_wrong=True),
        {"*": "badsum", "ucarp": "-"},
    ),
    ("another vhid, 35 bytes", Crafted(vhid=9, length=35), {"*": "badlen"}),
    (
        "vhid 0 from the virtual address",
        Crafted(vhid=0, from_vip=True),
        {"*": "badvhid", f"freebsd13 {PEERS}": "badif", "dragonfly ucarp": "-"},
    ),
    (
        "vhid 0 from the node's own address",
        Crafted(vhid=0, from_node=True),
        {"*": "badvhid", f"freebsd13 {PEERS}": "badif", "dragonfly ucarp": "-"},
    ),
    ("vhid 0", Crafted(vhid=0), {"*": "badvhid", "dragonfly ucarp": "-"}),
    ("wrong HMAC", Crafted(digest_wrong=True), {"*": "badauth"}),
    (
        "wrong HMAC, TTL 254",
        Crafted(digest_wrong=True, ttl=254),
        {"*": "badttl", "freebsd140 freebsd15": "badauth"},
    ),
    (
        "wrong HMAC, 4 bytes more",
        Crafted(digest_wrong=True, length=40),
        {"*": "badauth", "freebsd15": "badsum"},
    ),
    (
        "wrong HMAC and checksum",
        Crafted(digest_wrong=True, checksum_wrong=True),
        {"*": "badsum"},
    ),
    (
        "TTL 254, 35 bytes",
        Crafted(ttl=254, length=35),
        {"*": "badttl", PEERS: "badlen", "ucarp": "badlen"},
    ),
    (
        "TTL 254, wrong checksum",
        Crafted(ttl=254, checksum_wrong=True),
        {"*": "badttl", PEERS: "badsum"},
    ),
    (
        "sent to the node itself",
        Crafted(unicast=True),
        {"*": "ok", OPENBSD: "badvhid", "dragonfly": "badif", "ucarp": "otherdest"},
    ),
    (
        "sent to the node itself, TTL 254",
        Crafted(unicast=True, ttl=254),
        {"*": "badttl", "freebsd140 freebsd15": "ok", "dragonfly": "badif"},
    ),
    (
        "sent to the node itself, wrong checksum",
        Crafted(unicast=True, checksum_wrong=True),
        {"*": "badsum", "dragonfly": "badif", "ucarp": "otherdest"},
    ),
    (
        "sent to the node itself, wrong HMAC",
        Crafted(unicast=True, digest_wrong=True),
        {"*": "badauth", OPENBSD: "badvhid", "dragonfly": "badif", "ucarp": "otherdest"},
    ),
    ("IPv4 options", Crafted(options=b"\x01\x01\x01\x00"), {"*": "ok"}),
    ("a fragment", Crafted(more_fragments=True), {"*": "-", "ucarp": "ok"}),
    ("wrong sum of the IPv4 header", Crafted(header_sum_wrong=True), {"*": "-", "ucarp": "badsum"}),
    (
        "two wrong sums that cancel each other",
        Crafted(header_sum=3),
        {"*": "-", "ucarp": "ok"},
    ),
]
OVER_IPV6: list[tuple[str, Crafted, dict[str, str]]] = [
    ("an advertisement", Crafted(6), {"*": "ok"}),
    ("hop limit 254", Crafted(6, ttl=254), {"*": "badttl"}),
    ("35 bytes", Crafted(6, length=35), {"*": "badlen"}),
    ("4 bytes more", Crafted(6, length=40), {"*": "ok"}),
    ("wrong checksum", Crafted(6, checksum_wrong=True), {"*": "badsum"}),
    ("version 1", Crafted(6, version=1), {"*": "badver"}),
    (
        "version 3, 12 bytes",
        Crafted(6, version=3, length=12),
        {"*": "badlen", "freebsd15": "badver"},
    ),
    (
        "version 1, wrong checksum",
        Crafted(6, version=1, checksum_wrong=True),
        {"*": "badsum", "freebsd15": "badver"},
    ),
    ("version 1, hop limit 254", Crafted(6, version=1, ttl=254), {"*": "badttl", PEERS: "badver"}),
    ("another vhid", Crafted(6, vhid=9), {"*": "badvhid"}),
    ("another vhid, hop limit 254", Crafted(6, vhid=9, ttl=254), {"*": "badttl", PEERS: "badvhid"}),
    (
        "vhid 0 from the virtual address",
        Crafted(6, vhid=0, from_vip=True),
        {"*": "badvhid", f"freebsd13 {PEERS}": "badif"},
    ),
    ("wrong HMAC", Crafted(6, digest_wrong=True), {"*": "badauth"}),
    ("wrong HMAC, hop limit 254", Crafted(6, digest_wrong=True, ttl=254), {"*": "badttl"}),
    (
        "vhid 0 from the node's own address",
        Crafted(6, vhid=0, from_node=True),
        {"*": "badvhid", f"freebsd13 {PEERS}": "badif"},
    ),
    (
        "behind an extension header",
        Crafted(6, extension=b"\x70\0\1\4\0\0\0\0"),
        {"*": "ok", "freebsd15": "badvhid"},
    ),
    ("sent to the node itself", Crafted(6, unicast=True), {"*": "ok", OPENBSD: "badif"}),
    (
        "sent to the node itself, hop limit 254",
        Crafted(6, unicast=True, ttl=254),
        {"*": "badttl", OPENBSD: "badif"},
    ),
]


def verdict(impl: str, crafted: Crafted, **options: object) -> str:
    """Put a packet to a node with one vhid; name what becomes of it."""
    alone = impl in IPV4_ONLY.split()
    options = {"ipv6": () if alone else (VIP6,), "key": KEY} | options
    one = placed(impl, State.BACKUP, **options)
    frame = crafted.frame()
    packet = decode(Frame(1, 0, 1, frame, len(frame)))
    assert packet.ip is not None
    after, said = step(one, Received(10**10, 1, arrived(packet.ip, frame)))
    drops = {effect.drop.value for effect in said if isinstance(effect, Dropped)}
    assert len(drops) <= 1
    accepted = after.vhids[0].md != one.vhids[0].md or after.vhids[0].md6 != one.vhids[0].md6
    return drops.pop() if drops else "ok" if accepted else "-"


def expected(impl: str, row: dict[str, str]) -> str:
    for names, word in row.items():
        if impl in names.split():
            return word
    return row["*"]


def signed_for(impl: str, crafted: Crafted) -> Crafted:
    """Let it be signed over the addresses that the receiver has."""
    return replace(crafted, addresses=(VIP,)) if impl in IPV4_ONLY.split() else crafted


@pytest.mark.parametrize("impl", ALL)
def test_over_ipv4(impl: str) -> None:
    for name, crafted, row in OVER_IPV4:
        assert verdict(impl, signed_for(impl, crafted)) == expected(impl, row), name


@pytest.mark.parametrize("impl", ALL)
def test_over_ipv6(impl: str) -> None:
    for name, crafted, row in OVER_IPV6:
        wanted = "-" if impl in IPV4_ONLY.split() else expected(impl, row)
        assert verdict(impl, signed_for(impl, crafted)) == wanted, name


PEER = bytes((10, 0, 0, 9))
PEER_230 = bytes((10, 0, 0, 230))


@pytest.mark.parametrize(
    ("impl", "peer", "crafted", "word"),
    [
        # FreeBSD asks for 255 where the vhid itself sends to a group, whatever arrives
        ("freebsd14", PEER, Crafted(unicast=True, ttl=254), "ok"),
        ("freebsd14", PEER, Crafted(ttl=254), "ok"),
        ("freebsd14", PEER_230, Crafted(unicast=True, ttl=254), "ok"),
        ("freebsd140", PEER, Crafted(unicast=True, ttl=254), "ok"),
        ("freebsd15", PEER, Crafted(unicast=True, ttl=254), "ok"),
        # the octets are read the wrong way round: 230.0.0.10 is a group
        ("freebsd140", PEER_230, Crafted(unicast=True, ttl=254), "badttl"),
        ("freebsd15", PEER_230, Crafted(unicast=True, ttl=254), "badttl"),
        ("freebsd15", PEER_230, Crafted(unicast=True), "ok"),
        # OpenBSD: what it was sent to must be of the kind it sends to itself
        ("openbsd", PEER, Crafted(unicast=True), "ok"),
        ("openbsd", PEER, Crafted(), "badvhid"),
        ("openbsd2025", PEER, Crafted(unicast=True), "ok"),
        ("openbsd2025", PEER, Crafted(unicast=True, ttl=254), "badttl"),
        ("openbsd2025", PEER, Crafted(), "-"),  # its interface is not in the group
        ("openbsd2025", PEER, Crafted(6), "ok"),  # which IPv6 always is
        ("ucarp", PEER, Crafted(), "otherdest"),
        ("ucarp", bytes((10, 0, 0, 1)), Crafted(unicast=True), "ok"),
    ],
)
def test_where_the_vhid_sends_to_a_peer(
    impl: str, peer: bytes, crafted: Crafted, word: str
) -> None:
    assert verdict(impl, signed_for(impl, crafted), peer=peer) == word


def test_freebsd_asks_for_the_hop_limit_only_with_the_group_of_ipv6() -> None:
    far = Crafted(6, unicast=True, ttl=64)
    for impl in PEERS.split():
        assert verdict(impl, far) == "badttl"
        assert verdict(impl, far, peer6=bytes.fromhex("fe80") + bytes(13) + b"\x09") == "ok"


@pytest.mark.parametrize("impl", ALL)
def test_an_ipv6_advertisement_at_a_node_with_ipv4_only(impl: str) -> None:
    """FreeBSD since 8 needs no membership; 10 and later miss the family, before the HMAC."""
    takes = {"freebsd9": "ok"} | dict.fromkeys(("freebsd13", "pfsense", *PEERS.split()), "badvhid")
    alone = Crafted(6, addresses=(VIP,))
    assert verdict(impl, alone, ipv6=()) == takes.get(impl, "-")


@pytest.mark.parametrize("impl", ALL)
def test_an_ipv4_advertisement_at_a_node_with_ipv6_only(impl: str) -> None:
    """A carp interface is not in 224.0.0.18 then; FreeBSD since 8 does not ask, 10 misses it."""
    if impl in IPV4_ONLY.split():
        return
    words = dict.fromkeys(("freebsd13", "pfsense", *PEERS.split()), "badvhid")
    words["freebsd9"] = "ok"
    assert verdict(impl, Crafted(addresses=(VIP6,)), ipv4=()) == words.get(impl, "-")


def test_the_bytes_of_the_packets_are_those_of_a_real_one() -> None:
    """A frame of FreeBSD 12 as the protocol notes give it, made here from its values."""
    vip = bytes((192, 168, 1, 50))
    counter = bytes.fromhex("8aea8d84a16a46ee")
    made = Crafted(addresses=(vip,), counter=counter, key=b"randompass").payload()
    real = "21010007000104bd8aea8d84a16a46eefb7f7879a6498338bee8bdf427c2b3c3a3c23fd0"
    assert made == bytes.fromhex(real)
