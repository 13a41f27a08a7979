"""The captures whose cost is told for each advertisement: what is not steady, and what is many.

Each is made at two sizes, so that what grows faster than the capture shows. The times of all are
drawn from a seed, as are lost and late advertisements.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from carpscope.auth.digest import Signer, message
from carpscope.wire.arp import ArpView
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.ip import ipv4

PASSPHRASE = "bench passphrase"
ADDRESS = bytes((10, 0, 0, 100))
"""All sign the same one: nothing has to be searched for."""
SECOND_US = 1_000_000
PERIOD_US = 1_001_000
GROUPS = 50
TERM = 30
"""Advertisements that each of rotating masters sends before the next one's turn."""
Stamped = tuple[int, bytes]
"""Microseconds after the start, and a frame."""


class _Node:
    """One node of a group, which counts its advertisements."""

    def __init__(self, vhid: int, host: int = 1, skew: int = 0, vlan: int = 0) -> None:
        self._vhid, self._host, self._skew = vhid, host, skew
        self._signer = Signer(PASSPHRASE.encode(), message(vhid, [ADDRESS], []))
        self._counter = host << 32
        tag = bytes((0x81, 0)) + vlan.to_bytes(2, "big") if vlan else b""
        self._link = bytes.fromhex("01005e000012") + virtual_mac(vhid) + tag + b"\x08\x00"

    def advert(self, ttl: int = 255, link: bytes | None = None) -> bytes:
        """Announce with the next counter."""
        self._counter += 1
        counter = self._counter.to_bytes(8, "big")
        body = Advert(self._vhid, 1, self._skew, 0, counter, self._signer.sign(counter)).encode()
        ends = bytes((10, 0, self._vhid, self._host)), bytes((224, 0, 0, 18))
        number = self._counter & 0xFFFF
        packet = ipv4(*ends, body, protocol=112, tos=0x10, identification=number, ttl=ttl)
        return (self._link if link is None else link) + packet


def _steady(adverts: int, **how: int) -> Iterator[Stamped]:
    """Give masters whose advertisements are late, lost, or of a TTL that nobody accepts."""
    draw = random.Random(5)
    nodes = [_Node(vhid) for vhid in range(1, GROUPS + 1)]
    late, lost = how.get("late", 0), how.get("lost", 0)
    for turn in range(adverts // GROUPS):
        sent = [
            (turn * PERIOD_US + place * 20_000 + draw.randrange(late + 1), node.advert(ttl))
            for place, node in enumerate(nodes)
            for ttl in (how.get("ttl", 255),)
            if draw.randrange(100) >= lost
        ]
        yield from sorted(sent)


def _cooked(adverts: int) -> Iterator[Stamped]:
    """Give masters as Linux's `any` interface sees them."""
    nodes = [_Node(vhid) for vhid in range(1, GROUPS + 1)]
    for index in range(adverts):
        turn, place = divmod(index, GROUPS)
        link = b"\0\1\0\1\0\6" + virtual_mac(place + 1) + b"\0\0\x08\0"
        yield turn * PERIOD_US + place * 20_000, nodes[place].advert(link=link)


def _split(adverts: int) -> Iterator[Stamped]:
    """Give two masters in each of ten groups, which never yield."""
    nodes = [(_Node(vhid, 1), _Node(vhid, 2, 100)) for vhid in range(1, 11)]
    for index in range(adverts):
        turn, place = divmod(index, 20)
        group, which = divmod(place, 2)
        at = turn * 1_391_000 + group * 50_000 + which * 25_000
        yield at, nodes[group][which].advert()


def _rotating(adverts: int, members: int = 3, term: int = TERM) -> Iterator[Stamped]:
    """Give nodes of one group that are MASTER in turns, each after the one before fell silent."""
    nodes = [_Node(1, host) for host in range(1, members + 1)]
    at = 0
    for index in range(adverts):
        turn, place = divmod(index, term)
        at += PERIOD_US if place or not index else 3 * SECOND_US + 4000
        yield at, nodes[turn % members].advert()


def _vlans(vlans: int, each: int = 20) -> Iterator[Stamped]:
    """Give one master in each of so many VLANs."""
    nodes = [_Node(1, vlan=vlan) for vlan in range(1, vlans + 1)]
    for turn in range(each):
        for place, node in enumerate(nodes):
            yield turn * PERIOD_US + place * 200, node.advert()


def _asked(requests: int, groups: int = 250) -> Iterator[Stamped]:
    """Give ARP requests of two hundred hosts beside so many groups of one segment."""
    draw = random.Random(6)
    nodes = [_Node(vhid) for vhid in range(1, groups + 1)]
    for turn in range(20):
        begin = turn * PERIOD_US
        for place, node in enumerate(nodes):
            yield begin + place * 100, node.advert()
        for index in range(requests // 20):
            host, wanted = draw.randrange(200), draw.randrange(200)
            mac = b"\x02\0\0\0\0" + bytes((host,))
            ends = bytes((10, 0, 0, host)), bytes((10, 0, 0, wanted))
            asked = ArpView(1, mac, ends[0], bytes(6), ends[1], 0).encode()
            at = begin + 30_000 + index * 900_000 * 20 // requests
            yield at, b"\xff" * 6 + mac + b"\x08\x06" + asked


class Shape(NamedTuple):
    """A capture at two sizes."""

    title: str
    make: Callable[[int], Iterator[Stamped]]
    small: int
    large: int
    must: float
    aim: float | None
    """Microseconds of processor time for each of what it is made of."""
    growth: float = 1.1
    """How much more each may cost in the large one."""
    link: int = 1


SHAPES: dict[str, Shape] = {
    "late": Shape("up to 400 ms late", lambda n: _steady(n, late=400_000), 20_000, 80_000, 20, 10),
    "lost": Shape("30 % lost", lambda n: _steady(n * 10 // 7, lost=30), 20_000, 80_000, 20, 10),
    "split": Shape("split brain", _split, 20_000, 80_000, 20, 10),
    "rotating": Shape("three masters in turns", _rotating, 20_000, 80_000, 20, 10),
    "ttl64": Shape("TTL 64", lambda n: _steady(n, ttl=64), 20_000, 80_000, 20, 10),
    "cooked": Shape("cooked", _cooked, 20_000, 80_000, 20, 10, link=113),
    "flapping": Shape("two nodes flapping", lambda n: _rotating(n, 2, 4), 4_000, 16_000, 40, 20),
    "flapping20": Shape("20 nodes flapping", lambda n: _rotating(n, 20, 4), 4_000, 16_000, 40, 20),
    "arp": Shape("ARP beside 250 groups", _asked, 20_000, 80_000, 6, 2),
    "vlans": Shape(
        "VLANs, 20 advertisements each", lambda n: _vlans(n // 20), 5_000, 81_880, 40, None, 1.3
    ),
}
"""By name; `large` has four times what `small` has, but for VLANs: 4,094 against 250."""
