"""Per-packet information: fields of many kinds in front of a frame of any link type.

    version 1 | flags 1 | length 2 | link type 4 | fields      little endian

Source: tcpdump.org, LINKTYPE_PPI.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, read

PPI = 192


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    if len(data) < at + 8:
        return truncated("ppi", at, 8, len(data) - at)
    size, inner = struct.unpack_from("<HI", data, at + 2)
    if size < 8:
        return Fault("ppi", at, "header length below the minimum", 8, size)
    if len(data) < at + size:
        return truncated("ppi", at, size, len(data) - at)
    if inner == link:
        return Fault("ppi", at + 4, "PPI inside PPI")
    return read(inner, data, at + size)


LINK_TYPE = LinkType((PPI,), _read)
