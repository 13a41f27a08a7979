"""Radiotap: what the card says of an 802.11 frame, in front of it.

    version 1 | 0 1 | length 2 | present 4 (bit 31: another word follows) | fields

Flags (bit 1) tell that the 802.11 header was padded; only TSFT (bit 0, 8 bytes, aligned) may
come before them.

Source: radiotap.org; tcpdump.org, LINKTYPE_IEEE802_11_RADIOTAP.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView
from carpscope.wire.links import wifi

RADIOTAP = 127
_TSFT, _FLAGS, _MORE = 1, 2, 1 << 31
_DATA_PAD = 0x20


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 8:
        return truncated("radiotap", at, 8, len(data) - at)
    size, present = struct.unpack_from("<HI", data, at + 2)
    if size < 8:
        return Fault("radiotap", at, "header length below the minimum", 8, size)
    if len(data) < at + size:
        return truncated("radiotap", at, size, len(data) - at)
    return wifi.read(data, at + size, padded=_is_padded(data, at, size, present))


def _is_padded(data: bytes, at: int, size: int, present: int) -> bool:
    if not present & _FLAGS:
        return False
    fields, word = 8, present
    while word & _MORE and fields + 4 <= size:
        word = struct.unpack_from("<I", data, at + fields)[0]
        fields += 4
    if present & _TSFT:
        fields = ((fields + 7) & ~7) + 8
    return fields < size and bool(data[at + fields] & _DATA_PAD)


LINK_TYPE = LinkType((RADIOTAP,), _read)
