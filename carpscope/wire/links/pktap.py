"""PKTAP: what macOS puts in front of packets of any interface.

    length 4 | next type 4 | link type 4 | interface 24 | flags 4 | …     little endian
    the frame of that link type follows after `length` bytes

Source: tcpdump.org, LINKTYPE_PKTAP; Darwin, bsd/net/pktap.h.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, read

PKTAP = 258
_DLT_RAW = 12


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    if len(data) < at + 12:
        return truncated("pktap", at, 12, len(data) - at)
    size, _, inner = struct.unpack_from("<III", data, at)
    if size < 12:
        return Fault("pktap", at, "header length below the minimum", 12, size)
    if len(data) < at + size:
        return truncated("pktap", at, size, len(data) - at)
    if inner == link:
        return Fault("pktap", at + 8, "PKTAP inside PKTAP")
    return read(inner, data, at + size)


LINK_TYPE = LinkType((PKTAP,), _read)
