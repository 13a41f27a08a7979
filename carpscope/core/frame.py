"""One captured frame, as it came from a file or an interface."""

from typing import NamedTuple

from carpscope.core.units import Nanos


class Frame(NamedTuple):
    """Bytes with their place and time; nothing of them is interpreted yet.

    A NamedTuple and not a frozen dataclass: one is made for every packet of a
    capture, and a frozen dataclass costs three times as much to make.
    """

    number: int
    """Counted from 1 within its capture, over all packets, as Wireshark does."""
    at: Nanos
    """When it was captured, nanoseconds since 1970 UTC."""
    link: int
    """LINKTYPE number of the interface it was captured on (1 = Ethernet)."""
    data: bytes
    """What was captured: the whole frame or, with a snap length, its beginning."""
    wire_length: int
    """Length on the wire; more than `len(data)` where the capture cut it."""
    capture: int = 0
    """Which capture of those given, from 0."""
    interface: int = 0
    """Which interface of that capture, from 0 (pcapng has several)."""
