"""VRRP, which shares protocol 112, the group address and the virtual MAC with CARP.

    v2 (RFC 3768)   ver/type | vrid | priority | count | auth type | interval s  | checksum
                    address 4 each | authentication 8
    v3 (RFC 9568)   ver/type | vrid | priority | count | interval, 12 bits, 1/100 s | checksum
                    address 4 or 16 each

Decoded enough to say who it is. `is_vrrp` tells it from CARP per packet.
"""

from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.wire.carp import AUTHLEN_WORDS, HEADER_SIZE
from carpscope.wire.checksum import checksum_holds
from carpscope.wire.ip import IpView, pseudo_checksum_holds

_AUTH_NAMES = {0: "none", 1: "simple text", 2: "AH"}


class VrrpView(NamedTuple):
    """A VRRP advertisement. The password of v2's simple text is deliberately not kept."""

    version: int
    type: int
    vrid: int
    priority: int
    address_count: int
    """As stated; `addresses` has those that fit."""
    auth_type: int | None
    """v2: 0 none, 1 simple text, 2 AH; None in v3, which has none."""
    interval_ns: Nanos
    checksum: int
    checksum_ok: bool | None
    """None where the capture cut the packet."""
    addresses: tuple[bytes, ...]
    offset: int

    @property
    def auth_name(self) -> str:
        """Return the kind of authentication in words."""
        if self.auth_type is None:
            return "none"
        return _AUTH_NAMES.get(self.auth_type, f"type {self.auth_type}")


def is_vrrp(data: bytes, ip: IpView) -> bool | None:
    """Tell VRRP (True) from CARP (False) in a protocol-112 payload; None: too little is there.

    By version nibble, the octet that is CARP's authlen and VRRP's count, and the length:
    CARP has 7 and 36 bytes; VRRPv2 with seven addresses has 7 and 44, with five 5 and 36.
    Where both still fit, the words that would be addresses decide: a counter and an HMAC
    are random, the addresses of one router are not.
    """
    at, length = ip.offset, ip.length
    present = min(len(data) - at, length)
    if present < 1:
        return None
    version = data[at] >> 4
    if version == 3:
        return True
    if present < 4:
        return None
    count = data[at + 3]
    if version != 2:
        return not (count == AUTHLEN_WORDS and length >= HEADER_SIZE)
    if count == AUTHLEN_WORDS:
        if length < HEADER_SIZE:
            return False  # a CARP header cut by its sender; VRRP with seven would be longer
        if _could_be_addresses(data, ip, count, strict=True):
            return True
        return length == 44 and _sums_or_flags_say_vrrp(data, ip)
    width = 4 if ip.version == 4 else 16
    if length == 8 + width * count + 8:
        if length != HEADER_SIZE:
            return True
        return _could_be_addresses(data, ip, count, strict=False)
    # CARP with another authlen, which every receiver accepts, has to have the right length
    return length != HEADER_SIZE


def _could_be_addresses(data: bytes, ip: IpView, count: int, *, strict: bool) -> bool:
    """Tell whether the words after the first eight bytes look like a VRRP address list.

    `strict` is for packets that have CARP's shape: then all have to lie in a few networks,
    which seven random words do with a probability under 2**-60. Otherwise it is enough that
    none of them is impossible as an address of a host.
    """
    if ip.version == 6:
        return False
    at = ip.offset + 8
    words = [data[at + 4 * i : at + 4 * i + 4] for i in range(count)]
    words = [word for word in words if len(word) == 4]
    if len(words) < count:
        return not strict
    if data[ip.offset + 4] == 0 and ip.length >= 16 + 4 * count:
        secret = data[at + 4 * count : at + 4 * count + 8]
        if not strict and not any(secret):
            return True  # unused authentication data is zero; an HMAC's tail is not
    if any(word[0] in (0, 127) or word[0] >= 224 for word in words):
        return False
    return not strict or len({word[:2] for word in words}) <= 3


def _sums_or_flags_say_vrrp(data: bytes, ip: IpView) -> bool:
    """Decide 44 bytes with seven scattered addresses, or CARP with eight bytes behind it.

    CARP sums its 36 bytes and sets DF in every implementation; VRRP sums all 44, most
    senders leave DF clear and mark the packet as internetwork control (ToS 0xc0).
    """
    payload = data[ip.offset : ip.offset + 44]
    if not checksum_holds(payload[:HEADER_SIZE]):
        return checksum_holds(payload)
    return not ip.dont_fragment or ip.tos == 0xC0


def read(data: bytes, ip: IpView) -> VrrpView | Fault:
    """Read a VRRP advertisement; a short one gives a fault, a cut list what is there."""
    at = ip.offset
    present = min(len(data) - at, ip.length)
    if ip.length < 8:
        return Fault("vrrp", at, "too short by its IP length", 8, ip.length)
    if present < 8:
        return truncated("vrrp", at, 8, present)
    first, vrid, priority, count, five, six = data[at : at + 6]
    version = first >> 4
    width = 4 if ip.version == 4 else 16
    fits = max(min((present - 8) // width, count), 0)
    addresses = tuple(data[at + 8 + width * i : at + 8 + width * (i + 1)] for i in range(fits))
    payload = data[at : at + ip.length]
    whole = len(payload) == ip.length
    checksum_ok: bool | None = None
    if whole and version >= 3:
        # Over IPv4 some implementations of v3 leave the pseudo-header out (RFC 5798 was unclear).
        checksum_ok = pseudo_checksum_holds(ip, payload) or (
            ip.version == 4 and checksum_holds(payload)
        )
    elif whole:
        checksum_ok = checksum_holds(payload) or (
            ip.version == 6 and pseudo_checksum_holds(ip, payload)
        )
    centiseconds = (five & 15) << 8 | six
    interval = centiseconds * 10 * MILLISECOND if version >= 3 else six * SECOND
    return VrrpView(
        version,
        first & 15,
        vrid,
        priority,
        count,
        five if version < 3 else None,
        interval,
        data[at + 6] << 8 | data[at + 7],
        checksum_ok,
        addresses,
        at,
    )
