"""ERF: records of Endace cards one after another, without a head for the file.

    time 8 (fraction of a second 32 bits, seconds 32 bits, little endian) | type 1 | flags 1 |
    record length 2 | loss or colour 2 | wire length 2 | …

A frame is the whole record, of link type ERF; metadata (type 27) and padding (48) are passed over.

Source: Endace, ERF types reference; Wireshark, wiretap/erf.c (how a file is recognized).
"""

import struct
from collections.abc import Iterator

from carpscope.capture.counts import CaptureCounts
from carpscope.capture.fileformat import Bytes, FileRecord, Format
from carpscope.core.units import SECOND

_ERF = 197
_HEAD = struct.Struct("<II")
_SIZES = struct.Struct("!BBHHH")
_TYPES_MAX = 48
_META, _PADDING = 27, 48


def _matches(head: bytes) -> bool:
    """Tell whether the bytes chain as records that follow each other in time."""
    at, before, seen = 0, 0, 0
    while len(head) >= at + 16:
        fraction, seconds = _HEAD.unpack_from(head, at)
        kind, _, size, _, wire = _SIZES.unpack_from(head, at + 8)
        when = seconds << 32 | fraction
        is_meta = kind & 0x7F == _META
        plausible = 0 < kind & 0x7F <= _TYPES_MAX and size >= 16 and (is_meta or (wire and seconds))
        if is_meta and plausible:
            at, seen = at + size, seen + 1
            continue
        if not plausible or (before and not before <= when <= before + (86_400 << 32)):
            return False
        at, before, seen = at + size, when, seen + 1
    return seen > 1


def _records(chunks: Iterator[bytes], counts: CaptureCounts) -> Iterator[FileRecord]:
    stream = Bytes(chunks)
    counts.nanosecond = True
    while head := stream.take(16):
        if len(head) < 16:
            counts.cut(len(head))
            return
        fraction, seconds = _HEAD.unpack_from(head)
        kind, _, size, _, wire = _SIZES.unpack_from(head, 8)
        if size < 16:
            counts.problems.append(f"damaged: a record of {size} bytes; {counts.read_so_far()}")
            return
        body = stream.take(size - 16)
        if len(body) < size - 16:
            counts.cut(16 + len(body))
            return
        if kind & 0x7F in (_META, _PADDING):
            continue
        at = seconds * SECOND + (fraction * SECOND >> 32)
        before = len(body) - min(wire, len(body))
        yield FileRecord(at, _ERF, head + body, 16 + before + wire)


FORMAT = Format("erf", _matches, _records)
