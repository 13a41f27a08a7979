"""Which packets an analysis need not look at: other people's TCP, UDP and ICMP.

Most of a capture that was not filtered is that, and making a frame of it costs fifty times as
much as seeing what it is. An analysis only wants to know that time passed; readers count such
packets and do not give them. They are looked for behind VLAN tags, too: a mirrored trunk is full
of them.
"""

from carpscope.wire.link import ETHERNET, TAG_TYPES

PLAIN = 38
"""Shorter packets are given: an address, a protocol and a port of IPv4 lie before."""
PLAIN_IPV6 = 58
"""The same of IPv6. Each tag adds four bytes."""
TAGS = frozenset(number.to_bytes(2, "big") for number in TAG_TYPES)
TAGS_MOST = 2
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_BORING = frozenset((1, 6))
"""ICMP and TCP. The ICMP of IPv6 is neighbour discovery too."""
_TCP, _UDP = 6, 17
_NO_OPTIONS = 0x45
"""IPv4 without options: ports are where they usually are."""
TUNNEL_PORTS = (1701, 2152, 3544, 4341, 4789, 4790, 6081, 6635, 8472, 37008)
"""UDP that may hold what was captured elsewhere; a test holds them to `wire.wrappings`."""
_TUNNELS = frozenset(port.to_bytes(2, "big") for port in TUNNEL_PORTS)


def drops(data: bytes, start: int, length: int, link: int) -> bool:
    """Tell whether the packet of so many captured bytes that begins there is of no interest."""
    if length < PLAIN or link != ETHERNET:
        return False
    end = start + length
    at = start + 12
    kind = data[at : at + 2]
    if kind in TAGS:
        for _ in range(TAGS_MOST):
            at += 4
            kind = data[at : at + 2]
            if kind not in TAGS:
                break
    if kind == _IPV4:
        if at + 26 > end:
            return False
        protocol = data[at + 11]
        if protocol == _UDP:
            return data[at + 2] == _NO_OPTIONS and data[at + 24 : at + 26] not in _TUNNELS
        return protocol in _BORING
    if kind == _IPV6 and at + 46 <= end:
        protocol = data[at + 8]
        if protocol == _UDP:
            return data[at + 44 : at + 46] not in _TUNNELS
        return protocol == _TCP
    return False
