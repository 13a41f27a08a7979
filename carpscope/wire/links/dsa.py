"""Tags of switch chips between a switch and its processor: Marvell's DSA and EDSA, Broadcom's.

    DSA           dst 6 | src 6 | tag 4 | ethertype 2
    EDSA          dst 6 | src 6 | dada | 0 2 | tag 4 | ethertype 2
    Broadcom      dst 6 | src 6 | tag 4 | ethertype 2      or the tag before the frame
    DSA tag       kind 2 bits | tagged 1 | device 5 | … | priority 3 | … | VLAN 12

Where the frame was tagged, the DSA tag has taken the place of the 802.1Q tag.

Sources: tcpdump.org, LINKTYPE_DSA_TAG_BRCM, _BRCM_PREPEND, _DSA, _EDSA; Linux, net/dsa/tag_dsa.c.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import LinkType, LinkView, Tag, read_ethernet, read_tags

BROADCOM, BROADCOM_PREPENDED, DSA, EDSA = 281, 282, 284, 285
EDSA_TYPE = 0xDADA
_TAGGED = 0x20
_PLACES = {BROADCOM: 12, DSA: 12, EDSA: 16}


def behind_tag(data: bytes, at: int, tag: int, *, is_marvell: bool) -> LinkView | Fault:
    """Read a frame at `at` whose tag of four bytes lies at `tag`."""
    if len(data) < tag + 6:
        return truncated("dsa", at, tag + 6 - at, len(data) - at)
    tags, ethertype, offset = read_tags(data, tag + 4)
    if ethertype is None:
        return truncated("vlan", offset, 4, len(data) - offset)
    if is_marvell and data[tag] & _TAGGED:
        tci = (data[tag + 2] & 0xE0) << 8 | (data[tag + 2] & 0x0F) << 8 | data[tag + 3]
        tags = (Tag(0x8100, tci, tag), *tags)
    source, destination = data[at + 6 : at + 12], data[at : at + 6]
    return LinkView("ethernet", source, destination, tags, ethertype, offset)


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:
    if link == BROADCOM_PREPENDED:
        return read_ethernet(data, at + 4)
    return behind_tag(data, at, at + _PLACES[link], is_marvell=link != BROADCOM)


LINK_TYPE = LinkType((BROADCOM, BROADCOM_PREPENDED, DSA, EDSA), _read)
