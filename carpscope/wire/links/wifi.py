"""IEEE 802.11: data frames, from which LLC tells what they carry.

    control 2 | duration 2 | address 6 x 3 | sequence 2 | (address 6)? | (QoS 2)? | (HT 4)? | LLC
    mesh       (flags 1 | ttl 1 | sequence 4 | address 0, 6 or 12) before LLC
    A-MSDU     destination 6 | source 6 | length 2 | LLC                 the first is read

Control: type and subtype, to and from the distribution system, order, protected.

Source: IEEE 802.11-2020, 9.2.4 and 9.3.2; tcpdump.org, LINKTYPE_IEEE802_11.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire.link import ENCRYPTED, LinkType, LinkView, bare, behind_llc

IEEE802_11 = 105
_DATA = 2
_TO, _FROM, _PROTECTED, _ORDER = 0x01, 0x02, 0x40, 0x80
_QOS, _NO_DATA = 0x8, 0x4
_AGGREGATE, _MESH = 0x80, 0x01


def read(data: bytes, at: int, *, padded: bool = False) -> LinkView | Fault:
    """Read a frame at `at`; `padded` where the card filled the header up to four bytes."""
    if len(data) < at + 2:
        return truncated("802.11", at, 2, len(data) - at)
    control, flags = data[at], data[at + 1]
    subtype = control >> 4
    if control >> 2 & 3 != _DATA or subtype & _NO_DATA:
        return bare(0, at, "802.11")  # management, control, or a data frame without data
    both = flags & (_TO | _FROM)
    size = 30 if both == _TO | _FROM else 24
    quality = at + size
    if subtype & _QOS:
        size += 2 + (4 if flags & _ORDER else 0)
    if len(data) < at + size:
        return truncated("802.11", at, size, len(data) - at)
    if flags & _PROTECTED:
        return Fault("802.11", at, ENCRYPTED)
    addresses = [data[at + n : at + n + 6] for n in (4, 10, 16, 24)]
    destination = addresses[2] if flags & _TO else addresses[0]
    source = addresses[1]
    if flags & _FROM:
        source = addresses[3] if flags & _TO else addresses[2]
    body = at + ((size + 3) & ~3 if padded else size)
    if subtype & _QOS:
        if data[quality] & _AGGREGATE:
            destination, source = data[body : body + 6], data[body + 6 : body + 12]
            body += 14
        elif data[quality + 1] & _MESH and len(data) > body:
            body += 6 + (0, 6, 12, 0)[data[body] & 3]
    return behind_llc("802.11", source, destination, data, body)


def _read(link: int, data: bytes, at: int) -> LinkView | Fault:  # noqa: ARG001
    return read(data, at)


LINK_TYPE = LinkType((IEEE802_11,), _read)
