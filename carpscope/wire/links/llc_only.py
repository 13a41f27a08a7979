"""Link types with LLC behind addresses that are no MACs, or behind none.

    ATM_RFC1483             LLC
    IP over Fibre Channel   destination 8 | source 8 | LLC        two bytes and a MAC each
    IP over InfiniBand      global routing header 40 | ethertype 2 | 0 2
    IP over IEEE 1394       destination 8 | source 8 | ethertype 2

Source: tcpdump.org, LINKTYPE_ATM_RFC1483, _IP_OVER_FC, _IPOIB, _APPLE_IP_OVER_IEEE1394.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, bare, behind_llc

ATM, FIBRE_CHANNEL, IPOIB, IEEE1394 = 100, 122, 242, 138
_SIZES = {ATM: 0, FIBRE_CHANNEL: 16, IPOIB: 44, IEEE1394: 18}


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    size = _SIZES[link]
    if len(data) < at + size:
        return truncated("link", at, size, len(data) - at)
    if link == ATM:
        return behind_llc("llc", None, None, data, at)
    if link == FIBRE_CHANNEL:
        return behind_llc("llc", data[at + 10 : at + 16], data[at + 2 : at + 8], data, at + size)
    ethertype = at + (40 if link == IPOIB else 16)
    return bare(data[ethertype] << 8 | data[ethertype + 1], at + size, "llc")


LINK_TYPE = LinkType((ATM, FIBRE_CHANNEL, IPOIB, IEEE1394), _read)
