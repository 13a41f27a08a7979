"""Tags that are no VLAN: the frame goes on behind them, with the addresses it had.

    8909   Cisco metadata: version 1 | length 1 | option 2 | group 2 | ethertype
    893f   802.1BR: 6 | ethertype          8926   VN-tag: 4 | ethertype
    f1c1   802.1CB: 0 2 | sequence 2 | ethertype
    892f   HSR: path and size 2 | sequence 2 | ethertype
    dada   EDSA: 0 2 | tag 4 | ethertype

Sources: IEEE 802.1BR-2012, 7.5; IEEE 802.1CB-2017, 7.8; IEC 62439-3, 5.7; Linux,
net/dsa/tag_dsa.c; Wireshark, packet-cisco-metadata.c and packet-vntag.c.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.links.dsa import EDSA_TYPE, behind_tag
from carpscope.wire.wrapping import Around, Reading, Unwrapped, Wrapping, same_frame

_SIZES = {0x8909: 6, 0x893F: 6, 0x8926: 4, 0xF1C1: 4, 0x892F: 4}


def _read(data: bytes, at: int, around: Around) -> Reading:
    below = around.link
    if below.ethertype != EDSA_TYPE:
        return same_frame(data, around, at + _SIZES[below.ethertype])
    start = at - 14 - 4 * len(below.tags)
    if start < 0:
        return truncated("edsa", at, 8, len(data) - at)
    inner = behind_tag(data, start, at + 2, is_marvell=True)
    if isinstance(inner, Fault):
        return inner
    return Unwrapped(inner._replace(tags=(*below.tags, *inner.tags)), None)


WRAPPING = Wrapping(_read, ethertypes=(*_SIZES, EDSA_TYPE))
