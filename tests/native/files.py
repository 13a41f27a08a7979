"""Capture files for both readers: every form there is, and what damage makes of them."""

import random
import struct
from collections.abc import Iterator
from typing import NamedTuple

from carpscope.adverts.select import drops
from carpscope.capture import native, pcap, pcapng
from carpscope.capture.blocks import is_pcapng
from carpscope.capture.counts import CaptureCounts
from carpscope.core import native as extension
from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from tests.capture import builder
from tests.capture.builder import Record
from tests.wire import samples

SIZES = (1, 7, 61, 700, 4096, 262_144)
"""Bytes of the blocks in which a file is read."""


class Reading(NamedTuple):
    """All that comes of a file."""

    frames: list[Frame]
    counts: dict[str, object]


def pure(data: bytes, size: int, *, selects: bool = True) -> Reading:
    """Read with the readers in Python."""
    return _read(data, size, selects=selects, natively=False)


def natively(data: bytes, size: int, *, selects: bool = True) -> Reading:
    """Read with the extension."""
    return _read(data, size, selects=selects, natively=True)


def _read(data: bytes, size: int, *, selects: bool, natively: bool) -> Reading:
    capture_counts, wanted = CaptureCounts(), drops if selects else None
    first = max(size, pcapng.SECTION_MIN if is_pcapng(data) else pcap.HEADER_SIZE)
    chunks = (data[a:b] for a, b in _bounds(len(data), first, size))
    batches: Iterator[Batch]
    module = extension.loaded() if natively else None
    assert (module is not None) is natively
    header = None if is_pcapng(data) else pcap.read_header(data)
    if header is not None:
        header = pcap.with_records(header, data[:first])
        if module is None:
            batches = pcap.batches(header, chunks, capture_counts, 0, wanted)
        else:
            batches = native.records(module, header, chunks, capture_counts, selects=selects)
    elif not is_pcapng(data):
        return Reading([], {})
    elif module is None:
        batches = pcapng.batches(chunks, capture_counts, 0, wanted)
    else:
        batches = native.blocks(module, chunks, capture_counts, selects=selects)
    given = [frame for batch in batches for frame in batch.frames()]
    counts: dict[str, object] = {
        name: getattr(capture_counts, name) for name in CaptureCounts.__slots__
    }
    return Reading(given, counts)


def _bounds(end: int, first: int, size: int) -> Iterator[tuple[int, int]]:
    at = 0
    while at < end:
        yield at, at + (size if at else first)
        at += size if at else first


def packets() -> list[bytes]:
    """Give packets of which some are left out: tags, ports, lengths at every bound."""
    frames = [*samples.SAMPLES.values()]
    mac = bytes(12)
    for tags in (
        b"",
        b"\x81\0\0\7",
        b"\x88\xa8\0\1\x81\0\0\7",
        b"\x91\0\0\1" * 2,
        b"\x81\0\0\7" * 3,
    ):
        for protocol in (1, 6, 17, 112):
            head = b"\x08\0\x45\0\0\x28" + bytes(5) + bytes((protocol,)) + bytes(10)
            frames += [
                mac + tags + head + b"\0\0" + port.to_bytes(2, "big") + bytes(9)
                for port in (53, 4789, 37008)
            ]
            frames.append(mac + tags + head + bytes(2))
        for protocol in (6, 17, 58):
            head = b"\x86\xdd\x60" + bytes(5) + bytes((protocol,)) + bytes(33)
            frames.append(mac + tags + head + b"\0\0\0\x35" + bytes(9))
            frames.append(mac + tags + head + b"\0\0\x12\xb5")
            frames.append(mac + tags + head + bytes(3))
    return frames


def _records(seed: int) -> list[Record]:
    chance = random.Random(seed)
    at = builder.START
    records = []
    for data in packets():
        at += chance.randrange(-1, 3)
        longer = chance.choice((0, 0, 900))
        records.append(Record(at, chance.randrange(2_000_000), data, len(data) + longer))
    return records


def _blocks(order: str, seed: int) -> bytes:
    chance = random.Random(seed)
    counted = builder.option(4, struct.pack(f"{order}Q", 5), order)
    options = (b"", builder.option(1, b"remark", order), counted + builder.option(0, b"", order),
               builder.option(2, b"\0\0\0\1", order) + builder.option(1, b"x", order))  # fmt: skip
    resolutions = (None, 6, 9, 3, 12, 0, 0x80 | 10, 0x80 | 30, 0x80 | 63, 19, 127, 255)
    parts = []
    for base in (0, 5):
        parts.append(builder.section(order))
        for code in resolutions[base:]:
            offset = chance.choice((None, 3, -40, 1 << 61))
            parts.append(builder.interface(chance.choice((1, 1, 113, 101)), order, resolution=code,
                                           offset=offset))  # fmt: skip
        for number, data in enumerate(packets()):
            which = chance.randrange(len(resolutions) - base + (number % 9 == 0))
            ticks = chance.choice((1_700_000_000_000_000, 1_700_000_000, 1 << 63, (1 << 64) - 1))
            ticks = max(0, ticks - chance.randrange(3))
            kind = chance.randrange(12)
            if kind == 0:
                parts.append(builder.simple(data, order))
            elif kind == 1:
                parts.append(builder.obsolete(data, ticks, order, which=which % 9, drops=number))
            elif kind == 2:
                parts.append(builder.block(chance.choice((0xBAD, 4, 10)), bytes(number * 8), order))
            elif kind == 3:
                parts.append(builder.statistics(which, order, ifdrop=number))
            else:
                length = len(data) + chance.choice((0, 100))
                parts.append(builder.enhanced(data, ticks, order, which=which, length=length,
                                              options=chance.choice(options)))  # fmt: skip
    return b"".join(parts)


def made() -> dict[str, bytes]:
    """Return a file of each form."""
    files = {}
    for order in "<>":
        for magic in (builder.MICRO, builder.NANO, builder.MODIFIED):
            for link in (1, 113):
                name = f"{order}{magic:x}-{link}"
                files[name] = builder.pcap(_records(magic), order=order, magic=magic, link=link)
        files[f"{order}pcapng"] = _blocks(order, 1) + _blocks(order, 2)
        files[f"{order}damaged"] = _blocks(order, 3)[:-9] + bytes(40)
    files["mixed orders"] = _blocks("<", 4) + _blocks(">", 5)
    files["skipped"] = builder.section() + builder.block(77, bytes(2_000_000)) + _blocks("<", 6)
    return files


def bent(data: bytes, chance: random.Random) -> bytes:
    """Spoil a file: lengths above all, behind its first bytes."""
    spoilt = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        if not spoilt:
            break
        at = chance.randrange(8, len(spoilt)) if len(spoilt) > 8 else 0
        match chance.randrange(5):
            case 0:
                spoilt[at] ^= 1 << chance.randrange(8)
            case 1:
                spoilt[at & ~3 : at + 4 & ~3] = chance.randbytes(4)
            case 2:
                del spoilt[at : at + chance.randrange(1, 50)]
            case 3:
                spoilt[at:at] = spoilt[max(0, at - 100) : at]
            case _:
                value = chance.choice((0, 12, 28, 32, 262_144, 262_145, 1_048_572, 0xFFFFFFFF))
                spoilt[at & ~3 : at + 4 & ~3] = struct.pack(chance.choice("<>") + "I", value)
    if spoilt and chance.random() < 0.3:
        del spoilt[chance.randrange(len(spoilt)) + 1 :]
    return bytes(spoilt)
