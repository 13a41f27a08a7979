"""One captured frame, as it came from a file or an interface."""

import struct
from abc import abstractmethod
from typing import NamedTuple, Protocol

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


class Shortcut(Protocol):
    """Takes packets of one kind off a reader's hands, before they become frames."""

    __slots__ = ()

    @abstractmethod
    def take(
        self,
        at: Nanos,
        number: int,
        head: bytes,
        identification: bytes,
        middle: bytes,
        ip_sum: bytes,
        tail: bytes,
    ) -> bool:
        """Take a packet of `LAYOUTS`, its key left out; False where it has to become a frame."""


Shortcuts = dict[bytes, Shortcut]
"""By a packet's key; whoever reads asks here first, whoever analyzes fills it."""
OTHERS = b""
"""Under this: who may take what has no shortcut of its own. It is given the key for the id."""

PARTS = {70: struct.Struct("18s2s4s2s14s30s"), 74: struct.Struct("22s2s4s2s14s30s")}
LAYOUTS = {length: parts.unpack_from for length, parts in PARTS.items()}
"""By length: an IPv4 advertisement in Ethernet, without and with a VLAN tag.

    head              | id | middle        | sum | key                 | tail
    Ethernet, IP as   |    | flags, TTL,   |     | source, destination,| checksum, counter,
    far as its length |    | protocol      |     | 6 bytes of CARP     | HMAC
"""
