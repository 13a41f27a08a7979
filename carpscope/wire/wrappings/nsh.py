"""Network service header.

    version 2 bits … length 6 bits in units of 4 bytes, over 2 bytes | kind 1 | next 1 | path 4 | …
    next: 1 IPv4, 2 IPv6, 3 Ethernet, 4 another, 5 MPLS

Source: RFC 8300.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Unwrapped, Wrapping, inside

ETHERTYPE = 0x894F
_ETHERTYPES = {1: link.ETHERTYPE_IPV4, 2: link.ETHERTYPE_IPV6, 4: ETHERTYPE, 5: 0x8847}
_ETHERNET = 3


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 8:
        return truncated("nsh", at, 8, len(data) - at)
    size = 4 * (data[at + 1] & 0x3F)
    if size < 8:
        return Fault("nsh", at, "header length below the minimum", 8, size)
    path = int.from_bytes(data[at + 4 : at + 7], "big")
    offset, following = at + size, data[at + 3]
    tunnel = around.tunnel("nsh", offset, path)
    if following == _ETHERNET:
        return inside(link.read_ethernet(data, offset), tunnel)
    return Unwrapped(link.bare(_ETHERTYPES.get(following, 0), offset), tunnel)


WRAPPING = Wrapping(_read, ethertypes=(ETHERTYPE,))
