"""The HMAC of an advertisement: which bytes are signed, under which key.

    HMAC-SHA1(key, 02 01 [lladdr] vhid ipv4… ipv6… counter)

02 and 01 are the constants version and type, one byte each, not the header's
packed 0x21. `[lladdr]` stands there only for an OpenBSD interface whose
link-layer address was set by hand. advskew, advbase, demote, the header's
checksum and everything of IP are NOT signed.

Everything before the counter is constant for a configuration, so its hash state
is made once and copied per advertisement.

Sources: carp_hmac_prepare and carp_hmac_generate in FreeBSD, OpenBSD, NetBSD and
DragonFly sys/netinet/ip_carp.c; ucarp src/carp.c.
"""

import hashlib
from collections.abc import Iterable

from carpscope.core import native

KEY_SIZE = 20
"""CARP_KEY_LEN: kernels hold the passphrase in 20 zero-padded bytes."""
SIGNED_SIZE = 34
"""One row of those that are verified together: 6 bytes that are not signed, counter, HMAC."""
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def message(vhid: int, ipv4: Iterable[bytes], ipv6: Iterable[bytes], lladdr: bytes = b"") -> bytes:
    """Return what is signed before the counter, addresses in the order given."""
    return b"\x02\x01" + lladdr + bytes((vhid,)) + b"".join(ipv4) + b"".join(ipv6)


def ordinary_order(addresses: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Sort addresses as nearly everybody signs them: IPv4 ascending, then IPv6, each once.

    Unspecified and all-ones addresses never enter (OpenBSD carp_hmac_prepare_ctx,
    FreeBSD carp_hmac_prepare: strictly between the previous one and all-ones).
    """
    distinct = {a for a in addresses if any(a) and any(byte != 0xFF for byte in a)}
    return sorted(a for a in distinct if len(a) == 4), sorted(a for a in distinct if len(a) == 16)


def pads(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Return the inner and the outer hash state of a key of up to 64 bytes (zero-padded)."""
    padded = key.ljust(_BLOCK, b"\0")
    if len(padded) != _BLOCK:
        raise ValueError("a CARP key has at most 20 bytes")
    return (
        hashlib.sha1(padded.translate(_INNER), usedforsecurity=False),
        hashlib.sha1(padded.translate(_OUTER), usedforsecurity=False),
    )


class Signer:
    """Signs counters under one key and one message; the pads are hashed once."""

    __slots__ = ("_inner", "_native", "_outer")

    def __init__(self, key: bytes, prefix: bytes) -> None:
        """Take up to 64 bytes of key (zero-padded, as HMAC does) and a `message`."""
        self._inner, self._outer = pads(key)
        self._inner.update(prefix)
        module = native.loaded()
        self._native = None if module is None else module.Verifier(key, prefix)

    def sign(self, counter: bytes) -> bytes:
        """Return the 20-byte digest for 8 bytes of counter."""
        inner = self._inner.copy()
        inner.update(counter)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def verifies(self, signed: bytes, first: int, count: int) -> int:
        """Return how many of so many rows of `SIGNED_SIZE` verify before one that does not."""
        if self._native is not None:
            verified: int = self._native.verifies(signed, first, count)
            return verified
        start, finish = self._inner.copy, self._outer.copy
        place = first * SIGNED_SIZE
        for index in range(count):
            inner, outer = start(), finish()
            inner.update(signed[place + 6 : place + 14])
            outer.update(inner.digest())
            if outer.digest() != signed[place + 14 : place + 34]:
                return index
            place += SIGNED_SIZE
        return count
