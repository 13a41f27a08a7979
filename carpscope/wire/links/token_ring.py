"""Token ring.

    access control 1 | frame control 1 | destination 6 | source 6 | (routing 2 to 30)? | LLC

The highest bit of the source says that routing follows; its low five bits are its length.

Source: tcpdump.org, LINKTYPE_IEEE802_5; IEEE 802.5; RFC 1042.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, bare, behind_llc

TOKEN_RING = 6
_LLC_MASK, _LLC = 0xC0, 0x40
_ROUTED = 0x80


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 15:
        return truncated("token ring", at, 15, len(data) - at)
    offset = at + 14
    if data[at + 1] & _LLC_MASK != _LLC:
        return bare(0, offset, "token ring")
    destination, first = data[at + 2 : at + 8], data[at + 8]
    source = bytes((first & ~_ROUTED,)) + data[at + 9 : at + 14]
    if first & _ROUTED:
        offset += data[offset] & 0x1F
    return behind_llc("token ring", source, destination, data, offset)


LINK_TYPE = LinkType((TOKEN_RING,), _read)
