"""EtherIP: Ethernet in IP, as OpenBSD's etherip(4) and FreeBSD's gif(4) on a bridge send it.

    version 4 bits (3), 12 bits 0 | frame

Source: RFC 3378.
"""

from carpscope.core.fault import Fault, truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

ETHERIP = 97
_VERSIONS = frozenset((0x03, 0x30))
"""As the RFC has it, and with the halves of the byte exchanged, as BSD once sent it."""


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 2:
        return truncated("etherip", at, 2, len(data) - at)
    if data[at] not in _VERSIONS:
        return Fault("etherip", at, f"version {data[at] >> 4} where 3 must be")
    return inside(link.read_ethernet(data, at + 2), around.tunnel("etherip", at + 2))


WRAPPING = Wrapping(_read, protocols=(ETHERIP,))
