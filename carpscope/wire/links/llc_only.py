"""Link types with LLC behind addresses that are no MACs, or behind none.

    ATM_RFC1483             LLC                                   100, or 11 of BSD/OS
    SunATM                  kind 1 | path 1 | circuit 2 | LLC
    IP over Fibre Channel   destination 8 | source 8 | LLC        two bytes and a MAC each
    IP over InfiniBand      global routing header 40 | ethertype 2 | 0 2
    IP over IEEE 1394       destination 8 | source 8 | ethertype 2

Source: tcpdump.org, LINKTYPE_ATM_RFC1483, _SUNATM, _IP_OVER_FC, _IPOIB, _APPLE_IP_OVER_IEEE1394.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, bare, behind_llc

ATM, ATM_BSDOS, SUNATM, FIBRE_CHANNEL, IPOIB, IEEE1394 = 100, 11, 123, 122, 242, 138
_SIZES = {ATM: 0, ATM_BSDOS: 0, SUNATM: 4, FIBRE_CHANNEL: 16, IPOIB: 44, IEEE1394: 18}


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    size = _SIZES[link]
    if len(data) < at + size:
        return truncated("link", at, size, len(data) - at)
    if link in (ATM, ATM_BSDOS, SUNATM):
        return behind_llc("llc", None, None, data, at + size)
    if link == FIBRE_CHANNEL:
        return behind_llc("llc", data[at + 10 : at + 16], data[at + 2 : at + 8], data, at + size)
    ethertype = at + (40 if link == IPOIB else 16)
    return bare(data[ethertype] << 8 | data[ethertype + 1], at + size, "llc")


LINK_TYPE = LinkType(tuple(_SIZES), _read)
