"""BSD loopback and IPsec pseudo-interfaces: an address family in front of IP.

    NULL   address family 4, in the order of the capturing machine
    LOOP   address family 4, in network order
    ENC    address family 4 | SPI 4 | flags 4

Source: tcpdump.org, LINKTYPE_NULL, LINKTYPE_LOOP, LINKTYPE_ENC.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import ETHERTYPE_IPV4, ETHERTYPE_IPV6, LinkType, LinkView, bare

NULL = 0
LOOP = 108
ENC = 109

IPV4_FAMILY = 2
IPV6_FAMILIES = frozenset((10, 23, 24, 28, 30))
"""Linux 10, Windows 23, NetBSD and OpenBSD 24, FreeBSD and DragonFly 28, Darwin 30."""
_KINDS = {NULL: ("null", 4), LOOP: ("loop", 4), ENC: ("enc", 12)}


def of_family(kind: str, family: int, at: int, offset: int) -> LinkView | Fault:
    """Return what follows an address family that stands at `at`."""
    if family == IPV4_FAMILY:
        return bare(ETHERTYPE_IPV4, offset, kind)
    if family in IPV6_FAMILIES:
        return bare(ETHERTYPE_IPV6, offset, kind)
    return Fault(kind, at, f"address family {family} is neither IPv4 nor IPv6")


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    kind, size = _KINDS[link]
    if len(data) < at + size:
        return truncated(kind, at, size, len(data) - at)
    little, big = struct.unpack_from("<I", data, at)[0], struct.unpack_from(">I", data, at)[0]
    # Which order NULL has is known to the capturing machine alone; a family is small.
    return of_family(kind, min(little, big), at, at + size)


LINK_TYPE = LinkType((NULL, LOOP, ENC), _read)
