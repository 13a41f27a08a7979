"""A batch to trains and single packets, in order: the reference cutter.

A row joins a train where nothing about it is unusual (`plain_of`), and where it follows the row
before it as those did. Whatever else concerns its group ends a train: another sender of the
group, an advertisement that is not plain, and anything that may turn out to be one.

Nothing is remembered from one batch to the next but what equal bytes mean.
"""

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from carpscope.adverts.train import Plain, RowKind, Train
from carpscope.core.address import GROUP4, GROUP6
from carpscope.core.batch import Batch
from carpscope.core.units import Nanos
from carpscope.wire import link as links
from carpscope.wire.carp import PROTOCOL
from carpscope.wire.links.cooked import SLL, SLL2
from carpscope.wire.links.raw import RAW

Unit = Train | int
"""An int is the index of a packet in its batch."""
Group = tuple[tuple[int, ...], int]

SENDERS_KEPT = 16_384
LOOKED_BACK = 8
"""Rows before, of which a packet may be a copy."""
TAGS_MOST = 2
ETHERNET_SIZE = 14
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_TAGS = frozenset(number.to_bytes(2, "big") for number in links.TAG_TYPES)
_UNFRAGMENTED = frozenset((b"\x40\x00\xff\x70", b"\x00\x00\xff\x70"))
"""With or without Don't Fragment, TTL 255, protocol 112."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_int = int.from_bytes
_NO_IPV4 = bytes(4)
"""In the place of id and header checksum, which IPv6 does not have."""
_HEADERS = {SLL: 16, SLL2: 20, **dict.fromkeys(RAW, 0)}


class Layout(NamedTuple):
    """Where the parts of a plain advertisement lie.

    head              | id | middle        | sum | key                 | tail
    link, IP as       |    | flags, TTL,   |     | source, destination,| checksum, counter,
    far as its length |    | protocol      |     | 6 bytes of CARP     | HMAC

    IPv6 has its flow label, length, next header and hop limit in the head.
    """

    parts: struct.Struct
    version: int
    ip: int
    """Where IP begins."""
    link: int

    @property
    def source(self) -> int:
        """Return how long the source is, with which the key begins."""
        return 4 if self.version == 4 else 16


@cache
def layouts(link: int) -> dict[int, Layout]:
    """Return the layouts of a link type by the length of the frame."""
    if link == links.ETHERNET:
        headers = [14 + 4 * tags for tags in range(TAGS_MOST + 1)]
    elif link in _HEADERS:
        headers = [_HEADERS[link]]
    else:
        return {}
    found = {}
    for size in headers:
        found[size + 56] = Layout(struct.Struct(f"{size + 4}s2s4s2s14s30s"), 4, size, link)
        found[size + 76] = Layout(struct.Struct(f"{size + 8}s0s0s0s38s30s"), 6, size, link)
    return found


class Parts(NamedTuple):
    """A packet of a layout, taken apart; nothing of it was looked at."""

    head: bytes
    identification: bytes
    middle: bytes
    ip_sum: bytes
    key: bytes
    tail: bytes


def parts(batch: Batch, index: int) -> tuple[Layout, Parts] | None:
    """Take a packet apart that may be a plain advertisement."""
    _, _, offset, captured, wire, interface = batch.rows[index]
    layout = layouts(batch.links[interface]).get(captured)
    if layout is None or wire != captured:
        return None
    return layout, Parts._make(layout.parts.unpack_from(batch.data, offset))


class _Sender:
    """Equal bytes, and the train of them that is open."""

    __slots__ = (
        *("add", "at", "copies", "counter", "group", "head", "kind", "layout"),
        *("middle", "plain", "rest", "rows", "seen", "tail"),
    )

    def __init__(self, plain: Plain, layout: Layout, head: bytes, middle: bytes, rest: int) -> None:
        self.plain = plain
        self.group = plain.vlans, plain.vhid
        self.layout, self.head, self.middle = layout, head, middle
        self.rest = rest
        """What the checksum covers beside the tail (2^240 = 1 modulo 65535)."""
        self.seen = False
        """Whether it was met in a train before."""
        self.tail = b""
        self.counter = 0
        self.at: Nanos = 0
        self.begin()

    def begin(self) -> None:
        """Begin another train."""
        self.rows: list[tuple[int, Nanos, int, bytes]] = []
        self.add = self.rows.append
        self.copies: list[tuple[int, int]] = []
        self.kind = RowKind.ONE

    def copied(self, at: Nanos, moving: bytes, window: Nanos) -> int | None:
        """Return the place of the row that this is a copy of, if it is one."""
        rows = self.rows
        for place in range(len(rows) - 1, max(-1, len(rows) - 1 - LOOKED_BACK), -1):
            _, before, _, other = rows[place]
            if not 0 <= at - before <= window:
                return None
            if other == moving:
                return place
        return None


class Cutter:
    """Cuts batches. `longest` bounds trains: with 1 there are none, which is the reference."""

    def __init__(self, window: Nanos, longest: int = 1 << 30) -> None:
        """Take how soon behind a packet its copies come."""
        self._window = window
        self._longest = longest
        self._latest: dict[bytes, _Sender] = {}
        """By source, destination and the beginning of CARP: who came last with these."""
        self._senders: dict[tuple[Layout, int, bytes, bytes, bytes], _Sender | None] = {}
        """By all that does not move: None where it is not plain."""
        self._open: dict[Group, _Sender] = {}
        self._units: list[tuple[int, Unit]] = []

    def cut(self, batch: Batch) -> Sequence[Unit]:
        """Give trains by their first rows, and the indexes of all other packets."""
        if self._longest < 2:
            return range(len(batch))
        units = self._units = []
        data, window, opened, latest = batch.data, self._window, self._open, self._latest
        captures, known = batch.captures, [layouts(link) for link in batch.links]
        same, counts, jumps, one = RowKind.SAME, RowKind.COUNTS, RowKind.JUMPS, RowKind.ONE
        index = -1
        for at, number, offset, captured, wire, interface in batch.rows:
            index += 1
            layout = known[interface].get(captured)
            if layout is None or wire != captured:
                self._loose(batch, index)
                continue
            head, identification, middle, ip_sum, key, tail = layout.parts.unpack_from(data, offset)
            sender: _Sender | None = latest.get(key)
            if (
                sender is None
                or sender.head != head
                or sender.middle != middle
                or sender.layout is not layout
                or captures is not None
            ):
                sender = self._sender(layout, head, middle, key, batch.capture_of(index))
            if sender is None or (_int(tail, "big") + sender.rest) % 65535:
                self._loose(batch, index)
                continue
            moving = (identification + ip_sum or _NO_IPV4) + tail
            before = opened.get(sender.group)
            if before is sender:
                if (
                    -window <= at - sender.at <= window
                    and (place := sender.copied(at, moving, window)) is not None
                ):
                    sender.copies.append((place, index))
                    continue
                if tail == sender.tail:
                    kind = same
                else:
                    counter = _int(tail[2:10], "big")
                    kind = counts if counter == sender.counter + 1 else jumps
                    sender.counter, sender.tail = counter, tail
                if kind is not sender.kind and sender.kind is not one:
                    self._close(batch, sender)
                else:
                    sender.kind = kind
            else:
                if before is not None:
                    self._close(batch, before)
                opened[sender.group] = sender
                sender.counter, sender.tail = _int(tail[2:10], "big"), tail
            sender.add((index, at, number, moving))
            sender.at = at
        self._close_all(batch)
        units.sort(key=_first)
        self._units = []
        return [unit for _, unit in units]

    def _close(self, batch: Batch, sender: _Sender) -> None:
        rows, times, numbers, moving = zip(*sender.rows, strict=True)
        if len(rows) == 1 and not sender.seen and not sender.copies:
            self._units.append((rows[0], rows[0]))  # who comes once costs no train
        else:
            columns = rows, times, numbers, b"".join(moving)
            train = Train(batch, sender.plain, sender.kind, columns, sender.copies)
            self._units.append((rows[0], train))
        sender.seen = True
        sender.begin()

    def _close_all(self, batch: Batch) -> None:
        for sender in self._open.values():
            self._close(batch, sender)
        self._open.clear()

    def _loose(self, batch: Batch, index: int) -> None:
        """Give a packet that is in no train; end those that it may concern."""
        self._units.append((index, index))
        if not self._open:
            return
        concerned = _concerned(batch, index)
        if concerned is None:
            self._close_all(batch)
        elif concerned:
            sender = self._open.pop(concerned, None)
            if sender is not None:
                self._close(batch, sender)

    def _sender(
        self, layout: Layout, head: bytes, middle: bytes, key: bytes, capture: int
    ) -> _Sender | None:
        """Find or make the sender of equal bytes; None where they are not plain."""
        name = layout, capture, head, middle, key
        try:
            found = self._senders[name]
        except KeyError:
            plain = plain_of(layout, head, middle, key, capture)
            found = None
            if plain is not None:
                found = _Sender(plain, layout, head, middle, _int(key[-6:], "big"))
            if len(self._senders) >= SENDERS_KEPT:
                self._senders.clear()  # those of open trains are known by their groups
                self._latest.clear()
            self._senders[name] = found
        if found is not None:
            self._latest[key] = found
        return found


def _first(unit: tuple[int, Unit]) -> int:
    return unit[0]


def plain_of(layout: Layout, head: bytes, middle: bytes, key: bytes, capture: int) -> Plain | None:
    """Say what a plain advertisement says; None where anything about it is unusual."""
    version, vlans, at, link = layout.version, [], layout.ip, layout.link
    place = {SLL: 14, SLL2: 0}.get(link, 12)
    if link == links.ETHERNET:
        while head[place : place + 2] in _TAGS and place + 6 <= at:
            number = _int(head[place + 2 : place + 4], "big") & 0xFFF
            if number:
                vlans.append(number)
            place += 4
        if place + 2 != at:
            return None
    if link not in RAW and head[place : place + 2] != (_IPV4 if version == 4 else _IPV6):
        return None
    ip, carp = head[at:], key[-6:]
    if version == 4:
        source, destination, group = key[:4], key[4:8], GROUP4
        if ip[:1] != b"\x45" or ip[2:4] != b"\0\x38" or middle not in _UNFRAGMENTED:
            return None
        tos, dont_fragment = ip[1], bool(middle[0] & 0x40)
    else:
        source, destination, group = key[:16], key[16:32], GROUP6
        if ip[0] >> 4 != 6 or ip[4:6] != b"\0\x24" or ip[6:8] != bytes((PROTOCOL, 255)):
            return None
        tos, dont_fragment = (ip[0] & 15) << 4 | ip[1] >> 4, False
    first, vhid, advskew, authlen, demote, advbase = carp
    if destination != group or first != 0x21 or authlen != 7 or advbase == advskew == 255:
        return None
    fixed = b"".join((head, middle, key))
    return Plain(
        fixed,
        tuple(vlans),
        vhid,
        version,
        source,
        tos,
        dont_fragment,
        advbase,
        advskew,
        demote,
        capture,
        at,
        _packet_type(link, head),
    )


def _packet_type(link: int, head: bytes) -> int | None:
    if link == SLL:
        return _int(head[:2], "big")
    return head[10] if link == SLL2 else None


def _concerned(batch: Batch, index: int) -> Group | tuple[()] | None:
    """Return whose group a packet that is in no train may be of: () nobody's, None anybody's."""
    data: Any = batch.data
    _, _, start, size, _, interface = batch.rows[index]
    end, link = start + size, batch.links[interface]
    vlans: tuple[int, ...] = ()
    if link == links.ETHERNET:
        if size < ETHERNET_SIZE:
            return ()
        at = start + 12
        kind = bytes(data[at : at + 2])
        while kind in _TAGS and at + 6 <= end:
            number = _int(data[at + 2 : at + 4], "big") & 0xFFF
            vlans += (number,) if number else ()
            at += 4
            kind = bytes(data[at : at + 2])
        at += 2
        if kind in _APART or (kind < b"\x06\x00" and data[at : at + 2] == _SPANNING_TREE):
            return ()
    elif link in _HEADERS:
        at = start + _HEADERS[link]
        if link in RAW:
            kind = _IPV4 if size and data[at] >> 4 == 4 else _IPV6
        else:
            kind = bytes(data[at - 2 : at] if link == SLL else data[start : start + 2])
        if kind in _APART:
            return ()
    else:
        return None
    if kind == _IPV4 and at + 22 <= end and data[at] == 0x45:
        protocol, fragment = data[at + 9], _int(data[at + 6 : at + 8], "big") & 0x3FFF
        if protocol == 2:
            return ()
        if protocol == PROTOCOL and not fragment:
            return () if data[at + 20] >> 4 == 3 else (vlans, data[at + 21])
    elif kind == _IPV6 and at + 42 <= end and data[at] >> 4 == 6:
        if data[at + 6] == 58:
            return ()
        if data[at + 6] == PROTOCOL:
            return () if data[at + 40] >> 4 == 3 else (vlans, data[at + 41])
    return None


_APART = frozenset((b"\x08\x06", b"\x88\xcc"))
"""Of no group: ARP and LLDP."""
_SPANNING_TREE = b"\x42\x42"
"""Behind a length: the service access points of IEEE 802.1D."""
