"""ERF: records of Endace cards.

    time 8 | type 1 | flags 1 | length 2 | loss or color 2 | wire length 2 | (extension 8)* | …
    Ethernet: offset 1 | pad 1 | frame          HDLC: PPP or Cisco HDLC     IP: bare

Source: tcpdump.org, LINKTYPE_ERF; Endace, ERF types reference; Wireshark, wiretap/erf.h.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import ppp
from carpscope.wire.link import LinkType, LinkView, bare, read_ethernet, read_ip
from carpscope.wire.links.ppp import CISCO_HDLC, cisco_hdlc

ERF = 197
_EXTENDED = 0x80
_HDLC = frozenset((1, 5, 10, 12, 17))
_ETHERNET = frozenset((2, 4, 11, 16, 20))
_IP = frozenset((22, 23))
"""IPv4 and IPv6."""


def body(kind: int, data: bytes, at: int) -> LinkView | Fault:
    """Read what a record of a type carries, behind its header and extensions."""
    if kind in _ETHERNET:
        return read_ethernet(data, at + 2)
    if kind in _HDLC:
        is_cisco = len(data) > at and data[at] in CISCO_HDLC
        return cisco_hdlc(data, at) if is_cisco else ppp.read(data, at)
    return read_ip(data, at, "erf") if kind in _IP else bare(0, at, "erf")


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 16:
        return truncated("erf", at, 16, len(data) - at)
    kind, offset = data[at + 8], at + 16
    more = kind & _EXTENDED
    while more:
        if len(data) < offset + 8:
            return truncated("erf", offset, 8, len(data) - offset)
        more = data[offset] & _EXTENDED
        offset += 8
    return body(kind & 0x7F, data, offset)


LINK_TYPE = LinkType((ERF,), _read)
