"""Frames inside frames: provider backbone bridges, TRILL, and bridged Ethernet by its ethertype.

    88e7   802.1ah: flags 1 | service 3 | frame
    22f3   TRILL: version, multicast, options 5 bits in units of 4 bytes, hops 2 | egress 2 |
           ingress 2 | options | frame
    6558   frame

Sources: IEEE 802.1Q-2018, 9.7; RFC 6325, 3.1; RFC 1701.
"""

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

SERVICE, TRILL, BRIDGED = 0x88E7, 0x22F3, 0x6558


def _read(data: bytes, at: int, around: Around) -> Reading:
    kind = around.link.ethertype
    if kind == BRIDGED:
        return inside(link.read_ethernet(data, at), around.tunnel("bridged", at))
    size = 4 if kind == SERVICE else 6
    if len(data) < at + size:
        return truncated("802.1ah" if kind == SERVICE else "trill", at, size, len(data) - at)
    if kind == SERVICE:
        service = int.from_bytes(data[at + 1 : at + 4], "big")
        tunnel = around.tunnel("802.1ah", at + 4, service, is_network=True)
        return inside(link.read_ethernet(data, at + 4), tunnel)
    offset = at + 6 + 4 * ((data[at] & 7) << 2 | data[at + 1] >> 6)
    return inside(link.read_ethernet(data, offset), around.tunnel("trill", offset))


WRAPPING = Wrapping(_read, ethertypes=(SERVICE, TRILL, BRIDGED))
