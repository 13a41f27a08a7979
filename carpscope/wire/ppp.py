"""The point-to-point protocol: an address that says nothing, and the number of what follows.

    (ff 03)? | protocol 1 or 2 | payload          one byte where it is odd

Sources: RFC 1661, RFC 1662 (address and control), RFC 3518 (bridging), RFC 3032 (MPLS).
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link

_ETHERTYPES = {
    0x0021: link.ETHERTYPE_IPV4,
    0x0057: link.ETHERTYPE_IPV6,
    0x0281: 0x8847,
    0x0283: 0x8848,
}
_BRIDGED = 0x0031
_BRIDGED_ETHERNET = 1
_ENCRYPTED = 0x0053


def read(data: bytes, at: int) -> link.LinkView | Fault:
    """Read PPP at `at`, with or without its HDLC address."""
    if data[at : at + 2] == b"\xff\x03":
        at += 2
    if len(data) < at + 1:
        return truncated("ppp", at, 1, len(data) - at)
    protocol, offset = data[at], at + 1
    if not protocol & 1:
        if len(data) < at + 2:
            return truncated("ppp", at, 2, len(data) - at)
        protocol, offset = protocol << 8 | data[at + 1], at + 2
    if protocol == _BRIDGED:
        return _bridged(data, offset)
    if protocol == _ENCRYPTED:
        return Fault("ppp", at, link.ENCRYPTED)
    return link.LinkView("ppp", None, None, (), _ETHERTYPES.get(protocol, 0), offset)


def _bridged(data: bytes, at: int) -> link.LinkView | Fault:
    """Read a bridged frame: flags 1, kind of MAC 1, then the frame."""
    if len(data) < at + 2:
        return truncated("ppp bridging", at, 2, len(data) - at)
    if data[at + 1] != _BRIDGED_ETHERNET:
        return link.LinkView("ppp", None, None, (), 0, at + 2)
    return link.read_ethernet(data, at + 2)
