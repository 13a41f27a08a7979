"""VRRP, which shares protocol 112, the group address and the virtual MAC with CARP.

    v2 (RFC 3768)   ver/type | vrid | priority | count | auth type | interval s  | checksum
                    address 4 each | authentication 8 | Cisco and HP: MD5 digest 16
    v3 (RFC 9568)   ver/type | vrid | priority | count | interval, 12 bits, 1/100 s | checksum
                    address 4 or 16 each

Decoded enough to say who it is. `is_vrrp` tells it from CARP per packet.
"""

from typing import NamedTuple

from carpscope.core.fault import Fault, truncated
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.wire.carp import ADVERTISEMENT, AUTHLEN_WORDS, HEADER_SIZE, VERSION
from carpscope.wire.checksum import checksum_holds
from carpscope.wire.ip import IpView, pseudo_checksum_holds

AUTH_NONE = 0
AUTH_SIMPLE = 1
AUTH_AH = 2
AUTH_MD5 = 254
"""Cisco's own: eight zero bytes and then 16 of digest, so one address makes 36 bytes."""
_AUTH_NAMES = {AUTH_NONE: "none", AUTH_SIMPLE: "simple text", AUTH_AH: "AH", AUTH_MD5: "MD5"}

_CARP_TOS = frozenset((0x10, 0xE0))
"""Low delay in every implementation, class selector 7 in FreeBSD since 12."""
_PRIVATE = frozenset((10, 172, 192))
"""First octets of the networks that `_address_bits` knows by themselves."""
_INTERNETWORK_CONTROL = 0xC0
"""Class selector 6, what routers mark VRRP with."""


class VrrpView(NamedTuple):
    """A VRRP advertisement. The password of v2's simple text is deliberately not kept."""

    version: int
    type: int
    vrid: int
    priority: int
    address_count: int
    """As stated; `addresses` has those that fit."""
    auth_type: int | None
    """v2: 0 none, 1 simple text, 2 AH, 254 Cisco's MD5; None in v3, which has none."""
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

    What decides, the strongest first:

    - the version: CARP has 2 alone, 3 is VRRP;
    - the length IP states: CARP has 36 bytes, and no VRRPv2 over IPv6 ever has;
    - which bytes sum up, where there are more than 36: the first 36 or all of them;
    - the octet that is CARP's authlen, always 7, and VRRP's count of addresses n; a VRRPv2
      packet has 16 + 4n bytes (44 for seven), 8 + 4n where a sender leaves the authentication
      out (36 for seven), 32 + 4n with Cisco's MD5 (36 for one);
    - whether the words behind the first eight bytes are addresses (`_address_bits`) or random,
      as a counter and an HMAC are, and whether the authentication data is what its type asks;
    - DF and ToS: every CARP sets DF and has one of two ToS, routers mark VRRP with 0xc0.

    CARP of unusual form is still CARP, since receivers accept it: any type nibble, any authlen,
    bytes behind the 36, a wrong checksum.

    What cannot be told, and is called CARP: seven addresses in unrelated public networks, hardly
    two of them alike, without authentication bytes. Such a packet has CARP's every field; only
    a key could tell. The other way, CARP with exactly eight zero bytes behind it, whose random
    bytes happen to be possible addresses, is called VRRP where DF and ToS are not CARP's.
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
    if version != VERSION or length < HEADER_SIZE:
        return count != AUTHLEN_WORDS
    usual = count == AUTHLEN_WORDS
    if usual and length == HEADER_SIZE:
        return ip.version == 4 and _is_seven_addresses(data[at : at + present], ip)
    carp_sums = present >= HEADER_SIZE and checksum_holds(data[at : at + HEADER_SIZE])
    if length > HEADER_SIZE and present == length:
        vrrp_sums = _sums(data, ip)
        if carp_sums != vrrp_sums:
            return vrrp_sums
    if ip.version == 6:
        shaped = length in (8 + 16 * count, 16 + 16 * count)
        return shaped or not (usual or carp_sums or length == HEADER_SIZE)
    bits = _address_bits(data[at + 8 : at + min(present, HEADER_SIZE)], count, ip.source)
    if data[at] & 15 != ADVERTISEMENT:
        bits -= 16
    shaped = length in _lengths(count, data[at + 4 : at + 5])
    if usual:
        odd = not ip.dont_fragment or ip.tos not in _CARP_TOS
        return bits >= (8 if shaped else 32) or (shaped and odd and bits > -8)
    if shaped:
        return bits + _authentication_bits(data[at : at + present], count) >= -12
    return bits >= 12 or not (carp_sums or length == HEADER_SIZE)


def _is_seven_addresses(payload: bytes, ip: IpView) -> bool:
    """Decide what has CARP's shape, as nearly every CARP packet has and hardly a VRRP packet."""
    body = payload[8:]
    odd = not ip.dont_fragment and ip.tos == _INTERNETWORK_CONTROL
    if not odd:
        # The usual end, without weighing each: two have to be in known networks for 32 points.
        firsts = set(body[::4])
        if 8 - len(firsts | {ip.source[0]}) + len(firsts & _PRIVATE) < 2:
            return False
    bits = _address_bits(body, AUTHLEN_WORDS, ip.source)
    if payload[0] & 15 != ADVERTISEMENT:
        bits -= 16
    return bits >= (8 if odd else 32)


def _lengths(count: int, auth_type: bytes) -> tuple[int, ...]:
    """Return which lengths a VRRPv2 packet with so many IPv4 addresses has."""
    usual = (16 + 4 * count, 8 + 4 * count)
    return (*usual, 32 + 4 * count) if auth_type == bytes((AUTH_MD5,)) else usual


def _sums(data: bytes, ip: IpView) -> bool:
    """Tell whether a VRRPv2 packet's checksum holds, by the RFC or as it is seen in the field.

    Cisco's MD5 is not part of the sum in every version; some sum IPv6's pseudo-header too.
    """
    payload = data[ip.offset : ip.offset + ip.length]
    if checksum_holds(payload):
        return True
    if ip.version == 6:
        return pseudo_checksum_holds(ip, payload)
    listed = 16 + 4 * payload[3]
    return (
        payload[4] == AUTH_MD5 and len(payload) == listed + 16 and checksum_holds(payload[:listed])
    )


def _address_bits(body: bytes, count: int, source: bytes) -> int:
    """Say how many bits better an address list explains the bytes after the header than chance.

    Addresses of one router lie in few networks, mostly its own. The points are logarithms
    whose expected power of two is below 1 for a random word, so a counter and an HMAC reach
    n points with a probability below 2**-n, whatever n (Markov). An address in a network seen
    before can be had in at most 8 ways of 2**24, one of 10.0.0.0/8 in one of 2**8, and so on.
    """
    bits = 0
    networks = {source[:3], source[:2]}
    for at in range(0, min(len(body) // 4, count) * 4, 4):
        first, second = body[at], body[at + 1]
        if first in (0, 127) or first >= 224:
            bits -= 20
            continue  # no host's address, however often: an HMAC of zeros, a small counter
        if body[at : at + 3] in networks:
            bits += 17
        elif body[at : at + 2] in networks:
            bits += 10
        elif first == 192 and second == 168:
            bits += 11
        elif first == 172 and second & 0xF0 == 16:
            bits += 8
        elif first == 10:
            bits += 5
        else:
            bits -= 1
        networks.add(body[at : at + 3])
        networks.add(body[at : at + 2])
    return bits


def _authentication_bits(payload: bytes, count: int) -> int:
    """Weigh the eight bytes behind the addresses: zero unless they are a password."""
    kind = payload[4] if len(payload) > 4 else AUTH_NONE
    if kind not in _AUTH_NAMES:
        return -16
    secret = payload[8 + 4 * count : 16 + 4 * count]
    if len(secret) < 8:
        return 0  # a sender that leaves it out, or a capture that cut it
    if kind != AUTH_SIMPLE:
        return -16 if any(secret) else 24
    text = secret.rstrip(b"\0")
    return 8 if all(0x20 <= byte < 0x7F for byte in text) else -16


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
    fits = min((present - 8) // width, count)
    addresses = tuple(data[at + 8 + width * i : at + 8 + width * (i + 1)] for i in range(fits))
    checksum_ok: bool | None = None
    if present == ip.length:
        payload = data[at : at + present]
        if version < 3:
            checksum_ok = _sums(data, ip)
        else:
            # Over IPv4 some of v3 leave the pseudo-header out (RFC 5798 was unclear).
            checksum_ok = pseudo_checksum_holds(ip, payload) or (
                ip.version == 4 and checksum_holds(payload)
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
