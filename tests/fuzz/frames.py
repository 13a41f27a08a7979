"""Frames made by chance: pure noise, and real ones bent in the ways that find mistakes.

Noise alone never gets past the first header. So a real frame (of the captures, of the
samples, each inside every kind of mirror and tag) is bent a little: bits, lengths, cuts,
pieces of others, another link type. Everything follows from the seed.
"""

import random
from collections.abc import Callable, Iterator

from carpscope.core.frame import Frame
from tests.wire import samples
from tests.wire.test_decode import dressed

LINK_TYPES = (0, 1, 12, 14, 101, 108, 113, 117, 228, 229, 276)
"""Those that are decoded."""
NUMBERS = (0, 1, 2, 4, 5, 6, 7, 8, 16, 20, 32, 36, 44, 51, 58, 60, 64, 112, 127, 128, 240, 254, 255)
"""What lengths, versions and protocols are, and the edges of a byte."""
_TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00", b"\x93\x00")


def templates() -> list[tuple[int, bytes]]:
    """Return real frames with their link types, one of each kind."""
    found: dict[tuple[int, bytes], None] = {}
    frames = list(samples.SAMPLES.values())
    for path in samples.shipped_captures():
        frames += [frame.data for frame in samples.read_pcap(path)[:12]]
    for data in frames:
        found[1, data] = None
    for data in samples.SAMPLES.values():
        for wrapped in samples.mirrors(data).values():
            found[1, wrapped] = None
            found[1, samples.gre(0, 0x6558, wrapped)] = None
        if data[12:14] in (b"\x08\x00", b"\x86\xdd"):
            for link_type in LINK_TYPES:
                found[link_type, dressed(data[14:], link_type)] = None
    return list(found)


def made(seed: int) -> Iterator[Frame]:
    """Give frames without end."""
    chance = random.Random(seed)
    pool = templates()
    number = 0
    while True:
        number += 1
        kind = chance.random()
        if kind < 0.05:
            link_type = chance.choice(LINK_TYPES)
            data = chance.randbytes(chance.randrange(200))
        elif kind < 0.06:
            link_type, data = chance.randrange(300), chance.randbytes(chance.randrange(2000))
        else:
            link_type, data = chance.choice(pool)
            data = bent(data, pool, chance)
            if chance.random() < 0.02:
                link_type = chance.choice(LINK_TYPES)
        wire = len(data)
        if chance.random() < 0.1:  # as a snap length, or a lie
            wire = max(0, wire + chance.randrange(-20, 2000))
        yield Frame(number, number * 1_000_003, link_type, data, wire)


def bent(data: bytes, pool: list[tuple[int, bytes]], chance: random.Random) -> bytes:
    """Bend a frame in one to four ways."""
    spoilt = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        chance.choice(_WAYS)(spoilt, pool, chance)
    return bytes(spoilt)


_Pool = list[tuple[int, bytes]]
_Way = Callable[[bytearray, _Pool, random.Random], None]


def _at(data: bytearray, chance: random.Random) -> int:
    return chance.randrange(len(data) + 1)


def _flip(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice(NUMBERS)


def _header(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    """Spoil the first sixty bytes, where the lengths are."""
    if data:
        data[chance.randrange(min(len(data), 60))] = chance.randrange(256)


def _cut(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    del data[_at(data, chance) :]


def _take_out(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    at = _at(data, chance)
    del data[at : at + chance.randrange(1, 9)]


def _put_in(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    at = _at(data, chance)
    data[at:at] = chance.randbytes(chance.randrange(1, 9))


def _pad(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    data += bytes(chance.randrange(1, 64))


def _tag(data: bytearray, _pool: _Pool, chance: random.Random) -> None:
    tags = b"".join(chance.choice(_TAGS) + chance.randbytes(2) for _ in range(chance.choice(_DEEP)))
    data[12:12] = tags


_DEEP = (1, 1, 1, 2, 2, 3, 40)


def _splice(data: bytearray, pool: _Pool, chance: random.Random) -> None:
    other = chance.choice(pool)[1]
    data[_at(data, chance) :] = other[chance.randrange(len(other) + 1) :]


_WAYS: tuple[_Way, ...] = (
    _flip, _flip, _set, _set, _header, _header, _cut, _take_out, _put_in, _pad, _tag, _splice,
)  # fmt: skip
