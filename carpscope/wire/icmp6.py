"""ICMPv6: neighbour discovery and listener reports.

RA 134            type | code | checksum | hops, flags, lifetime 4 | timers 8 | options
NS 135 / NA 136   type | code | checksum | flags 4 | target 16 | options (type, length/8, …)
MLDv1 131, 132    type | code | checksum | delay 2 | 0 2 | group 16
MLDv2 143         type | code | checksum | 0 2 | records 2 | records
"""

import struct
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.wire.checksum import internet_checksum
from carpscope.wire.igmp import MembershipView
from carpscope.wire.ip import IpView, ipv6, pseudo_checksum_holds, pseudo_header

PROTOCOL = 58
ROUTER = 134
SOLICITATION = 135
ADVERTISEMENT = 136
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
_SOURCE_OPTION = 1
_TARGET_OPTION = 2
_MAX_RECORDS = 64
"""Group records read of one report; a 1,500-byte report has at most 72, hosts send a few."""


class NeighbourView(NamedTuple):
    """A neighbour solicitation or advertisement."""

    is_advertisement: bool
    target: bytes
    mac: bytes | None
    """The link-layer address option: the target's of an advertisement, else the source's."""
    router: bool
    solicited: bool
    override: bool
    checksum_ok: bool | None
    offset: int

    @property
    def is_announcement(self) -> bool:
        """Tell whether nobody asked for it, as after a take-over."""
        return self.is_advertisement and not self.solicited


class RouterView(NamedTuple):
    """A router advertisement: its source is an address that hosts will send to."""

    mac: bytes | None
    """The source link-layer address option."""
    lifetime_s: int
    """0: not, or no longer, a default router."""
    offset: int


def read(data: bytes, ip: IpView) -> NeighbourView | RouterView | MembershipView | Fault | None:
    """Read neighbour discovery or a listener report; None for other ICMPv6."""
    at = ip.offset
    end = min(len(data), at + ip.length)
    if end - at < 8:
        return truncated("icmpv6", at, 8, end - at)
    kind = data[at]
    if kind in (SOLICITATION, ADVERTISEMENT):
        return _neighbour(data[:end], at, ip)
    if kind == ROUTER:
        if end - at < 16:
            return truncated("icmpv6", at, 16, end - at)
        lifetime = data[at + 6] << 8 | data[at + 7]
        return RouterView(_link_address(data[:end], at + 16, _SOURCE_OPTION), lifetime, at)
    if kind in (130, 131, 132):
        if end - at < 24:
            return truncated("mld", at, 24, end - at)
        group = data[at + 8 : at + 24]
        word = {130: "query", 131: "report", 132: "leave"}[kind]
        return MembershipView(6, word, (group,), at)
    if kind == 143:
        return _mld2(data[:end], at)
    return None


def _neighbour(data: bytes, at: int, ip: IpView) -> NeighbourView | Fault:
    if len(data) - at < 24:
        return truncated("icmpv6", at, 24, len(data) - at)
    is_advertisement = data[at] == ADVERTISEMENT
    flags = data[at + 4]
    wanted = _TARGET_OPTION if is_advertisement else _SOURCE_OPTION
    mac = _link_address(data, at + 24, wanted)
    payload = data[at:]
    whole = len(payload) == ip.length
    return NeighbourView(
        is_advertisement,
        data[at + 8 : at + 24],
        mac,
        is_advertisement and bool(flags & 0x80),
        is_advertisement and bool(flags & 0x40),
        is_advertisement and bool(flags & 0x20),
        pseudo_checksum_holds(ip, payload) if whole else None,
        at,
    )


def _link_address(data: bytes, option: int, wanted: int) -> bytes | None:
    """Find a link-layer address among options."""
    while option + 8 <= len(data):
        size = data[option + 1] * 8
        if size == 0:
            break  # RFC 4861 4.6: discard; a zero length would never end the walk
        if data[option] == wanted and size == 8:
            return data[option + 2 : option + 8]
        option += size
    return None


def _mld2(data: bytes, at: int) -> MembershipView | Fault:
    records = min(data[at + 6] << 8 | data[at + 7], _MAX_RECORDS)
    groups = []
    record, size = at + 8, 0
    for _ in range(records):
        if len(data) < record:  # the record before claims more than there is
            return truncated("mld", record - size, size, len(data) - record + size)
        if len(data) < record + 20:
            return truncated("mld", record, 20, len(data) - record)
        auxiliary, sources = data[record + 1], data[record + 2] << 8 | data[record + 3]
        groups.append(data[record + 4 : record + 20])
        size = 20 + sources * 16 + auxiliary * 4
        record += size
    return MembershipView(6, "report", tuple(groups), at)


def neighbour_advertisement(
    source: bytes, target: bytes, mac: bytes, *, router: bool = False, traffic_class: int = 0
) -> bytes:
    """Build the IPv6 packet of an unsolicited neighbour advertisement to all nodes."""
    flags = 0x20 | (0x80 if router else 0)
    body = struct.pack("!BBHB3x", ADVERTISEMENT, 0, 0, flags) + target
    body += bytes((_TARGET_OPTION, 1)) + mac
    checksum = internet_checksum(pseudo_header(source, ALL_NODES, PROTOCOL, len(body)) + body)
    body = body[:2] + checksum.to_bytes(2, "big") + body[4:]
    return ipv6(source, ALL_NODES, body, next_header=PROTOCOL, traffic_class=traffic_class)
