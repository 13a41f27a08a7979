"""ARP over Ethernet for IPv4: who claims which address with which MAC.

    htype 2 | ptype 2 | hlen 1 | plen 1 | oper 2 | sha 6 | spa 4 | tha 6 | tpa 4

A gratuitous ARP (sender IP = target IP) is how a new master announces an address.
"""

import struct
from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.core.units import SECOND, Nanos

PATIENCE: Nanos = 3 * SECOND
"""How long a host asks before it gives up: three times, a second apart (RFC 4861 section 10,
MAX_MULTICAST_SOLICIT and RETRANS_TIMER; Linux and BSDs ask for IPv4 as often)."""
REPLY_WITHIN: Nanos = SECOND
"""An answer later than this belongs to the next request (RETRANS_TIMER)."""
REQUEST = 1
REPLY = 2
SIZE = 28
_LAYOUT = struct.Struct("!HHBBH6s4s6s4s")


class ArpView(NamedTuple):
    """An ARP packet."""

    operation: int
    sender_mac: bytes
    sender_ip: bytes
    target_mac: bytes
    target_ip: bytes
    offset: int

    @property
    def is_announcement(self) -> bool:
        """Tell whether the sender announces its own address (gratuitous ARP)."""
        return self.sender_ip == self.target_ip and any(self.sender_ip)

    @property
    def is_probe(self) -> bool:
        """Tell whether the sender asks before it uses an address (RFC 5227)."""
        return not any(self.sender_ip)

    def encode(self) -> bytes:
        """Return the 28 bytes."""
        return _LAYOUT.pack(
            1,
            0x0800,
            6,
            4,
            self.operation,
            self.sender_mac,
            self.sender_ip,
            self.target_mac,
            self.target_ip,
        )


def read(data: bytes, offset: int) -> ArpView | Fault:
    """Read an ARP packet; other hardware or protocols than Ethernet and IPv4 are a fault."""
    if len(data) < offset + SIZE:
        return truncated("arp", offset, SIZE, len(data) - offset)
    htype, ptype, hlen, plen, operation, sha, spa, tha, tpa = _LAYOUT.unpack_from(data, offset)
    if (htype, ptype, hlen, plen) != (1, 0x0800, 6, 4):
        return Fault("arp", offset, f"not Ethernet and IPv4 (types {htype}, {ptype:#06x})")
    return ArpView(operation, sha, spa, tha, tpa, offset)


def announcement(address: bytes, sender_mac: bytes, target_mac: bytes = bytes(6)) -> ArpView:
    """Return the gratuitous ARP request for an address, as CARP systems send it."""
    return ArpView(REQUEST, sender_mac, address, target_mac, address, 0)
