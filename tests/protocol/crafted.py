"""Frames put together byte by byte, right and wrong, as a receiver gets them.

Nothing of the program makes them: headers, checksums and HMACs are written out here.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass

VIP = bytes((10, 0, 0, 100))
VIP6 = bytes.fromhex("20010db8000000000000000000000064")
KEY = b"mekmitasdigoat"
NODE = bytes((10, 0, 0, 1))
"""The receiver's own address."""
SENDER = bytes((10, 0, 0, 9))
LINK_LOCAL = bytes.fromhex("fe800000000000000000000000000009")
NODE6 = bytes.fromhex("fe800000000000000000000000000001")
_GROUP = {4: bytes((224, 0, 0, 18)), 6: bytes.fromhex("ff020000000000000000000000000012")}


@dataclass(frozen=True)
class Crafted:
    """One packet: an advertisement of vhid 1, and what is wrong with it."""

    family: int = 4
    ttl: int = 255
    version: int = 2
    kind: int = 1
    authlen: int = 7
    vhid: int = 1
    length: int = 36
    """Of the payload: less cuts it, more adds bytes to it."""
    filler: int = 0x5A
    checksum_wrong: bool = False
    digest_wrong: bool = False
    unicast: bool = False
    from_vip: bool = False
    from_node: bool = False
    """Its source is the receiver's own address."""
    header_sum: int = 0
    """Added to the checksum of the IPv4 header, and taken from that of the payload."""
    header_sum_wrong: bool = False
    more_fragments: bool = False
    options: bytes = b""
    """Of the IPv4 header."""
    extension: bytes = b""
    """An IPv6 extension header (hop-by-hop); its first byte is the number that follows."""
    addresses: tuple[bytes, ...] = (VIP, VIP6)
    """What the sender signs, in order."""
    key: bytes = KEY
    counter: bytes = b"\x01\x02\x03\x04\x05\x06\x07\x08"

    def payload(self) -> bytes:
        """Return what follows the IP header."""
        message = bytes((2, 1, self.vhid)) + b"".join(self.addresses) + self.counter
        digest = hmac.new(self.key, message, hashlib.sha1).digest()
        if self.digest_wrong:
            digest = digest[:-1] + bytes((digest[-1] ^ 1,))
        first = self.version << 4 | self.kind
        head = struct.pack("!BBBBBB", first, self.vhid, 0, self.authlen, 0, 1)
        # what is cut is gone before the sum is made: only the length is wrong then
        rest = (self.counter + digest)[: max(0, self.length - 8)]
        total = _fold(head + b"\0\0" + rest) ^ 0xFFFF
        if self.checksum_wrong:
            total ^= 0x0101
        total = (total - self.header_sum) % 0xFFFF
        whole = head + total.to_bytes(2, "big") + rest
        return whole[: self.length].ljust(self.length, bytes((self.filler,)))

    def frame(self) -> bytes:
        """Return the whole Ethernet frame."""
        payload = self.payload()
        if self.family == 4:
            source = VIP if self.from_vip else NODE if self.from_node else SENDER
            destination = NODE if self.unicast else _GROUP[4]
            size = 20 + len(self.options)
            flags = 0x2000 if self.more_fragments else 0x4000
            words = 0x40 | size // 4
            total = size + len(payload)
            head = struct.pack("!BBHHHBBH", words, 0, total, 7, flags, self.ttl, 112, 0)
            head += source + destination + self.options
            total = ((_fold(head) ^ 0xFFFF) + self.header_sum) % 0xFFFF ^ self.header_sum_wrong
            packet = head[:10] + total.to_bytes(2, "big") + head[12:] + payload
            return bytes.fromhex("01005e00001200005e0001010800") + packet
        source = VIP6 if self.from_vip else NODE6 if self.from_node else LINK_LOCAL
        destination = NODE6 if self.unicast else _GROUP[6]
        payload = self.extension + payload
        following = 0 if self.extension else 112
        head = struct.pack("!IHBB", 6 << 28, len(payload), following, self.ttl)
        head += source + destination
        return bytes.fromhex("33330000001200005e00010186dd") + head + payload


def _fold(data: bytes) -> int:
    """Sum 16-bit words with the carry brought round (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
