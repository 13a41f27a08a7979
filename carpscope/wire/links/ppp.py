"""PPP as link type: on a serial line, with a direction, or PPPoE without Ethernet.

    PPP, PPP_HDLC    (ff 03)? | protocol | …, or a Cisco HDLC header (0f or 8f, 00)
    PPP_WITH_DIR     direction 1 | as PPP
    PPP_ETHER        version and type 1 | code 1 | session 2 | length 2 | protocol | …

Source: tcpdump.org, LINKTYPE_PPP, _PPP_HDLC, _PPP_ETHER, _PPP_WITH_DIR.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import ppp
from carpscope.wire.link import LinkType, LinkView, bare

PPP, PPP_HDLC, PPP_ETHER, PPP_WITH_DIRECTION = 9, 50, 51, 204
CISCO_HDLC = frozenset((0x0F, 0x8F))
"""Unicast and broadcast, where PPP has ff."""


def cisco_hdlc(data: bytes, at: int) -> LinkView | Fault:
    """Read address 1, control 1 and an ethertype."""
    if len(data) < at + 4:
        return truncated("c-hdlc", at, 4, len(data) - at)
    return bare(data[at + 2] << 8 | data[at + 3], at + 4, "c-hdlc")


def pppoe(data: bytes, at: int) -> LinkView | Fault:
    """Read a session's packet of PPPoE (RFC 2516) from its version on."""
    if len(data) < at + 6:
        return truncated("pppoe", at, 6, len(data) - at)
    if data[at] != 0x11:
        return Fault("pppoe", at, f"version and type {data[at]:#04x} where 0x11 must be")
    if data[at + 1] != 0:
        return bare(0, at + 6, "pppoe")  # discovery
    return ppp.read(data, at + 6)


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    if link == PPP_ETHER:
        return pppoe(data, at)
    if link == PPP_WITH_DIRECTION:
        at += 1
    if len(data) > at and data[at] in CISCO_HDLC and link in (PPP_HDLC, PPP):
        return cisco_hdlc(data, at)
    return ppp.read(data, at)


LINK_TYPE = LinkType((PPP, PPP_HDLC, PPP_ETHER, PPP_WITH_DIRECTION), _read)
