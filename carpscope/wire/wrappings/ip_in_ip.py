"""IP in IP, 6in4 and 4in6, and IPv6 through NAT (Teredo).

protocol 4    IPv4 (RFC 2003, RFC 2473)        protocol 41    IPv6 (RFC 4213)
UDP 3544      (00 01, authentication)? | (00 00, origin 8)? | IPv6 (RFC 4380)
"""

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import UDP, Around, Reading, Wrapping, inside

PORT = 3544
_AUTHENTICATION, _ORIGIN = b"\0\1", b"\0\0"


def _read(data: bytes, at: int, around: Around) -> Reading:
    is_teredo = around.ip is not None and around.ip.protocol == UDP
    if is_teredo:
        if data[at : at + 2] == _AUTHENTICATION:
            if len(data) < at + 4:
                return truncated("teredo", at, 4, len(data) - at)
            at += 13 + data[at + 2] + data[at + 3]
        if data[at : at + 2] == _ORIGIN:
            at += 8
        if len(data) <= at or data[at] >> 4 != 6:
            return None
    return inside(link.read_ip(data, at), around.tunnel("teredo" if is_teredo else "ip", at))


WRAPPING = Wrapping(_read, protocols=(4, 41), ports=(PORT,))
