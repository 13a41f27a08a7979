"""LISP: IP in UDP behind eight bytes.

    flags 1 | nonce 3 | instance and status 4 | IP

Source: RFC 9300, 5.1 to 5.3.
"""

from carpscope.core.fault import truncated
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping, inside

PORT = 4341
_INSTANCE = 0x08


def _read(data: bytes, at: int, around: Around) -> Reading:
    if len(data) < at + 9:
        return truncated("lisp", at, 9, len(data) - at)
    if data[at + 8] >> 4 not in (4, 6):
        return None
    instance = int.from_bytes(data[at + 4 : at + 7], "big") if data[at] & _INSTANCE else None
    tunnel = around.tunnel("lisp", at + 8, instance, is_network=True)
    return inside(link.read_ip(data, at + 8), tunnel)


WRAPPING = Wrapping(_read, ports=(PORT,))
