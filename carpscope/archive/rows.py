"""Frames as columns of bytes, for a spool and for the way from a cluster.

    rows 4 | number 8 each | time 8 | capture 4 | link 4 | wire length 4 | interface 4 | size 4
    bytes of the frames, one after the other

Everything is little-endian.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise

from carpscope.core.frame import Frame

_ROW = 36


def pack(frames: Sequence[Frame]) -> bytes:
    """Give the bytes of some frames."""
    columns = zip(
        *((f.number, f.at, f.capture, f.link, f.wire_length, f.interface, len(f.data))
          for f in frames),
        strict=True,
    )  # fmt: skip
    count = len(frames)
    kinds = "QqIIIII"
    parts = [struct.pack("<I", count)]
    parts += [struct.pack(f"<{count}{k}", *c) for k, c in zip(kinds, columns, strict=True)]
    return b"".join(parts) + b"".join(frame.data for frame in frames)


def unpack(data: bytes, capture: int | None = None) -> list[Frame]:
    """Give the frames again, as those of `capture` where one is named.

    Raises ValueError where the bytes are not what `pack` has made.
    """
    if len(data) < 4:
        raise ValueError("too short")
    count = int.from_bytes(data[:4], "little")
    here = 4 + count * _ROW
    if len(data) < here:
        raise ValueError("too short")
    fields = struct.unpack_from(f"<{count}Q{count}q{5 * count}I", data, 4)
    number, at, origin, link, wire, interface, sizes = (
        fields[i * count : (i + 1) * count] for i in range(7)
    )
    ends = list(accumulate(sizes, initial=here))
    if ends[-1] != len(data):
        raise ValueError("lengths do not add up")
    if capture is not None:
        origin = (capture,) * count
    bodies = [data[start:end] for start, end in pairwise(ends)]
    rows = zip(number, at, link, bodies, wire, origin, interface, strict=True)
    return list(map(Frame._make, rows))
