"""Addresses as bytes inside, as text outside.

Addresses are kept as the 4, 6 or 16 bytes that stand on the wire: that is what
is hashed, compared and grouped. `socket` is imported only to read text and for IPv6.
"""

from functools import lru_cache

from carpscope.core.errors import CarpscopeError

LINK_LOCAL_PREFIX = b"\xfe\x80"
GROUP4, GROUP6 = bytes((224, 0, 0, 18)), b"\xff\x02" + bytes(13) + b"\x12"
"""To which advertisements are sent: all VRRP routers, and all CARP nodes."""


@lru_cache(maxsize=4096)
def ip_text(address: bytes) -> str:
    """Give 4 or 16 bytes as text, `192.168.1.50` or `2001:db8::1`."""
    if len(address) == 4:
        return ".".join(map(str, address))
    import socket  # noqa: PLC0415 - it takes milliseconds, and often nobody sends IPv6

    return socket.inet_ntop(socket.AF_INET6, address)


def mac_text(address: bytes) -> str:
    """Give bytes as `00:00:5e:00:01:0a`."""
    return address.hex(":")


def ip_bytes(text: str, sizes: tuple[int, ...] = (4, 16)) -> bytes | None:
    """Read an IPv4 (4 bytes) or IPv6 (16) address as inet_pton() does; None where it is none."""
    import socket  # noqa: PLC0415 - see above

    for size in sizes:
        try:
            return socket.inet_pton(socket.AF_INET if size == 4 else socket.AF_INET6, text)
        except (OSError, ValueError, UnicodeError):
            continue
    return None


def parse_ip(text: str, *, where: str) -> bytes:
    """Read an address a person typed; a prefix length or a scope is dropped.

    Raises CarpscopeError with one line that quotes the mistake; `where` names
    the option or the file and line it came from.
    """
    address = ip_bytes(text.strip().partition("/")[0].partition("%")[0])
    if address is None:
        raise CarpscopeError(f"{where} {text!r}: not an IPv4 or IPv6 address")
    return address


def is_link_local(address: bytes) -> bool:
    """Tell whether an IPv6 address is of fe80::/10."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


def inside(network: bytes, length: int | None, address: bytes) -> bool:
    """Tell whether an address is in a network."""
    if length is None or len(network) != len(address):
        return False
    shift = 8 * len(network) - length
    return int.from_bytes(network, "big") >> shift == int.from_bytes(address, "big") >> shift


def is_multicast_mac(address: bytes) -> bool:
    """Tell whether the group bit is set."""
    return bool(address[:1] and address[0] & 1)


def is_shared(mac: bytes) -> bool:
    """Tell a MAC that several hosts send from: a group's, of CARP, ucarp or VRRP."""
    return mac[:4] == b"\0\0\x5e\0" and mac[4] <= 2


def card_of(address: bytes) -> bytes | None:
    """Return the MAC that a link-local address is made from (RFC 4291, appendix A)."""
    if address[:8] != LINK_LOCAL_PREFIX + bytes(6) or address[11:13] != b"\xff\xfe":
        return None
    mac = bytes((address[8] ^ 2,)) + address[9:11] + address[13:]
    return None if is_shared(mac) else mac


def is_group(address: bytes) -> bool:
    """Tell whether an IPv4 or IPv6 address is that of a multicast group."""
    return address[0] >> 4 == 0xE if len(address) == 4 else address[0] == 0xFF


def group_mac(address: bytes) -> bytes:
    """Return the MAC a group's packets travel to (RFC 1112, RFC 2464)."""
    if len(address) == 4:
        return b"\x01\x00\x5e" + bytes((address[1] & 0x7F,)) + address[2:]
    return b"\x33\x33" + address[12:]
