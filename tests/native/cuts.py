"""Frames for both cutters, and what they make of them."""

import random
from array import array
from collections.abc import Sequence

from carpscope.adverts.cut import Cutter, Unit
from carpscope.adverts.native import NativeCutter
from carpscope.core import native as extension
from carpscope.core.batch import Batch
from carpscope.core.columns import Columns
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.protocol.timers import COPY

TAGS = (b"\x81\0\0\7", b"\x81\0\0\0", b"\x88\xa8\0\1\x81\0\0\2", b"\x91\0\0\7" * 3)


def in_rows(frames: Sequence[Frame]) -> Batch:
    """Make a batch as the readers in Python do."""
    links = sorted({frame.link for frame in frames})
    rows, offset = [], 0
    for one in frames:
        size = len(one.data)
        rows.append((one.at, one.number, offset, size, one.wire_length, links.index(one.link)))
        offset += size
    return Batch(b"".join(one.data for one in frames), rows, links)


def in_columns(frames: Sequence[Frame]) -> Batch:
    """Make a batch as the extension does."""
    batch = in_rows(frames)
    columns = zip("qQQIII", zip(*batch.rows, strict=True), strict=True)
    buffer = bytearray(b"".join(array(kind, column).tobytes() for kind, column in columns))
    return Batch(batch.data, Columns(buffer, len(batch)), batch.links)


def told(units: Sequence[Unit]) -> list[object]:
    """Return units as what can be compared."""
    return [
        unit
        if isinstance(unit, int)
        else (
            *(unit.plain, unit.kind, [*unit.rows], [*unit.at], [*unit.number]),
            *(bytes(unit.moving), [*unit.copies], unit.shortest, unit.longest),
        )
        for unit in units
    ]


class Both:
    """Two cutters that take the same frames."""

    def __init__(self) -> None:
        """Begin with nothing remembered."""
        module = extension.loaded()
        assert module is not None
        self._pure, self._native = Cutter(COPY), NativeCutter(module, COPY)

    def differ(self, frames: Sequence[Frame], size: int) -> int | None:
        """Cut in batches of so many; return where the first is in which they differ."""
        for begin in range(0, len(frames), size):
            part = frames[begin : begin + size]
            if told(self._pure.cut(in_rows(part))) != told(self._native.cut(in_columns(part))):
                return begin
        return None


def bent(frames: Sequence[Frame], chance: random.Random) -> list[Frame]:
    """Change some frames: bits, lengths, tags, times; add copies of those just before."""
    made: list[Frame] = []
    at = 0
    for one in frames:
        at = one.at if chance.random() < 0.7 else at + chance.randrange(-3, 4) * MILLISECOND
        data, fate = one.data, chance.random()
        if fate < 0.08:
            spoilt = bytearray(data)
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
            data = bytes(spoilt)
        elif fate < 0.12:
            data = data[: chance.randrange(14, len(data) + 1)]
        elif fate < 0.2:
            data = data[:12] + chance.choice(TAGS) + data[12:]
        wire = len(data) + (4 if chance.random() < 0.03 else 0)
        made.append(Frame(len(made) + 1, at, one.link, data, wire))
        while chance.random() < 0.25:
            again = chance.choice(made[-6:])
            later = at + chance.randrange(-1, 9) * MILLISECOND
            made.append(again._replace(number=len(made) + 1, at=later))
    return made


def senders(count: int) -> list[Frame]:
    """Give one advertisement of each of so many senders, then one of each again."""
    from tests.adverts.test_cut import advert

    body = bytearray(advert(1, 1))
    frames = []
    for number in range(2 * count):
        body[26:30] = (0x0A000000 + number % count).to_bytes(4, "big")
        frames.append(Frame(number + 1, number * SECOND, 1, bytes(body), len(body)))
    return frames
