"""Which frames an analysis needs: protocol 112 and what elections leave beside it.

That is everything `wire.decode` finds a body in (CARP, VRRP, ARP, neighbour discovery, group
membership), whatever claims to be protocol 112 and cannot be read, and pfsync; also inside VLAN
tags and the tunnels of mirrors. It is the filter that a live capture has, with tunnels added.

Nearly every frame of a mixed capture is decided by two or three bytes. What those leave open
is decoded. Too much kept costs time and changes nothing; too little would change findings, so
tests hold `is_relevant` against the decoder on arbitrary bytes.
"""

from carpscope.core.frame import Frame
from carpscope.wire import carp, icmp6, igmp, link, llc, wrapping
from carpscope.wire.decode import decode

PFSYNC = 240
_UDP = 17
_WRAPPINGS = wrapping.tables()
_OPEN = frozenset(_WRAPPINGS.protocols) | {
    *(igmp.PROTOCOL, icmp6.PROTOCOL),
    *(51, 0, 43, 44, 60, 135, 139, 140),  # AH and the extension headers of IPv6
}
"""What needs a closer look."""
_TUNNEL_PORTS = frozenset(port.to_bytes(2, "big") for port in _WRAPPINGS.ports)
_TAGS = frozenset(tpid.to_bytes(2, "big") for tpid in link.TAG_TYPES)
_SURE = frozenset((carp.PROTOCOL, PFSYNC))
_IPV4, _IPV6, _ARP = b"\x08\x00", b"\x86\xdd", b"\x08\x06"


def is_relevant(frame: Frame) -> bool:
    """Tell whether an analysis could look at this frame for more than its time."""
    data = frame.data
    if frame.link != link.ETHERNET:
        return _is_relevant_inside(frame)
    at = 12
    kind = data[12:14]
    while kind in _TAGS:
        at += 4
        kind = data[at : at + 2]
    if kind == _IPV4:
        if len(data) < at + 22:
            return False
        protocol = data[at + 11]
        if protocol in _SURE:
            return True
        if protocol == _UDP:
            words = data[at + 2] & 15
            port = at + 4 + words * 4
            return data[port : port + 2] in _TUNNEL_PORTS and _is_relevant_inside(frame)
        return protocol in _OPEN and _is_relevant_inside(frame)
    if kind == _IPV6:
        if len(data) < at + 42:
            return False
        protocol = data[at + 8]
        if protocol in _SURE:
            return True
        if protocol == _UDP:
            return data[at + 44 : at + 46] in _TUNNEL_PORTS and _is_relevant_inside(frame)
        return protocol in _OPEN and _is_relevant_inside(frame)
    if kind == _ARP:
        return True
    number = int.from_bytes(kind, "big")
    is_open = number in _WRAPPINGS.ethertypes or number <= llc.LENGTH_MAX
    return is_open and _is_relevant_inside(frame)


def _is_relevant_inside(frame: Frame) -> bool:
    packet = decode(frame)
    if packet.body is not None or packet.is_protocol_112:
        return True
    return packet.ip is not None and packet.ip.protocol == PFSYNC
