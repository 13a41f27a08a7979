"""IPsec's ESP: encrypted, and so only counted. (AH is an extension header, `wire.ip`.)

    SPI 4 | sequence 4 | …

Source: RFC 4303.
"""

from carpscope.core.fault import Fault
from carpscope.wire import link
from carpscope.wire.wrapping import Around, Reading, Wrapping

ESP = 50


def _read(data: bytes, at: int, around: Around) -> Reading:  # noqa: ARG001
    return Fault("esp", at, link.ENCRYPTED)


WRAPPING = Wrapping(_read, protocols=(ESP,))
