"""The CARP advertisement, version 2: 36 bytes after the IP header.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------+-------+---------------+---------------+---------------+
    |  ver  | type  |     vhid      |    advskew    |    authlen    |
    +-------+-------+---------------+---------------+---------------+
    |    demote     |    advbase    |           checksum            |
    +---------------+---------------+-------------------------------+
    |                      counter, 64 bits                         |
    +---------------------------------------------------------------+
    |                    HMAC-SHA1, 160 bits                        |
    +---------------------------------------------------------------+

`AdvertView` reads any 36 bytes, however wrong, and what a capture left of them; `Advert` is a
well-formed one.
Evidence is built from views, machines speak adverts.

Sources: FreeBSD sys/netinet/ip_carp.h struct carp_header; ucarp src/ip_carp.h;
OpenBSD sys/netinet/ip_carp.c carp_send_ad (the demote byte).
"""

import struct
from typing import NamedTuple, Self

from carpscope.core.fault import Fault, truncated
from carpscope.core.units import SECOND, Nanos
from carpscope.wire.checksum import checksum_holds, internet_checksum

PROTOCOL = 112
"""IP protocol number, shared with VRRP; see `classify`."""
HEADER_SIZE = 36
FIELDS_SIZE = 8
"""All that is said before the counter: enough to follow an election by."""
COUNTER_SIZE = 8
DIGEST_SIZE = 20
VERSION = 2
ADVERTISEMENT = 1
"""The only type ever sent; no implementation tests it on receipt."""
AUTHLEN_WORDS = 7
"""Counter and digest in 32-bit words: always sent, never tested on receipt."""
BOW_OUT = 255
"""advbase and advskew of a bow-out advertisement."""

_LAYOUT = struct.Struct("!BBBBBBH8s20s")


def interval_ns(advbase: int, advskew: int) -> Nanos:
    """T(b, s): seconds, and 1/256 s truncated to microseconds as every implementation does.

    Source: FreeBSD carp_setrun, OpenBSD carp_setrun, ucarp carp_set_run:
    tv_usec = advskew * 1000000 / 256.
    """
    return advbase * SECOND + advskew * 1_000_000 // 256 * 1000


class AdvertView(NamedTuple):
    """36 bytes as they stand; every value is possible, also the wrong ones."""

    version: int
    type: int
    vhid: int
    advskew: int
    authlen: int
    demote: int
    advbase: int
    checksum: int
    counter: bytes
    """8 bytes as on the wire: OpenBSD copies them as they lie, others count in them. Fewer where
    the capture cut them."""
    digest: bytes
    """20 bytes, the HMAC-SHA1; fewer where the capture cut them."""
    checksum_ok: bool | None
    """Whether the 36 bytes sum to 0xffff; no pseudo-header, not even over IPv6. None where the
    capture cut them."""
    offset: int
    """Where the header begins in the captured frame."""
    trailing: int
    """Bytes of IP payload behind the 36; receivers ignore them."""

    @property
    def is_cut(self) -> bool:
        """Tell whether the capture left less than there was: then no HMAC can be checked."""
        return len(self.digest) < DIGEST_SIZE

    @property
    def has_counter(self) -> bool:
        """Tell whether the whole counter is there."""
        return len(self.counter) == COUNTER_SIZE

    @property
    def counter_value(self) -> int:
        """Return the counter as the number that all but OpenBSD count in."""
        return int.from_bytes(self.counter, "big")

    @property
    def interval_ns(self) -> Nanos:
        """Return the interval this advertisement announces."""
        return interval_ns(self.advbase, self.advskew)

    @property
    def is_bow_out(self) -> bool:
        """Tell whether the sender says that it leaves."""
        return self.advbase == BOW_OUT and self.advskew == BOW_OUT

    def advert(self) -> "Advert | None":
        """Return the advertisement, if these bytes are a well-formed one."""
        if (
            self.version != VERSION
            or self.type != ADVERTISEMENT
            or self.authlen != AUTHLEN_WORDS
            or self.vhid == 0
            or not self.checksum_ok
        ):
            return None
        return Advert(self.vhid, self.advbase, self.advskew, self.demote, self.counter, self.digest)

    @classmethod
    def read(cls, data: bytes, offset: int, length: int | None = None) -> "AdvertView | Fault":
        """Read the header at `offset` of a frame.

        `length` is how many bytes of payload IP says there are, where that is
        known; the frame may hold fewer (cut by the capture) or more (padding).
        """
        present = len(data) - offset
        if length is not None and length < HEADER_SIZE:
            return Fault("carp", offset, "too short for CARP by its IP length", HEADER_SIZE, length)
        if present < (HEADER_SIZE if length is None else FIELDS_SIZE):
            return truncated("carp", offset, HEADER_SIZE, present)
        whole = data[offset : offset + HEADER_SIZE]
        first, vhid, advskew, authlen, demote, advbase, checksum, counter, digest = _LAYOUT.unpack(
            whole.ljust(HEADER_SIZE, b"\0")
        )
        is_cut = len(whole) < HEADER_SIZE
        if is_cut:
            counter = counter[: len(whole) - FIELDS_SIZE]
            digest = digest[: max(0, len(whole) - FIELDS_SIZE - COUNTER_SIZE)]
        return cls(
            first >> 4,
            first & 15,
            vhid,
            advskew,
            authlen,
            demote,
            advbase,
            checksum,
            counter,
            digest,
            None if is_cut else checksum_holds(whole),
            offset,
            (length if length is not None else present) - HEADER_SIZE,
        )


class _Fields(NamedTuple):
    vhid: int
    advbase: int
    advskew: int
    demote: int
    counter: bytes
    digest: bytes


class Advert(_Fields):
    """A well-formed advertisement: what a machine sends and accepts.

    No dataclass: importing `dataclasses` takes longer than dissecting fifty packets.
    """

    __slots__ = ()

    def __new__(
        cls, vhid: int, advbase: int, advskew: int, demote: int, counter: bytes, digest: bytes
    ) -> Self:
        """Refuse what no header can hold; a mistake of ours, never of a packet."""
        if not 1 <= vhid <= 255:
            raise ValueError(f"vhid {vhid} is not 1 to 255")
        for name, value in (("advbase", advbase), ("advskew", advskew), ("demote", demote)):
            if not 0 <= value <= 255:
                raise ValueError(f"{name} {value} is not 0 to 255")
        if len(counter) != 8 or len(digest) != 20:
            raise ValueError("a counter has 8 bytes and a digest 20")
        return super().__new__(cls, vhid, advbase, advskew, demote, counter, digest)

    @property
    def interval_ns(self) -> Nanos:
        """Return the interval this advertisement announces."""
        return interval_ns(self.advbase, self.advskew)

    def encode(self) -> bytes:
        """Return the 36 bytes, checksum included."""
        header = _LAYOUT.pack(
            VERSION << 4 | ADVERTISEMENT,
            self.vhid,
            self.advskew,
            AUTHLEN_WORDS,
            self.demote,
            self.advbase,
            0,
            self.counter,
            self.digest,
        )
        checksum = internet_checksum(header)
        return header[:6] + checksum.to_bytes(2, "big") + header[8:]


def vhid_of_mac(mac: bytes) -> int | None:
    """Return the vhid that a virtual MAC is made of: kernels', ucarp's, IPv6's of FreeBSD 15."""
    is_virtual = mac[:4] == b"\x00\x00\x5e\x00" and mac[4] in (0, 1, 2)
    return mac[5] if is_virtual else None


def is_group_mac(mac: bytes | None) -> bool:
    """Tell the MAC under which all nodes take what is for them: OpenBSD's balancing."""
    return mac is not None and mac[:5] == b"\x01\x00\x5e\x00\x01"


def virtual_mac(vhid: int) -> bytes:
    """Return the address every kernel sends multicast advertisements from."""
    return b"\x00\x00\x5e\x00\x01" + bytes((vhid,))


def ucarp_mac(vhid: int) -> bytes:
    """Return the address ucarp sends from: its fifth octet is 00 (ucarp src/carp.c)."""
    return b"\x00\x00\x5e\x00\x00" + bytes((vhid,))
