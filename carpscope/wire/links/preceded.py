"""Ethernet behind a few bytes of the card that captured it.

    ETHERNET_MPACKET   preamble 8 | frame
    DOCSIS             control 1 | parameter 1 | length 2 | (extension)? | check 2 | frame

Source: tcpdump.org, LINKTYPE_ETHERNET_MPACKET and LINKTYPE_DOCSIS.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, bare, read_ethernet

DOCSIS, MPACKET = 143, 274
_PREAMBLE = 8
_MAC_SPECIFIC, _EXTENDED = 0xC0, 0x01


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    if link != DOCSIS:
        return read_ethernet(data, at + _PREAMBLE)
    if len(data) < at + 6:
        return truncated("docsis", at, 6, len(data) - at)
    if data[at] & _MAC_SPECIFIC:
        return bare(0, at + 6, "docsis")  # management, or for the modem itself
    return read_ethernet(data, at + 6 + (data[at + 1] if data[at] & _EXTENDED else 0))


LINK_TYPE = LinkType((DOCSIS, MPACKET), _read)
