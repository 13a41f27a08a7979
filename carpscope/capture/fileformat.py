"""What a reader of a further file format is, and what its records have in common."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from carpscope.capture.counts import BEFORE_THE_FIRST, CaptureCounts
from carpscope.core.batch import Batch, Drops, batched
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos

PACKET_LIMIT = 262_144
"""As of pcap: a larger number is damage, and believing it would allocate what somebody likes."""


class FileRecord(NamedTuple):
    """One packet of a file."""

    at: Nanos
    link: int
    data: bytes
    wire_length: int


class Format(NamedTuple):
    """One file of `capture.formats`."""

    kind: str
    """What the file is called."""
    matches: Callable[[bytes], bool]
    """Whether a file that begins with these bytes (512, if there are so many) is of this kind."""
    records: Callable[[Iterator[bytes], CaptureCounts], Iterator[FileRecord]]
    """Takes the file's bytes in blocks; writes into the counts what ended the reading early."""


@cache
def formats() -> tuple[Format, ...]:
    """Return every format of the folder."""
    from carpscope.core.registry import discover  # noqa: PLC0415  a capture is pcap, nearly always

    return tuple(discover("carpscope.capture.formats", "FORMAT", Format))


def recognized(head: bytes) -> Format | None:
    """Return the format that a file of these first bytes has."""
    return next((one for one in formats() if one.matches(head)), None)


def batches(
    one: Format,
    chunks: Iterator[bytes],
    counts: CaptureCounts,
    capture: int,
    drops: Drops | None = None,
) -> Iterator[Batch]:
    """Give the packets of a file in its order, counted."""
    frames = _frames(one, chunks, counts, capture)
    if drops is not None:
        frames = (f for f in frames if not drops(f.data, 0, len(f.data), f.link))
    return batched(frames)


def _frames(
    one: Format, chunks: Iterator[bytes], counts: CaptureCounts, capture: int
) -> Iterator[Frame]:
    number = snapped = late = 0
    first = last = BEFORE_THE_FIRST
    try:
        for record in one.records(chunks, counts):
            number += 1
            counts.see_link(record.link)
            if number == 1:
                first = last = record.at
            elif record.at < last:
                late += 1
                first = min(first, record.at)
            else:
                last = record.at
            snapped += record.wire_length > len(record.data)
            counts.account(number, first, last, snapped, late)
            yield Frame(number, record.at, record.link, record.data, record.wire_length, capture, 0)
    finally:
        counts.account(number, first, last, snapped, late)


class Bytes:
    """Blocks of a file as one stream of which the next bytes can be taken."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Take the blocks; nothing is read yet."""
        self._chunks = chunks
        self._rest = b""

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer at the end of the file."""
        while len(self._rest) < size and (more := next(self._chunks, b"")):
            self._rest += more
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def lines(chunks: Iterator[bytes], longest: int) -> Iterator[str]:
    """Give the lines of a text; what is longer than `longest` bytes is cut there."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line[:longest].decode("utf-8", "replace")
        rest = rest[:longest]
    if rest:
        yield rest.decode("utf-8", "replace")
