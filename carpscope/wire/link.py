"""The layer below IP: Ethernet with its tags here, every other link type in `wire.links`.

    Ethernet   dst 6 | src 6 | (tpid 2 | tci 2)* | ethertype 2, or a length and LLC

`read` takes any bytes; what cannot be followed is a `Fault`.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.wire import llc

ETHERNET = 1
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_ARP = 0x0806
TAG_TYPES = frozenset((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300))
"""802.1Q, 802.1ad and the three that were used for stacking before it."""
TAGS_MAX = 8
"""Two are in use. A frame has room for thousands, and each group is known by its tags."""
ENCRYPTED = "encrypted, what is inside cannot be read"
"""The problem of every fault that says so."""


class Tag(NamedTuple):
    """One VLAN tag."""

    tpid: int
    tci: int
    offset: int

    @property
    def vid(self) -> int:
        """Return the VLAN number; 0 is a priority tag."""
        return self.tci & 0xFFF


class LinkView(NamedTuple):
    """What the link layer says, as it stands."""

    kind: str
    """`ethernet`, `raw` for bare IP, else what the link type's own file calls it."""
    source: bytes | None
    destination: bytes | None
    tags: tuple[Tag, ...]
    ethertype: int
    """0x0800, 0x86dd, 0x0806, or what stands there; other numberings are translated."""
    offset: int
    """Where the payload begins."""
    packet_type: int | None = None
    """SLL: 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us."""
    interface_index: int | None = None
    """SLL2: the capturing host's interface."""
    networks: tuple[int, ...] = ()
    """Of the tunnels around, from the outside in: numbers of `wire.segment`."""

    @property
    def vlan(self) -> tuple[int, ...]:
        """Return what tells the segment from others: networks of tunnels, then VLAN numbers.

        From the outside in; a priority tag is no VLAN.
        """
        return self.networks + tuple(tag.vid for tag in self.tags if tag.vid)


class LinkType(NamedTuple):
    """A link type: one file of `wire.links`."""

    numbers: tuple[int, ...]
    """LINKTYPE_ numbers of capture files (tcpdump.org/linktypes.html)."""
    read: Callable[[int, bytes, int], LinkView | Fault]
    """Takes one of these numbers, the frame, and where in it the header begins."""


@cache
def link_types() -> Mapping[int, LinkType]:
    """Return every link type of the folder by its numbers."""
    from carpscope.core.registry import discover  # noqa: PLC0415  plain Ethernet needs none

    return {
        number: one
        for one in discover("carpscope.wire.links", "LINK_TYPE", LinkType)
        for number in one.numbers
    }


def is_read(link: int) -> bool:
    """Tell whether frames of LINKTYPE `link` can be decoded."""
    return link == ETHERNET or link in link_types()


def read(link: int, data: bytes, at: int = 0) -> LinkView | Fault:
    """Read the link layer of a frame of LINKTYPE `link`, whose header begins at `at`."""
    if link == ETHERNET:
        return read_ethernet(data, at)
    known = link_types().get(link)
    if known is None:
        return Fault("link", at, f"link type {link} is not decoded")
    return known.read(link, data, at)


def bare(ethertype: int, offset: int, kind: str = "raw") -> LinkView:
    """Return the link layer of what has no addresses of its own."""
    return LinkView(kind, None, None, (), ethertype, offset)


def read_ip(data: bytes, at: int, kind: str = "raw") -> LinkView | Fault:
    """Read what has no header: the version of IP decides."""
    if len(data) <= at:
        return truncated(kind, at, 1, 0)
    version = data[at] >> 4
    if version == 4:
        return bare(ETHERTYPE_IPV4, at, kind)
    if version == 6:
        return bare(ETHERTYPE_IPV6, at, kind)
    return Fault(kind, at, f"version {version} is neither IPv4 nor IPv6")


def read_ethernet(data: bytes, at: int = 0) -> LinkView | Fault:
    """Read an Ethernet frame that begins at `at`: a mirrored one lies inside another packet."""
    if len(data) < at + 14:
        return truncated("ethernet", at, 14, len(data) - at)
    tags, ethertype, offset = read_tags(data, at + 12)
    if ethertype is None:
        return truncated("vlan", offset, 4, len(data) - offset)
    if ethertype <= llc.LENGTH_MAX:
        inner = behind_llc("ethernet", data[at + 6 : at + 12], data[at : at + 6], data, offset)
        if not isinstance(inner, Fault) and inner.ethertype:
            return inner._replace(tags=(*tags, *inner.tags)) if tags else inner
    return LinkView("ethernet", data[at + 6 : at + 12], data[at : at + 6], tags, ethertype, offset)


def read_tags(data: bytes, at: int) -> tuple[tuple[Tag, ...], int | None, int]:
    """Follow tags from the ethertype at `at`; give them, the last type and what follows it.

    The type is None where the frame ends within a tag.
    """
    ethertype = data[at] << 8 | data[at + 1]
    if ethertype not in TAG_TYPES:  # nearly always
        return (), ethertype, at + 2
    tags: list[Tag] = []
    while ethertype in TAG_TYPES and len(tags) < TAGS_MAX:
        if len(data) < at + 6:
            return tuple(tags), None, at + 2
        tags.append(Tag(ethertype, data[at + 2] << 8 | data[at + 3], at))
        at += 4
        ethertype = data[at] << 8 | data[at + 1]
    return tuple(tags), ethertype, at + 2


def behind_llc(
    kind: str, source: bytes | None, destination: bytes | None, data: bytes, at: int
) -> LinkView | Fault:
    """Read a frame whose addresses were read and whose LLC begins at `at`."""
    inner = llc.read(data, at)
    if isinstance(inner, Fault):
        return inner
    ethertype, offset = inner or (0, at)
    tags: tuple[Tag, ...] = ()
    if ethertype in TAG_TYPES:
        tags, last, offset = read_tags(data, offset - 2)
        if last is None:
            return truncated("vlan", offset, 4, len(data) - offset)
        ethertype = last
    return LinkView(kind, source, destination, tags, ethertype, offset)


def ethernet(
    destination: bytes,
    source: bytes,
    ethertype: int,
    payload: bytes,
    tags: Iterable[tuple[int, int]] = (),
) -> bytes:
    """Build a frame without FCS or padding; `tags` are (tpid, tci) from the outside in."""
    middle = b"".join(struct.pack("!HH", tpid, tci) for tpid, tci in tags)
    return destination + source + middle + struct.pack("!H", ethertype) + payload
