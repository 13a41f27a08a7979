"""Linux cooked capture: what `-i any` gives.

    SLL    type 2 | arphrd 2 | alen 2 | address 8 | protocol 2
    SLL2   protocol 2 | zero 2 | ifindex 4 | arphrd 2 | type 1 | alen 1 | address 8

Source: tcpdump.org, LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2.
"""

import struct

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import TAG_TYPES, LinkType, LinkView, Tag, read_tags

SLL = 113
SLL2 = 276


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    return _sll(data, at) if link == SLL else _sll2(data, at)


def _sll(data: bytes, at: int) -> LinkView | Fault:
    if len(data) < at + 16:
        return truncated("sll", at, 16, len(data) - at)
    packet_type, _, size, address = struct.unpack_from("!HHH8s", data, at)
    tags, ethertype, offset = read_tags(data, at + 14)
    if ethertype is None:
        return truncated("vlan", offset, 4, len(data) - offset)
    source = address[: min(size, 8)] or None
    return LinkView("sll", source, None, tags, ethertype, offset, packet_type)


def _sll2(data: bytes, at: int) -> LinkView | Fault:
    if len(data) < at + 20:
        return truncated("sll2", at, 20, len(data) - at)
    ethertype, _, index, _, packet_type, size, address = struct.unpack_from("!HHIHBB8s", data, at)
    source = address[: min(size, 8)] or None
    tags: tuple[Tag, ...] = ()
    offset = at + 20
    if ethertype in TAG_TYPES:  # the tag's own bytes follow the header, its type stands in front
        if len(data) < offset + 4:
            return truncated("vlan", offset, 4, len(data) - offset)
        first = Tag(ethertype, data[offset] << 8 | data[offset + 1], offset)
        more, inner, offset = read_tags(data, offset + 2)
        if inner is None:
            return truncated("vlan", offset, 4, len(data) - offset)
        tags, ethertype = (first, *more), inner
    return LinkView("sll2", source, None, tags, ethertype, offset, packet_type, index)


LINK_TYPE = LinkType((SLL, SLL2), _read)
