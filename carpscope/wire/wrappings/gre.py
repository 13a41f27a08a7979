"""Generic routing encapsulation, and the mirrors that use it.

    GRE        flags 2 | type 2 | (checksum 4)? | (key 4)? | (sequence 4)?
      6558     Ethernet        88be, 22eb  ERSPAN     anything else: an ethertype
    version 1  flags 2 | 880b | length 2 | call 2 | (sequence 4)? | (acknowledgement 4)? | PPP
    ERSPAN I   nothing: GRE without a sequence number
    ERSPAN II  version 1, 4 bits | vlan 12 | … 6 bits | session 10 | index 4 bytes
    ERSPAN III version 2, 4 bits | vlan 12 | … 6 bits | session 10 | time 4 | … 4 | (platform 8)?

Sources: RFC 2784, RFC 2890, RFC 2637 (version 1), RFC 7637 (a key that is a network);
draft-foschiano-erspan-03.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link, ppp
from carpscope.wire.wrapping import Around, Reading, Unwrapped, Wrapping, inside

GRE = 47
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _ACKNOWLEDGED = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
_BRIDGED, _PPP = 0x6558, 0x880B
_ERSPAN, _ERSPAN_3 = 0x88BE, 0x22EB
_FRAME_TYPE_IP = 2
"""ERSPAN III carries Ethernet (0) or, by this, bare IP."""


def _read(data: bytes, at: int, around: Around) -> Reading:
    present = len(data) - at
    if present < 4:
        return truncated("gre", at, 4, present)
    flags, kind = struct.unpack_from("!HH", data, at)
    if flags & 7 == 1 and kind == _PPP:
        return _version_1(data, at, around, flags)
    if flags & 7 or flags & _ROUTING:
        return None  # source routing was never used
    size = 4 + 4 * sum(bool(flags & bit) for bit in (_CHECKSUM, _KEY, _SEQUENCE))
    if present < size:
        return truncated("gre", at, size, present)
    key = None
    if flags & _KEY:
        key = int.from_bytes(data[at + size - (8 if flags & _SEQUENCE else 4) :][:4], "big")
    offset = at + size
    if kind == _ERSPAN and not flags & _SEQUENCE:
        return inside(link.read_ethernet(data, offset), around.tunnel("erspan 1", offset))
    if kind in (_ERSPAN, _ERSPAN_3):
        return _erspan(data, offset, around, newer=kind == _ERSPAN_3)
    if kind == _BRIDGED:
        tunnel = around.tunnel("gre", offset, key, is_network=True)
        return inside(link.read_ethernet(data, offset), tunnel)
    return Unwrapped(link.bare(kind, offset), around.tunnel("gre", offset, key))


def _version_1(data: bytes, at: int, around: Around, flags: int) -> Reading:
    size = 8 + 4 * sum(bool(flags & bit) for bit in (_SEQUENCE, _ACKNOWLEDGED))
    if len(data) < at + size:
        return truncated("gre", at, size, len(data) - at)
    call = data[at + 6] << 8 | data[at + 7]
    return inside(ppp.read(data, at + size), around.tunnel("pptp", at + size, call))


def _erspan(data: bytes, at: int, around: Around, *, newer: bool) -> Reading:
    kind, version, size = ("erspan 3", 2, 12) if newer else ("erspan 2", 1, 8)
    if len(data) < at + size:
        return truncated(kind, at, size, len(data) - at)
    first, second = struct.unpack_from("!HH", data, at)
    if first >> 12 != version:
        return Fault(kind, at, f"version {first >> 12} where {version} must be")
    is_ip = False
    if newer:
        last = data[at + 10] << 8 | data[at + 11]
        if last & 1:  # a platform-specific part follows
            size = 20
            if len(data) < at + size:
                return truncated(kind, at, size, len(data) - at)
        is_ip = last >> 10 & 31 == _FRAME_TYPE_IP
    offset = at + size
    tunnel = around.tunnel(kind, offset, second & 0x3FF, is_network=True, vlan=first & 0xFFF)
    inner = link.read_ip(data, offset) if is_ip else link.read_ethernet(data, offset)
    return inside(inner, tunnel)


WRAPPING = Wrapping(_read, protocols=(GRE,))
