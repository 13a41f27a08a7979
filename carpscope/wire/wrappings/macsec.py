"""MACsec: read where it only authenticates.

    control 1 (20 a channel follows, 08 encrypted, 04 changed) | length 1 | number 4 | (channel 8)?
    | ethertype …

Source: IEEE 802.1AE-2018, 9.3 to 9.9.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, same_frame

ETHERTYPE = 0x88E5
_CHANNEL, _ENCRYPTED, _CHANGED = 0x20, 0x08, 0x04


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 6:
        return truncated("macsec", at, 6, len(data) - at)
    if data[at] & (_ENCRYPTED | _CHANGED):
        return Fault("macsec", at, link.ENCRYPTED)
    return same_frame(data, around, at + (14 if data[at] & _CHANNEL else 6))


WRAPPING = Wrapping(_read, ethertypes=(ETHERTYPE,))
