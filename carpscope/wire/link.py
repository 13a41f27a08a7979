"""The layer below IP: Ethernet with tags, Linux cooked, BSD loopback, raw, pflog.

    Ethernet   dst 6 | src 6 | (tpid 2 | tci 2)* | ethertype 2
    SLL        type 2 | arphrd 2 | alen 2 | address 8 | protocol 2
    SLL2       protocol 2 | zero 2 | ifindex 4 | arphrd 2 | type 1 | alen 1 | address 8
    NULL/LOOP  address family 4 (host order of the capturing machine / network order)
    RAW        nothing: the version nibble of IP decides
    PFLOG      length 1 | family 1 | … (length rounded up to 4)

`read` takes any bytes; what cannot be followed is a `Fault`.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated

ETHERNET = 1
NULL = 0
LOOP = 108
SLL = 113
SLL2 = 276
PFLOG = 117
RAW = frozenset((12, 14, 101))
"""DLT_RAW is 12, on OpenBSD 14; LINKTYPE_RAW is 101."""
RAW_IPV4 = 228
RAW_IPV6 = 229

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_ARP = 0x0806
TAG_TYPES = frozenset((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300))
"""802.1Q, 802.1ad and the three that were used for stacking before it."""
TAGS_MAX = 8
"""Two are in use. A frame has room for thousands, and each group is known by its tags."""

_IPV4_FAMILY = 2
_IPV6_FAMILIES = frozenset((10, 23, 24, 28, 30))
"""Linux 10, Windows 23, NetBSD and OpenBSD 24, FreeBSD and DragonFly 28, Darwin 30."""


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
    """`ethernet`, `sll`, `sll2`, `null`, `loop`, `raw` or `pflog`."""
    source: bytes | None
    destination: bytes | None
    tags: tuple[Tag, ...]
    ethertype: int
    """0x0800, 0x86dd, 0x0806, or what stands there; BSD families are translated."""
    offset: int
    """Where the payload begins."""
    packet_type: int | None = None
    """SLL: 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us."""
    interface_index: int | None = None
    """SLL2: the capturing host's interface."""

    @property
    def vlan(self) -> tuple[int, ...]:
        """Return the VLAN numbers from the outside in; a priority tag is no VLAN."""
        return tuple(tag.vid for tag in self.tags if tag.vid)


def read(link: int, data: bytes) -> LinkView | Fault:
    """Read the link layer of a frame of LINKTYPE `link`."""
    if link == ETHERNET:
        return read_ethernet(data)
    if link == SLL:
        return _sll(data)
    if link == SLL2:
        return _sll2(data)
    if link in (NULL, LOOP):
        return _bsd(link, data)
    if link in RAW or link in (RAW_IPV4, RAW_IPV6):
        return _raw(link, data)
    if link == PFLOG:
        return _pflog(data)
    return Fault("link", 0, f"link type {link} is not decoded")


def read_ethernet(data: bytes, at: int = 0) -> LinkView | Fault:
    """Read an Ethernet frame that begins at `at`: a mirrored one lies inside another packet."""
    if len(data) < at + 14:
        return truncated("ethernet", at, 14, len(data) - at)
    tags, ethertype, offset = _tags(data, at + 12)
    if ethertype is None:
        return truncated("vlan", offset, 4, len(data) - offset)
    return LinkView("ethernet", data[at + 6 : at + 12], data[at : at + 6], tags, ethertype, offset)


def _tags(data: bytes, at: int) -> tuple[tuple[Tag, ...], int | None, int]:
    """Follow tags from the ethertype at `at`; give them, the last type and what follows it."""
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


def _sll(data: bytes) -> LinkView | Fault:
    if len(data) < 16:
        return truncated("sll", 0, 16, len(data))
    packet_type, _, size, address = struct.unpack_from("!HHH8s", data)
    tags, ethertype, offset = _tags(data, 14)
    if ethertype is None:
        return truncated("vlan", offset, 4, len(data) - offset)
    source = address[: min(size, 8)] or None
    return LinkView("sll", source, None, tags, ethertype, offset, packet_type)


def _sll2(data: bytes) -> LinkView | Fault:
    if len(data) < 20:
        return truncated("sll2", 0, 20, len(data))
    ethertype, _, index, _, packet_type, size, address = struct.unpack_from("!HHIHBB8s", data)
    source = address[: min(size, 8)] or None
    tags: tuple[Tag, ...] = ()
    offset = 20
    if ethertype in TAG_TYPES:  # the tag's own bytes follow the header, its type stands in front
        if len(data) < 24:
            return truncated("vlan", 20, 4, len(data) - 20)
        first = Tag(ethertype, data[20] << 8 | data[21], 20)
        more, inner, offset = _tags(data, 22)
        if inner is None:
            return truncated("vlan", offset, 4, len(data) - offset)
        tags, ethertype = (first, *more), inner
    return LinkView("sll2", source, None, tags, ethertype, offset, packet_type, index)


def _bsd(link: int, data: bytes) -> LinkView | Fault:
    kind = "null" if link == NULL else "loop"
    if len(data) < 4:
        return truncated(kind, 0, 4, len(data))
    little, big = struct.unpack_from("<I", data)[0], struct.unpack_from(">I", data)[0]
    # Which order NULL has is known to the capturing machine alone; a family is small.
    family = min(little, big)
    if family == _IPV4_FAMILY:
        ethertype = ETHERTYPE_IPV4
    elif family in _IPV6_FAMILIES:
        ethertype = ETHERTYPE_IPV6
    else:
        return Fault(kind, 0, f"address family {family} is neither IPv4 nor IPv6")
    return LinkView(kind, None, None, (), ethertype, 4)


def _raw(link: int, data: bytes) -> LinkView | Fault:
    if not data:
        return truncated("raw", 0, 1, 0)
    version = data[0] >> 4
    if version == 4 and link != RAW_IPV6:
        return LinkView("raw", None, None, (), ETHERTYPE_IPV4, 0)
    if version == 6 and link != RAW_IPV4:
        return LinkView("raw", None, None, (), ETHERTYPE_IPV6, 0)
    return Fault("raw", 0, f"version {version} is not the IP this link type carries")


def _pflog(data: bytes) -> LinkView | Fault:
    if len(data) < 4:
        return truncated("pflog", 0, 4, len(data))
    offset = (data[0] + 3) & ~3
    family = data[1]
    if offset < 4:
        return Fault("pflog", 0, "header length below the minimum", 4, offset)
    if len(data) < offset:
        return truncated("pflog", 0, offset, len(data))
    if family == _IPV4_FAMILY:
        return LinkView("pflog", None, None, (), ETHERTYPE_IPV4, offset)
    if family in _IPV6_FAMILIES:
        return LinkView("pflog", None, None, (), ETHERTYPE_IPV6, offset)
    return Fault("pflog", 1, f"address family {family} is neither IPv4 nor IPv6")


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
