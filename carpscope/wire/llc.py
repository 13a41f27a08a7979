"""Logical link control: what follows the addresses where a length stands for the ethertype.

    LLC    dsap 1 | ssap 1 | control 1
    SNAP   aa aa 03 | organization 3 | type 2

Sources: IEEE 802.2; RFC 1042 (organization 0); RFC 2684 and RFC 2427 (00:80:c2, a bridged
frame); 802.1H (00:00:f8).
"""

from carpscope.core.fault import Fault, truncated

LENGTH_MAX = 1500
"""A larger number where Ethernet has its type is an ethertype (IEEE 802.3)."""
BRIDGED = 0x6558
"""The ethertype of a whole Ethernet frame (transparent Ethernet bridging)."""
IPV4 = 0x0800
_SNAP = b"\xaa\xaa\x03"
_IP_SAP = b"\x06\x06\x03"
_ORGANIZATION_BRIDGED = b"\x00\x80\xc2"
_BRIDGED_ETHERNET = frozenset((1, 7))
"""With and without the frame check sequence at the end."""


def read(data: bytes, at: int) -> tuple[int, int] | Fault | None:
    """Read LLC at `at`; give the ethertype and where its payload begins.

    None for what has no ethertype, such as the spanning tree's frames.
    """
    head = data[at : at + 3]
    if len(head) < 3:
        return truncated("llc", at, 3, len(head))
    if head == _IP_SAP:
        return IPV4, at + 3
    if head != _SNAP:
        return None
    if len(data) < at + 8:
        return truncated("snap", at, 8, len(data) - at)
    return snap(data, at + 3)


def snap(data: bytes, at: int) -> tuple[int, int] | None:
    """Read organization and type, five bytes that are there, from `at` on."""
    organization, kind = data[at : at + 3], data[at + 3] << 8 | data[at + 4]
    if organization == _ORGANIZATION_BRIDGED:
        return (BRIDGED, at + 5) if kind in _BRIDGED_ETHERNET else None
    return kind, at + 5
