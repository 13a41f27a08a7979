"""The blocks in which a file is read, as pieces that each hold whole records.

Nothing is copied but a record that lies across two blocks, with a little of what follows it.
"""

from collections.abc import Generator, Iterator

_A_LITTLE = 2048
"""Bytes of the next block that are tried first; eight times as many while they are too few."""


class Pieces:
    """Gives pieces; who takes one sets `used` to where its last whole record ends."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Take the blocks; nothing is read yet."""
        self._chunks = chunks
        self.offset = 0
        """Of the piece in the file."""
        self.used = 0
        self.skip = 0
        """Bytes behind the piece that nobody wants; set together with `used`."""
        self.rest = b""
        """At the end: what is behind the last whole record."""

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Give each piece, and where to begin in it."""
        at = 0
        for chunk in self._chunks:
            begin = 0
            if self.rest:
                begin = yield from self._across(chunk, at)
            if self.skip:
                passed = min(self.skip, len(chunk) - begin)
                self.skip -= passed
                begin += passed
            if begin < len(chunk):
                self.offset, self.used = at, begin
                yield chunk, begin
                self.rest = b"" if self.skip else chunk[self.used :]
            at += len(chunk)

    def _across(self, chunk: bytes, at: int) -> Generator[tuple[bytes, int], None, int]:
        """Give the record that begins in what is left; return where the next one begins."""
        rest, size = self.rest, _A_LITTLE
        while True:
            piece = rest + chunk[:size]
            self.offset, self.used = at - len(rest), 0
            yield piece, 0
            if self.skip or self.used >= len(rest):
                self.rest = b""
                return min(size, len(chunk)) if self.skip else self.used - len(rest)
            if size >= len(chunk):
                self.rest = piece[self.used :]
                return len(chunk)
            size *= 8
