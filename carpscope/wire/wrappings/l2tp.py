"""Layer 2 tunneling protocol: version 3 over IP or UDP, version 2 over UDP.

    3 over IP    session 4 (0: control) | (cookie 4 or 8)? | (sublayer 4)? | Ethernet or PPP
    3 over UDP   flags and version 2 | 0 2 | session 4 | as above
    2            flags and version 2 | (length 2)? | tunnel 2 | session 2 | (numbers 4)? |
                 (offset 2 | padding)? | PPP

No packet says how long the cookie is: what makes sense behind it decides.

Sources: RFC 3931, RFC 4719 (Ethernet); RFC 2661.
"""

import struct

from carpscope.core.fault import truncated
from carpscope.wire import link, ppp
from carpscope.wire.wrapping import UDP, Around, Reading, Wrapping, inside
from carpscope.wire.wrappings.mpls import is_ethernet

PROTOCOL = 115
PORT = 1701
_CONTROL, _LENGTH, _NUMBERS, _OFFSET = 0x8000, 0x4000, 0x0800, 0x0200
_BEFORE = (0, 4, 8, 12)
"""Cookie and sublayer together."""


def _read(data: bytes, at: int, around: Around) -> Reading:
    if around.ip is None or around.ip.protocol != UDP:
        return _session(data, at, around)
    if len(data) < at + 8:
        return truncated("l2tp", at, 8, len(data) - at)
    flags = data[at] << 8 | data[at + 1]
    if flags & _CONTROL:
        return None
    if flags & 15 == 3:
        return _session(data, at + 4, around)
    return _version_2(data, at, around, flags) if flags & 15 == 2 else None


def _session(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 4:
        return truncated("l2tp", at, 4, len(data) - at)
    session = int.from_bytes(data[at : at + 4], "big")
    if session == 0:
        return None  # control
    for before in _BEFORE:
        offset = at + 4 + before
        if is_ethernet(data, offset):
            tunnel = around.tunnel("l2tp 3", offset, session)
            return inside(link.read_ethernet(data, offset), tunnel)
    for before in _BEFORE:
        offset = at + 4 + before
        if data[offset : offset + 4] in (b"\xff\x03\x00\x21", b"\xff\x03\x00\x57"):
            return inside(ppp.read(data, offset), around.tunnel("l2tp 3", offset, session))
    return None


def _version_2(data: bytes, at: int, around: Around, flags: int) -> Reading:
    offset = at + 2 + (2 if flags & _LENGTH else 0)
    end = offset + 4 + (4 if flags & _NUMBERS else 0)
    padding = 0
    if flags & _OFFSET:
        if len(data) < end + 2:
            return truncated("l2tp", at, end + 2 - at, len(data) - at)
        padding = 2 + (data[end] << 8 | data[end + 1])
    if len(data) < end + padding:
        return truncated("l2tp", at, end + padding - at, len(data) - at)
    _, session = struct.unpack_from("!HH", data, offset)
    end += padding
    return inside(ppp.read(data, end), around.tunnel("l2tp 2", end, session))


WRAPPING = Wrapping(_read, protocols=(PROTOCOL,), ports=(PORT,))
