"""Geneve.

    version 2 bits, options 6 bits in units of 4 bytes | flags 1 | ethertype 2 | network 3 | 0 1

Source: RFC 8926.
"""

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Unwrapped, Wrapping, inside

PORT = 6081
_BRIDGED = 0x6558


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 8:
        return truncated("geneve", at, 8, len(data) - at)
    if data[at] >> 6:
        return None  # a version that is not known
    offset = at + 8 + 4 * (data[at] & 0x3F)
    kind, network = data[at + 2] << 8 | data[at + 3], int.from_bytes(data[at + 4 : at + 7], "big")
    tunnel = around.tunnel("geneve", offset, network, is_network=True)
    if kind == _BRIDGED:
        return inside(link.read_ethernet(data, offset), tunnel)
    return Unwrapped(link.bare(kind, offset), tunnel)


WRAPPING = Wrapping(_read, ports=(PORT,))
