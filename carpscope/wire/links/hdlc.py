"""Cisco HDLC.

    address 1 (0f unicast, 8f broadcast) | control 1 | ethertype 2

Source: tcpdump.org, LINKTYPE_C_HDLC; RFC 1547, section 4.3.1.
"""

from carpscope.core.fault import Fault
from carpscope.wire.link import LinkType, LinkView
from carpscope.wire.links.ppp import cisco_hdlc

C_HDLC, C_HDLC_BSDOS = 104, 112


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    return cisco_hdlc(data, at)


LINK_TYPE = LinkType((C_HDLC, C_HDLC_BSDOS), _read)
