"""NFLOG: what netfilter handed to a log group.

    family 1 | version 1 | resource 2 | (length 2 | type 2 | value, padded to 4)*
    the packet is the value of type 9, from IP on; lengths are in the host's order

Source: tcpdump.org, LINKTYPE_NFLOG.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, read_ip

NFLOG = 239
_PAYLOAD = 9
_TYPE_MASK = 0x7FFF


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 4:
        return truncated("nflog", at, 4, len(data) - at)
    start, at = at, at + 4
    order = "<" if _follows("<", data, at) else ">"
    while len(data) >= at + 4:
        size, kind = struct.unpack_from(f"{order}HH", data, at)
        if size < 4:
            return Fault("nflog", at, "an attribute shorter than its own header", 4, size)
        if kind & _TYPE_MASK == _PAYLOAD:
            return read_ip(data, at + 4, "nflog")
        at += (size + 3) & ~3
    return truncated("nflog", start, at + 4 - start, len(data) - start)


def _follows(order: str, data: bytes, at: int) -> bool:
    """Tell whether the first attribute's length makes sense in this order of bytes."""
    if len(data) < at + 2:
        return True
    size: int = struct.unpack_from(f"{order}H", data, at)[0]
    return 4 <= size <= len(data) - at


LINK_TYPE = LinkType((NFLOG,), _read)
