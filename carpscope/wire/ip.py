"""IPv4 and IPv6, as much as CARP needs: what the header says, kept apart from what is there.

The length that IP states and the length that was captured are two facts: a short
snap length is the capture's doing, a short IP length the sender's, and padding
makes a frame longer than both.
"""

import struct
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.wire.checksum import checksum_holds, internet_checksum, ones_complement_sum

AH = 51
FRAGMENT = 44
_SKIPPED_EXTENSIONS = frozenset((0, 43, 60, 135, 139, 140))
"""Hop-by-hop, routing, destination options, mobility, HIP, shim6: length in 8-byte units."""


class IpView(NamedTuple):
    """An IPv4 or IPv6 header, extension headers followed."""

    version: int
    source: bytes
    destination: bytes
    protocol: int
    """Of the payload, after extension headers and AH."""
    ttl: int
    """TTL or hop limit."""
    tos: int
    """Type of service or traffic class: DSCP and ECN."""
    header_offset: int
    offset: int
    """Where the payload begins in the frame."""
    length: int
    """Bytes of payload by what IP says, which need not all have been captured."""
    identification: int | None
    """IPv4's, or that of an IPv6 fragment header."""
    flags: int
    """IPv4: the three bits as they stand, 2 = don't fragment, 1 = more fragments."""
    fragment_offset: int
    """In bytes."""
    more_fragments: bool
    checksum: int | None
    checksum_ok: bool | None
    """None for IPv6, which has none."""
    options: bytes
    """IPv4 options as they stand."""
    extensions: tuple[int, ...]
    """Numbers of the headers between IP and payload, AH included."""
    flow_label: int
    total_length: int
    """The header's own length field as it stands: IPv4 total length, IPv6 payload length."""
    fault: Fault | None = None
    """Where the extension headers stop making sense; `protocol` is then the one not followed."""

    @property
    def is_fragment(self) -> bool:
        """Tell whether this is a part of a datagram."""
        return self.more_fragments or self.fragment_offset != 0

    @property
    def dont_fragment(self) -> bool:
        """Tell whether DF is set."""
        return bool(self.flags & 2)


def read_ipv4(data: bytes, at: int, wire_length: int) -> IpView | Fault:
    """Read an IPv4 header at `at`; `wire_length` is the frame's, before any cut."""
    present = len(data) - at
    if present < 20:
        return truncated("ipv4", at, 20, present)
    first, tos, total, identification, fragment, ttl, protocol, checksum = struct.unpack_from(
        "!BBHHHBBH", data, at
    )
    header = (first & 15) * 4
    if first >> 4 != 4:
        return Fault("ipv4", at, f"version {first >> 4} where 4 must be")
    if header < 20:
        return Fault("ipv4", at, "header length below the minimum", 20, header)
    if present < header:
        return truncated("ipv4", at, header, present)
    carried = max(wire_length - at, present)
    length = _payload_length(total, header, carried)
    if length < 0:
        return Fault("ipv4", at, "total length below its own header", header, total)
    view = IpView(
        4,
        data[at + 12 : at + 16],
        data[at + 16 : at + 20],
        protocol,
        ttl,
        tos,
        at,
        at + header,
        length,
        identification,
        fragment >> 13,
        (fragment & 0x1FFF) * 8,
        bool(fragment & 0x2000),
        checksum,
        checksum_holds(data[at : at + header]),
        data[at + 20 : at + header],
        (),
        0,
        total,
    )
    if protocol == AH and not view.is_fragment:
        return _follow(data, view, AH)
    return view


def _payload_length(total: int, header: int, carried: int) -> int:
    """Give the bytes of IPv4 payload, also where the length was tapped before it was set.

    Segmentation offload leaves it 0 for the card to fill in. FreeBSD up to 9 hands packets to
    a carp interface's tap with it in host order, up to 6 already without the header.
    """
    if total == 0:
        return carried - header
    swapped = (total & 0xFF) << 8 | total >> 8
    if total > carried and swapped in (carried, carried - header):
        return carried - header
    return total - header


def read_ipv6(data: bytes, at: int, wire_length: int) -> IpView | Fault:
    """Read an IPv6 header at `at` and the extension headers behind it."""
    present = len(data) - at
    if present < 40:
        return truncated("ipv6", at, 40, present)
    first, length, following, hops = struct.unpack_from("!IHBB", data, at)
    if first >> 28 != 6:
        return Fault("ipv6", at, f"version {first >> 28} where 6 must be")
    stated = length or max(wire_length - at, present) - 40
    view = IpView(
        6,
        data[at + 8 : at + 24],
        data[at + 24 : at + 40],
        following,
        hops,
        first >> 20 & 0xFF,
        at,
        at + 40,
        stated,
        None,
        0,
        0,
        False,
        None,
        None,
        b"",
        (),
        first & 0xFFFFF,
        length,
    )
    if following in _SKIPPED_EXTENSIONS or following in (AH, FRAGMENT):
        return _follow(data, view, following)
    return view


def _follow(data: bytes, view: IpView, following: int) -> IpView:
    """Walk extension headers; every one has at least 8 bytes, so the frame bounds the walk."""
    at, length = view.offset, view.length
    seen: list[int] = []
    identification, fragment_offset, more = view.identification, 0, False
    fault: Fault | None = None
    while following in _SKIPPED_EXTENSIONS or following in (AH, FRAGMENT):
        name = f"ip extension {following}"
        if len(data) < at + 8:
            fault = truncated(name, at, 8, len(data) - at)
            break
        if following == FRAGMENT:
            size = 8
            word = data[at + 2] << 8 | data[at + 3]
            fragment_offset, more = word & 0xFFF8, bool(word & 1)
            identification = int.from_bytes(data[at + 4 : at + 8], "big")
        elif following == AH:
            size = (data[at + 1] + 2) * 4
        else:
            size = (data[at + 1] + 1) * 8
        if size > length:
            fault = Fault(name, at, "longer than the packet", size, length)
            break
        if len(data) < at + size:
            fault = truncated(name, at, size, len(data) - at)
            break
        seen.append(following)
        following = data[at]
        at, length = at + size, length - size
        if fragment_offset:
            break  # what follows is not a header but the middle of one
    return view._replace(
        protocol=following,
        offset=at,
        length=length,
        extensions=tuple(seen),
        identification=identification,
        fragment_offset=fragment_offset or view.fragment_offset,
        more_fragments=more or view.more_fragments,
        fault=fault,
    )


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """Return what VRRPv3 and ICMPv6 sum beside their own bytes; CARP never does."""
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, length & 0xFFFF)
    return source + destination + struct.pack("!IHBB", length, 0, 0, protocol)


def pseudo_checksum_holds(view: IpView, payload: bytes) -> bool:
    """Tell whether a payload with its checksum sums to 0xffff under its pseudo-header."""
    header = pseudo_header(view.source, view.destination, view.protocol, len(payload))
    return ones_complement_sum(header + payload) == 0xFFFF


def ipv4(
    source: bytes,
    destination: bytes,
    payload: bytes,
    *,
    protocol: int,
    tos: int,
    identification: int,
    ttl: int = 255,
    dont_fragment: bool = True,
    options: bytes = b"",
) -> bytes:
    """Build an IPv4 packet; options must be padded to four bytes."""
    words = 5 + len(options) // 4
    head = struct.pack(
        "!BBHHHBBH",
        0x40 | words,
        tos,
        words * 4 + len(payload),
        identification,
        0x4000 if dont_fragment else 0,
        ttl,
        protocol,
        0,
    )
    header = head + source + destination + options
    checksum = internet_checksum(header)
    return header[:10] + checksum.to_bytes(2, "big") + header[12:] + payload


def ipv6(
    source: bytes,
    destination: bytes,
    payload: bytes,
    *,
    next_header: int,
    traffic_class: int = 0,
    hop_limit: int = 255,
    flow_label: int = 0,
) -> bytes:
    """Build an IPv6 packet; extension headers are part of `payload`."""
    first = 6 << 28 | traffic_class << 20 | flow_label
    head = struct.pack("!IHBB", first, len(payload), next_header, hop_limit)
    return head + source + destination + payload
