"""Capture files made here byte by byte, in either byte order, right and wrong ones.

Nothing of carpscope writes them, so that a mistake in its writer cannot hide one
in its reader.
"""

import io
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from carpscope.capture.source import Capture, open_capture
from carpscope.core.frame import Frame

MICRO = 0xA1B2C3D4
NANO = 0xA1B23C4D
MODIFIED = 0xA1B2CD34
START = 1_700_000_000
"""Seconds since 1970 that the first packet of a sample has."""

orders = st.sampled_from("<>")


class Record(NamedTuple):
    """One packet of a classic file, fields as they stand."""

    seconds: int
    fraction: int
    data: bytes
    length: int


def pcap(
    records: Iterable[Record],
    *,
    order: str = "<",
    magic: int = MICRO,
    link: int = 1,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """Build a classic file."""
    parts = [struct.pack(f"{order}IHHIIII", magic, *version, 0, 0, 65535, link)]
    extra = b"\1\0\0\0\2\0\3\0" if magic == MODIFIED else b""
    for seconds, fraction, data, length in records:
        parts += [struct.pack(f"{order}IIII", seconds, fraction, len(data), length), extra, data]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Build a pcapng block around a body, which is padded."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """Build an option, padded."""
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", *, major: int = 1, options: bytes = b"") -> bytes:
    """Build a section header."""
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, major, 0, -1) + options, order)


def interface(
    link: int = 1,
    order: str = "<",
    *,
    resolution: int | None = None,
    offset: int | None = None,
    snaplen: int = 0,
) -> bytes:
    """Build an interface description; `resolution` is the byte of if_tsresol."""
    options = b""
    if resolution is not None:
        options += option(9, bytes([resolution]), order)
    if offset is not None:
        options += option(14, struct.pack(f"{order}q", offset), order)
    if options:
        options += option(0, b"", order)
    return block(1, struct.pack(f"{order}HHI", link, 0, snaplen) + options, order)


def enhanced(
    data: bytes,
    ticks: int,
    order: str = "<",
    *,
    which: int = 0,
    length: int | None = None,
    options: bytes = b"",
) -> bytes:
    """Build an Enhanced Packet Block."""
    head = struct.pack(
        f"{order}IIIII",
        which,
        ticks >> 32,
        ticks & 0xFFFF_FFFF,
        len(data),
        len(data) if length is None else length,
    )
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def obsolete(data: bytes, ticks: int, order: str = "<", *, which: int = 0, drops: int = 0) -> bytes:
    """Build a Packet Block as old Wireshark wrote it."""
    head = struct.pack(
        f"{order}HHIIII", which, drops, ticks >> 32, ticks & 0xFFFF_FFFF, len(data), len(data)
    )
    return block(2, head + data, order)


def simple(data: bytes, order: str = "<", *, length: int | None = None) -> bytes:
    """Build a Simple Packet Block, which has no time."""
    return block(3, struct.pack(f"{order}I", len(data) if length is None else length) + data, order)


def statistics(which: int, order: str = "<", **options: int) -> bytes:
    """Build Interface Statistics: `ifdrop`, `osdrop`, `ifrecv`."""
    codes = {"ifrecv": 4, "ifdrop": 5, "osdrop": 7}
    body = struct.pack(f"{order}III", which, 0, 0)
    for name, value in options.items():
        body += option(codes[name], struct.pack(f"{order}Q", value), order)
    return block(5, body + option(0, b"", order), order)


def read(data: bytes, index: int = 0) -> tuple[list[Frame], Capture]:
    """Read bytes as a capture, to the end."""
    capture = open_capture("-", index, stdin=io.BytesIO(data), digest=True)
    return list(capture), capture


def frames_of(records: Sequence[Record], scale: int = 1000) -> list[Frame]:
    """Give the frames that records stand for."""
    return [
        Frame(number, r.seconds * 10**9 + r.fraction * scale, 1, r.data, r.length)
        for number, r in enumerate(records, 1)
    ]


SAMPLE = [
    Record(START, 5, b"first packet", 12),
    Record(START + 1, 999_999, b"", 0),
    Record(START + 2, 0, b"cut by snaplen", 1500),
]
