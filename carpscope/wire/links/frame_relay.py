"""Frame relay.

    address 2 to 4 (the last byte is odd) | 03 | (00)? | NLPID 1 | …
      cc IPv4, 8e IPv6, cf PPP, 80 SNAP: organization 3, type 2
    address 2 to 4 | ethertype 2             Cisco's own encapsulation

Sources: RFC 2427; tcpdump.org, LINKTYPE_FRELAY.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import llc, ppp
from carpscope.wire.link import ETHERTYPE_IPV4, ETHERTYPE_IPV6, LinkType, LinkView, bare

FRELAY = 107
_UNNUMBERED = 0x03
_PAD = 0x00
_NLPID = {0xCC: ETHERTYPE_IPV4, 0x8E: ETHERTYPE_IPV6}
_SNAP, _PPP = 0x80, 0xCF
_ADDRESS_MAX = 4


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    start = at
    while len(data) > at and not data[at] & 1 and at - start < _ADDRESS_MAX:
        at += 1
    at += 1
    if len(data) < at + 2:
        return truncated("frame relay", start, at + 2 - start, len(data) - start)
    if data[at] != _UNNUMBERED:
        return bare(data[at] << 8 | data[at + 1], at + 2, "frame relay")
    at += 1
    if data[at] == _PAD:
        at += 1
    if len(data) <= at:
        return truncated("frame relay", start, at + 1 - start, len(data) - start)
    nlpid = data[at]
    if nlpid == _PPP:
        return ppp.read(data, at + 1)
    if nlpid != _SNAP:
        return bare(_NLPID.get(nlpid, 0), at + 1, "frame relay")
    if len(data) < at + 6:
        return truncated("frame relay", at, 6, len(data) - at)
    # From the organization on it is what LLC has behind its own three bytes.
    inner = llc.snap(data, at + 1)
    return bare(*inner, "frame relay") if inner else bare(0, at + 6, "frame relay")


LINK_TYPE = LinkType((FRELAY,), _read)
