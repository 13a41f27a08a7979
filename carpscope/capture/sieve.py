"""What an analysis need not look at: other people's TCP, UDP and ICMP.

Most of a capture that was not filtered is that, and making a frame of it costs fifty times as
much as seeing what it is. An analysis only wants to know that time passed; readers count such
packets and do not give them, where somebody has opened their sieve.
"""

SIEVED_SIZE = 38
"""Shorter packets are given: an address, a protocol and a port of IPv4 lie before."""
SIEVED_IPV6 = 58
"""The same of IPv6."""
_TAGS = frozenset((b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00", b"\x93\x00"))
_TAGS_MOST = 2
"""A packet with more tags is given."""
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_BORING = frozenset((1, 6))
"""ICMP and TCP. The ICMP of IPv6 is neighbour discovery too."""
_TCP, _UDP = 6, 17
_PLAIN = 0x45
"""IPv4 without options: ports are where they usually are."""
TUNNEL_PORTS = (1701, 2152, 3544, 4341, 4789, 4790, 6081, 6635, 8472, 37008)
"""UDP that may hold what was captured elsewhere; a test holds them to `wire.wrappings`."""
_TUNNELS = frozenset(port.to_bytes(2, "big") for port in TUNNEL_PORTS)


class UnfitError(Exception):
    """This file has to be read properly, not only scanned."""


class Sieve:
    """Says which packets of a link type to drop; shut until an analysis opens it."""

    __slots__ = ("dropped", "is_open")

    def __init__(self) -> None:
        """Let everything through."""
        self.is_open = False
        self.dropped = 0

    def __bool__(self) -> bool:
        """Tell whether anything is dropped."""
        return self.is_open

    def drops(self, data: bytes, start: int, length: int) -> bool:
        """Tell whether the packet that begins there, of 38 bytes at least, is of no interest."""
        kind = data[start + 12 : start + 14]
        if kind in _TAGS:
            for _ in range(_TAGS_MOST):
                if length < SIEVED_SIZE + 4:
                    return False
                start, length = start + 4, length - 4
                kind = data[start + 12 : start + 14]
                if kind not in _TAGS:
                    break
            else:
                return False
        if kind == _IPV4:
            protocol = data[start + 23]
            if protocol == _UDP:
                if data[start + 14] != _PLAIN or data[start + 36 : start + 38] in _TUNNELS:
                    return False
            elif protocol not in _BORING:
                return False
        elif kind == _IPV6 and length >= SIEVED_IPV6:
            protocol = data[start + 20]
            if protocol == _UDP:
                if data[start + 56 : start + 58] in _TUNNELS:
                    return False
            elif protocol != _TCP:
                return False
        else:
            return False
        self.dropped += 1
        return True
