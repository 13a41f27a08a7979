"""Mirrors that come over a network: the mirrored frame lies inside another packet.

    GRE        flags 2 | type 2 | (checksum 4)? | (key 4)? | (sequence 4)?
      6558     Ethernet        0800, 86dd  IP        88be, 22eb  ERSPAN
    ERSPAN I   nothing: GRE without a sequence number
    ERSPAN II  version 1, 4 bits | vlan 12 | … 6 bits | session 10 | index 4 bytes
    ERSPAN III version 2, 4 bits | vlan 12 | … 6 bits | session 10 | time 4 | … 4 | (platform 8)?
    VXLAN      UDP 4789: flags 1 | 0 3 | vni 3 | 0 1
    TZSP       UDP 37008: version 1 | type 1 | protocol 2 | tags | 01

The inner packet is the one that was on the segment: its TTL is the one to check.

Sources: RFC 2784, RFC 2890, RFC 7348; draft-foschiano-erspan-03.
"""

import struct
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link
from carpscope.wire.ip import IpView

GRE = 47
UDP = 17
PROTOCOLS = frozenset((GRE, UDP))
MAX_DEPTH = 4
"""Mirrors of mirrors are a loop sooner than a design."""

_VXLAN_PORTS = frozenset((4789, 8472))
"""IANA's, and what Linux used before there was one."""
_TZSP_PORT = 37008
PORTS = _VXLAN_PORTS | {_TZSP_PORT}
"""UDP ports behind which a frame may lie; `capture.sieve` says them again, a layer below."""
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE = 0x8000, 0x4000, 0x2000, 0x1000
_BRIDGED = 0x6558
_ERSPAN, _ERSPAN_3 = 0x88BE, 0x22EB
_FRAME_TYPE_IP = 2
"""ERSPAN III carries Ethernet (0) or, by this, bare IP."""


class Tunnel(NamedTuple):
    """One wrapping that was taken off."""

    kind: str
    """`gre`, `erspan 1`, `erspan 2`, `erspan 3`, `vxlan` or `tzsp`."""
    identifier: int | None
    """GRE's key, ERSPAN's session, VXLAN's network; None where there is none."""
    vlan: int | None
    """The VLAN that ERSPAN took the frame from, whose tag it may have removed."""
    source: bytes
    """Who sent it through the network, an address of the mirroring switch."""
    destination: bytes
    ethertype: int | None
    """What is inside where it is no Ethernet frame."""
    offset: int
    """Where the inner frame begins."""

    def inner(self, data: bytes) -> link.LinkView | Fault:
        """Read the link layer of what is inside."""
        if self.ethertype is None:
            return link.read_ethernet(data, self.offset)
        return link.LinkView("raw", None, None, (), self.ethertype, self.offset)


def read(data: bytes, ip: IpView) -> Tunnel | Fault | None:
    """Read what wraps another frame; None for GRE and UDP that carry something else."""
    if ip.protocol == GRE:
        return _gre(data, ip)
    return _udp(data, ip) if ip.protocol == UDP else None


def _gre(data: bytes, ip: IpView) -> Tunnel | Fault | None:
    at, present = ip.offset, len(data) - ip.offset
    if present < 4:
        return truncated("gre", at, 4, present)
    flags, kind = struct.unpack_from("!HH", data, at)
    if flags & 7 or flags & _ROUTING:
        return None  # version 1 is PPTP; source routing was never used
    size = 4 + 4 * sum(bool(flags & bit) for bit in (_CHECKSUM, _KEY, _SEQUENCE))
    if present < size:
        return truncated("gre", at, size, present)
    key = None
    if flags & _KEY:
        key = int.from_bytes(data[at + size - (8 if flags & _SEQUENCE else 4) :][:4], "big")
    offset = at + size
    if kind == _BRIDGED:
        return Tunnel("gre", key, None, ip.source, ip.destination, None, offset)
    if kind in (link.ETHERTYPE_IPV4, link.ETHERTYPE_IPV6):
        return Tunnel("gre", key, None, ip.source, ip.destination, kind, offset)
    if kind == _ERSPAN and not flags & _SEQUENCE:
        return Tunnel("erspan 1", None, None, ip.source, ip.destination, None, offset)
    if kind in (_ERSPAN, _ERSPAN_3):
        return _erspan(data, ip, offset, newer=kind == _ERSPAN_3)
    return None


def _erspan(data: bytes, ip: IpView, at: int, *, newer: bool) -> Tunnel | Fault:
    kind, version, size = ("erspan 3", 2, 12) if newer else ("erspan 2", 1, 8)
    if len(data) < at + size:
        return truncated(kind, at, size, len(data) - at)
    first, second = struct.unpack_from("!HH", data, at)
    if first >> 12 != version:
        return Fault(kind, at, f"version {first >> 12} where {version} must be")
    ethertype: int | None = None
    if newer:
        last = data[at + 10] << 8 | data[at + 11]
        if last & 1:  # a platform-specific part follows
            size = 20
            if len(data) < at + size:
                return truncated(kind, at, size, len(data) - at)
        if last >> 10 & 31 == _FRAME_TYPE_IP and len(data) > at + size:
            newest = data[at + size] >> 4 == 6
            ethertype = link.ETHERTYPE_IPV6 if newest else link.ETHERTYPE_IPV4
    return Tunnel(
        kind, second & 0x3FF, first & 0xFFF, ip.source, ip.destination, ethertype, at + size
    )


def _udp(data: bytes, ip: IpView) -> Tunnel | Fault | None:
    at, present = ip.offset, len(data) - ip.offset
    if present < 4:
        return None
    port = data[at + 2] << 8 | data[at + 3]
    if port in _VXLAN_PORTS:
        if present < 16:
            return truncated("vxlan", at, 16, present)
        if data[at + 8] != 0x08 or any(data[at + 9 : at + 12]):
            return None  # without a network number, or something else on this port
        vni = int.from_bytes(data[at + 12 : at + 15], "big")
        return Tunnel("vxlan", vni, None, ip.source, ip.destination, None, at + 16)
    if port == _TZSP_PORT:
        return _tzsp(data, ip, at + 8)
    return None


def _tzsp(data: bytes, ip: IpView, at: int) -> Tunnel | Fault | None:
    """Read TaZmen Sniffer Protocol, which RouterOS mirrors with; as Wireshark's packet-tzsp.c."""
    if len(data) < at + 5:
        return truncated("tzsp", ip.offset, 13, len(data) - ip.offset)  # UDP's own 8 before it
    version, kind, protocol = struct.unpack_from("!BBH", data, at)
    if (version, kind, protocol) != (1, 0, 1):
        return None  # only received packets of Ethernet
    tag = at + 4
    while tag < len(data) and data[tag] != 1:  # 1 ends the list, 0 pads and has no length
        if data[tag] == 0:
            tag += 1
        elif tag + 1 < len(data):
            tag += 2 + data[tag + 1]
        else:
            return truncated("tzsp", tag, 2, 1)
    if tag >= len(data):
        return truncated("tzsp", at, tag + 1 - at, len(data) - at)
    return Tunnel("tzsp", None, None, ip.source, ip.destination, None, tag + 1)
