"""GTP-U: a subscriber's packets in a mobile network.

    flags 1 | type 1 (ff: a packet) | length 2 | endpoint 4 | (sequence 2 | number 1 | next 1)?
    extension: length 1, in units of 4 bytes | … | next 1

Source: 3GPP TS 29.281, 5.1 and 5.2.1.
"""

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

PORT = 2152
_PACKET = 0xFF
_OPTIONAL, _EXTENDED = 0x07, 0x04


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 8:
        return truncated("gtp", at, 8, len(data) - at)
    flags = data[at]
    if flags >> 4 != 3 or data[at + 1] != _PACKET:  # version 1, GTP and not GTP'
        return None
    offset = at + 8
    if flags & _OPTIONAL:
        offset += 4
        following = data[offset - 1] if flags & _EXTENDED and len(data) >= offset else 0
        while following:
            size = 4 * data[offset] if len(data) > offset else 0
            if size == 0 or len(data) < offset + size:
                return truncated("gtp", offset, max(size, 4), len(data) - offset)
            offset += size
            following = data[offset - 1]
    if len(data) <= offset or data[offset] >> 4 not in (4, 6):
        return None  # another kind of session
    endpoint = int.from_bytes(data[at + 4 : at + 8], "big")
    return inside(link.read_ip(data, offset), around.tunnel("gtp", offset, endpoint))


WRAPPING = Wrapping(_read, ports=(PORT,))
