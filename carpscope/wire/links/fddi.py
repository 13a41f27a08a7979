"""FDDI.

    frame control 1 | destination 6 | source 6 | LLC

Source: tcpdump.org, LINKTYPE_FDDI; RFC 1390.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, bare, behind_llc

FDDI = 10
_LLC_MASK, _LLC = 0x70, 0x50
"""Of the frame control: 01 and format LLC, with class and length of addresses beside."""


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    if len(data) < at + 13:
        return truncated("fddi", at, 13, len(data) - at)
    if data[at] & _LLC_MASK != _LLC:
        return bare(0, at + 13, "fddi")
    return behind_llc("fddi", data[at + 7 : at + 13], data[at + 1 : at + 7], data, at + 13)


LINK_TYPE = LinkType((FDDI,), _read)
