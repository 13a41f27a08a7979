"""TaZmen Sniffer Protocol, with which RouterOS mirrors.

    version 1 | type 1 | protocol 2 | (tag 1 | length 1 | value)* | 01        00 pads
    protocol: 1 Ethernet, 18 802.11, 119 Prism, 127 with an AVS header

Source: Wireshark, epan/dissectors/packet-tzsp.c.
"""

import struct

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

PORT = 37008
_LINK_TYPES = {1: link.ETHERNET, 18: 105, 119: 119, 127: 163}
_RECEIVED, _TRANSMIT = 0, 1


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 5:
        return truncated("tzsp", at, 5, len(data) - at)
    version, kind, protocol = struct.unpack_from("!BBH", data, at)
    if version != 1 or kind not in (_RECEIVED, _TRANSMIT) or protocol not in _LINK_TYPES:
        return None
    tag = at + 4
    while tag < len(data) and data[tag] != 1:  # 1 ends the list, 0 pads and has no length
        if data[tag] == 0:
            tag += 1
        elif tag + 1 < len(data):
            tag += 2 + data[tag + 1]
        else:
            return truncated("tzsp", tag, 2, 1)
    if tag >= len(data):
        return truncated("tzsp", at, tag + 1 - at, len(data) - at)
    return inside(link.read(_LINK_TYPES[protocol], data, tag + 1), around.tunnel("tzsp", tag + 1))


WRAPPING = Wrapping(_read, ports=(PORT,))
