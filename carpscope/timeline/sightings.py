"""The frames of each of several captures, in a form small enough to compare whole captures.

A frame that was captured in two places has the same bytes, except those that change on the way
(TTL, type of service) and those that the sender's card fills in after the capture point
(checksums). A hash of the other header bytes and the beginning of the payload is the frame's key.
All advertisements, ARP, neighbour discovery and VRRP packets are kept; of other traffic a sample,
chosen by the key, so that all captures keep the same frames.
"""

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from carpscope.core.address import card_of, is_shared
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import timers
from carpscope.timeline.copies import COPY_WINDOW
from carpscope.wire.arp import SIZE as ARP_SIZE
from carpscope.wire.arp import ArpView
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet
from carpscope.wire.icmp6 import NeighbourView
from carpscope.wire.igmp import MembershipView
from carpscope.wire.link import LinkView, Tag

ANCHORS_KEPT = 1 << 15
"""Frames of other traffic that a capture keeps; more do not make a clock more precise."""
BESIDE_KEPT = 1 << 20
"""Frames of ARP, neighbour discovery and VRRP that are kept; a flood must not fill memory."""
NAMES_KEPT = 1 << 16
PAIRING = 4
"""IPv4 advertisements kept of a vhid, to pair the IPv6 one that follows."""
FACELESS = 1 << 63
"""Bit of a key: the sender repeats the same bytes, so equal keys may be different frames."""
_SAID4, _SAID6, _SAID = 20, 24, 46
"""Payload bytes in a key. After an IPv4 or IPv6 header: a TCP header, or a CARP header with counter
and the beginning of the HMAC; of other Ethernet frames the shortest payload."""
_CHECKSUM = {1: 2, 2: 2, 6: 16, 17: 6, 58: 2, 112: 6}
"""By IP protocol: where its payload has a checksum."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of an advertisement: its vhid and source address."""

    vhid: int
    source: bytes


@dataclass(slots=True)
class Column:
    """Frames of one capture in the order of their numbers."""

    at: "array[int]" = field(default_factory=lambda: array("q"))
    number: "array[int]" = field(default_factory=lambda: array("q"))
    key: "array[int]" = field(default_factory=lambda: array("Q"))
    host: "array[int]" = field(default_factory=lambda: array("i"))
    """The host that sent the frame: an index of `Names`, -1 where unknown."""
    sender: "array[int]" = field(default_factory=lambda: array("i"))
    """For an advertisement the index of its `Sender`, else -1."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.at)

    def add(self, at: Nanos, number: int, key: int, host: int, sender: int) -> None:
        """Append one frame; times outside 64 bits are cut to the limits."""
        self.at.append(min(max(at, -(1 << 62)), 1 << 62))
        self.number.append(number)
        self.key.append(key)
        self.host.append(host)
        self.sender.append(sender)

    def thinned(self, mask: int) -> "Column":
        """Return the frames whose keys have none of the bits of `mask`."""
        kept = Column()
        for place, key in enumerate(self.key):
            if not key & mask:
                kept.add(
                    self.at[place],
                    self.number[place],
                    key,
                    self.host[place],
                    self.sender[place],
                )
        return kept


class Tagged(NamedTuple):
    """VLAN tags and tunnel numbers of a frame: one capture shows tags that another does not."""

    tags: tuple[Tag, ...]
    networks: tuple[int, ...]

    @property
    def segment(self) -> tuple[int, ...]:
        """Return the numbers that identify the segment."""
        return self.networks + tuple(tag.vid for tag in self.tags if tag.vid)


@dataclass(slots=True)
class Sightings:
    """The frames of one capture."""

    packets: Column = field(default_factory=Column)
    """Advertisements, ARP, neighbour discovery and VRRP."""
    anchors: Column = field(default_factory=Column)
    """A sample of the rest."""
    mask: int = 0
    """Keys with any of these bits are left out of `anchors`."""
    first: Nanos | None = None
    last: Nanos | None = None
    unicast: set[bytes] | None = None
    """The MACs that all unicast frames have in common; None before the first."""
    segments: dict[int, "Tagged | None"] = field(default_factory=dict)
    """By key the tags of a frame in this capture; None where it came with different tags."""
    outgoing: set[int] = field(default_factory=set)
    """Hosts whose frames the capture marks as sent by the capturing host (Linux cooked)."""

    def lives(self, at: Nanos) -> None:
        """Note that the capture recorded something."""
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)


class Names:
    """Numbers of hosts, by the MAC of a card or by the source address of advertisements.

    All members of a group share a virtual MAC, so the host of an advertisement is its source
    address; where other frames show the card of that address, both numbers are one host.
    """

    def __init__(self) -> None:
        """Know of none."""
        self._index: dict[bytes, int] = {}
        self._advertises: set[int] = set()
        self._joined: dict[int, set[int]] = {}

    def of(self, name: bytes) -> int:
        """Return the number of a name; -1 where there are too many."""
        if name not in self._index and len(self._index) >= NAMES_KEPT:
            return -1
        return self._index.setdefault(name, len(self._index))

    def advertises(self, index: int) -> None:
        """Note that an address advertises."""
        self._advertises.add(index)

    def join(self, address: int, mac: int) -> None:
        """Note that a frame shows the card of an address."""
        if address >= 0 and mac >= 0:
            self._joined.setdefault(address, set()).add(mac)

    def hosts(self) -> list[int]:
        """Return the host of every number: the lowest number of that host."""
        found = list(range(len(self._index)))

        def root(index: int) -> int:
            while found[index] != index:
                index = found[index]
            return index

        for address in sorted(self._advertises):
            cards = self._joined.get(address, set())
            if len(cards) != 1:
                continue  # an address that two cards speak for belongs to neither for certain
            one, other = sorted((root(address), root(next(iter(cards)))))
            found[other] = one
        return [root(index) for index in range(len(found))]

    def addresses(self) -> dict[int, list[bytes]]:
        """Return the addresses that advertise, by host."""
        hosts = self.hosts()
        found: dict[int, list[bytes]] = {}
        for name, index in self._index.items():
            if index in self._advertises:
                found.setdefault(hosts[index], []).append(name[1:])
        return found

    def macs(self) -> dict[bytes, int]:
        """Return the host of every card."""
        hosts = self.hosts()
        return {name[1:]: hosts[index] for name, index in self._index.items() if name[:1] == b"m"}


class PlaceRecorder:
    """Records the packets of every capture, each capture in its own order."""

    def __init__(self, captures: int) -> None:
        """Prepare for `captures` captures."""
        self.seen = [Sightings() for _ in range(captures)]
        self.senders: list[Sender] = []
        self.names = Names()
        self._senders: dict[Sender, int] = {}
        self._ipv4: dict[tuple[int, int], list[tuple[Nanos, bytes, int]]] = {}
        """By capture and vhid, the latest IPv4 advertisements: time, shape and name."""

    def see(self, packet: Packet) -> None:
        """Take one packet."""
        frame, link = packet.frame, packet.link
        seen = self.seen[frame.capture]
        seen.lives(frame.at)
        if link is None or (key := key_of(packet)) is None:
            return
        host, sender = self._whose(packet, link)
        _note_own(seen, link, host)
        if packet.body is not None and len(seen.segments) < BESIDE_KEPT:
            tagged = Tagged(link.tags, link.networks)
            before = seen.segments.setdefault(key, tagged)
            if before is not None and before.segment != tagged.segment:
                seen.segments[key] = None
        if packet.body is not None and (sender >= 0 or len(seen.packets) < BESIDE_KEPT):
            seen.packets.add(frame.at, frame.number, key, host, sender)
        elif packet.body is None and not key & seen.mask:
            seen.anchors.add(frame.at, frame.number, key, host, -1)
            if len(seen.anchors) > ANCHORS_KEPT:
                seen.mask = seen.mask << 1 | 1
                seen.anchors = seen.anchors.thinned(seen.mask)

    def _whose(self, packet: Packet, link: LinkView) -> tuple[int, int]:
        """Return (host, sender) of a frame as numbers; -1 where unknown or no advertisement."""
        mac = link.source
        card = -1 if mac is None or is_shared(mac) else self.names.of(b"m" + mac)
        ip = packet.ip
        if isinstance(packet.body, ArpView) and mac == packet.body.sender_mac:
            self.names.join(self.names.of(b"i" + packet.body.sender_ip), card)
        if ip is None:
            return card, -1
        if not isinstance(packet.body, AdvertView):
            if is_local_multicast(ip.destination):  # no router passes these on
                self.names.join(self.names.of(b"i" + ip.source), card)
            return card, -1
        index = self.names.of(b"i" + ip.source)
        self.names.advertises(index)
        self.names.join(index, card)
        if (own := card_of(ip.source)) is not None:
            self.names.join(index, self.names.of(b"m" + own))
            self._pair(packet.frame, packet.body, own)
        elif ip.version == 4:
            latest = self._ipv4.setdefault((packet.frame.capture, packet.body.vhid), [])
            latest[:] = [*latest[1 - PAIRING :], (packet.frame.at, _shape(packet.body), index)]
        sender = Sender(packet.body.vhid, ip.source)
        if len(self._senders) >= NAMES_KEPT and sender not in self._senders:
            return index, -1  # invented senders; what they sent proves nothing
        number = self._senders.setdefault(sender, len(self._senders))
        if number == len(self.senders):
            self.senders.append(sender)
        return index, number

    def _pair(self, frame: Frame, view: AdvertView, card: bytes) -> None:
        """Join the card in an IPv6 link-local source to the IPv4 half of the same advertisement."""
        halves = {
            index
            for at, shape, index in self._ipv4.get((frame.capture, view.vhid), ())
            if 0 <= frame.at - at <= timers.PAIR and shape == _shape(view)
        }
        if len(halves) == 1:
            self.names.join(halves.pop(), self.names.of(b"m" + card))


def _shape(view: AdvertView) -> bytes:
    return bytes((view.advbase, view.advskew, view.demote))


def _note_own(seen: Sightings, link: LinkView, host: int) -> None:
    """Note signs of the card on which this was captured."""
    if link.packet_type == 4 and host >= 0:
        seen.outgoing.add(host)
    source, destination = link.source, link.destination
    if source is None or destination is None or destination[0] & 1:
        return
    if is_shared(source) or is_shared(destination):
        return
    ends = {source, destination}
    seen.unicast = ends if seen.unicast is None else seen.unicast & ends


def is_local_multicast(address: bytes) -> bool:
    """Return whether a multicast address is not forwarded by routers."""
    return address[:3] == b"\xe0\0\0" or address[:2] == b"\xff\x02"


def key_of(packet: Packet) -> int | None:
    """Return a hash of a frame's bytes that no path changes; None where too few were captured."""
    text = _text(packet)
    if text is None:
        return None
    key = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") & ~FACELESS
    return key | FACELESS if _is_faceless(packet) else key


def _is_faceless(packet: Packet) -> bool:
    """Return whether a frame's sender repeats it unchanged, so that equal ones may be two."""
    return packet.ip is None or isinstance(packet.body, NeighbourView | MembershipView)


def _text(packet: Packet) -> bytes | None:
    """Return the bytes of a frame that no path changes; None where too few were captured."""
    data, link, ip = packet.frame.data, packet.link, packet.ip
    assert link is not None
    if ip is None:
        size = ARP_SIZE if isinstance(packet.body, ArpView) else _SAID
        text = data[link.offset : link.offset + size]
        return link.ethertype.to_bytes(4, "big") + text if len(text) == size else None
    head = bytearray(data[ip.header_offset : ip.offset])
    size = min(ip.length, _SAID4 if ip.version == 4 else _SAID6)
    body = bytearray(data[ip.offset : ip.offset + size])
    if len(body) < size or not head:
        return None
    if ip.version == 4:
        head[1] = head[8] = 0
        head[10:12] = b"\0\0"
    else:
        head[0], head[1] = 0x60, head[1] & 0x0F
        head[7] = 0
    where = _CHECKSUM.get(ip.protocol)
    if where is not None and not ip.fragment_offset:
        body[where : where + 2] = b"\0\0"
    return bytes(head + body)


def shared_keys(one: Column, other: Column) -> Iterator[tuple[int, int]]:
    """Yield the places (here, there) of keys that both captures hold once."""
    theirs = _once(other)
    for key, place in _once(one).items():
        if key in theirs:
            yield place, theirs[key]


def _once(column: Column) -> dict[int, int]:
    """Return the places of keys that a capture holds once.

    Two within the copy window count as one: a mirror port that shows both directions doubles them.
    """
    places: dict[int, int] = {}
    repeated: set[int] = set()
    for place, key in enumerate(column.key):
        before = places.setdefault(key, place)
        if before != place and abs(column.at[place] - column.at[before]) > COPY_WINDOW:
            repeated.add(key)
    return {k: place for k, place in places.items() if k not in repeated and not k & FACELESS}
