"""Prism and AVS: what older Wi-Fi drivers put in front of an 802.11 frame.

    Prism   code 4 | length 4 | device 16 | …        in the order of the capturing machine
    AVS     version 4 (8021 10xx) | length 4 | …     in network order, also under Prism's number

Source: tcpdump.org, LINKTYPE_IEEE802_11_PRISM and LINKTYPE_IEEE802_11_AVS.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView
from carpscope.wire.links import wifi

PRISM, AVS = 119, 163
_AVS_VERSION = b"\x80\x21\x10"


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 8:
        return truncated("prism", at, 8, len(data) - at)
    if data[at : at + 3] == _AVS_VERSION:
        size: int = struct.unpack_from("!I", data, at + 4)[0]
    else:
        size = min(struct.unpack_from(order, data, at + 4)[0] for order in ("<I", ">I"))
    if size < 8:
        return Fault("prism", at, "header length below the minimum", 8, size)
    if len(data) < at + size:
        return truncated("prism", at, size, len(data) - at)
    return wifi.read(data, at + size)


LINK_TYPE = LinkType((PRISM, AVS), _read)
