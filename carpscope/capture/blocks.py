"""The blocks a pcapng file is made of, before their meaning.

    |          block type           |      total length: n          |
    | body, n - 12 bytes ...
    |      total length: n          |

The type of a section header reads the same in both byte orders; the magic number
behind its length tells which one holds until the next section.
"""

import struct
from collections.abc import Iterator

from carpscope.capture.counts import CaptureCounts

SECTION = 0x0A0D0D0A
INTERFACE = 1
PACKET = 2
SIMPLE_PACKET = 3
STATISTICS = 5
ENHANCED_PACKET = 6

_KNOWN = frozenset({SECTION, INTERFACE, PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET})
PACKETS = frozenset({PACKET, SIMPLE_PACKET, ENHANCED_PACKET})

BLOCK_LIMIT = 1_048_572
"""The most a block we read may have: a packet of 256 KiB and options three times that.
The last multiple of 4 below a power of 2, so that one mask tells most wrong lengths."""

SKIP_LIMIT = 16_777_216
"""The most a block we skip may have. Wireshark refuses more: it is damage."""

_SMALLEST = 12
_SECTION_TYPE = b"\x0a\x0d\x0d\x0a"
_MAGIC = b"\x1a\x2b\x3c\x4d"


def byte_order(head: bytes) -> str | None:
    """Read the byte order of a section header as `struct` spells it; None if it is none."""
    if head[:4] != _SECTION_TYPE:
        return None
    if head[8:12] == _MAGIC:
        return ">"
    return "<" if head[8:12] == _MAGIC[::-1] else None


def is_pcapng(head: bytes) -> bool:
    """Tell whether a file begins as a pcapng file does."""
    return byte_order(head) is not None


class Blocks:
    """Take chunks apart into whole blocks whose two lengths agree.

    The caller goes through each buffer of `buffers()`, asks `whole()` for the block
    where it stands, sets `here` to where it stopped, and comes back for the next:
    what it has not used is the beginning of that. So it may take the commonest
    block without asking, which is what makes reading quick.
    """

    def __init__(self, chunks: Iterator[bytes], counts: CaptureCounts) -> None:
        """Read nothing yet; the first block has to be a section header."""
        self._chunks = chunks
        self._counts = counts
        self.offset = 0
        """Of the buffer in the file."""
        self.skip = 0
        """Bytes behind the buffer that belong to a block nobody reads."""
        self._kind = 0
        self._length = struct.Struct("<I").unpack_from
        self.here = 0
        """Where in the buffer the caller stopped."""
        self.order = "<"
        """Byte order of the section, from its header on."""
        self.is_ended = False
        """Lengths made no sense, or the caller has enough: nothing more is given."""

    def buffers(self) -> Iterator[bytes]:
        """Give stretches of the file that begin with a block."""
        rest = b""
        for chunk in self._chunks:
            if self.skip >= len(chunk):
                self.skip -= len(chunk)
                self.offset += len(chunk)
                continue
            buffer = chunk[self.skip :] if self.skip else rest + chunk if rest else chunk
            self.offset += self.skip
            self.skip = self.here = 0
            yield buffer
            if self.is_ended:
                return
            rest = buffer[self.here :]
            self.offset += self.here
            if self.skip:
                self.offset += len(rest)
                rest = b""
        self.end_of_file(len(rest))

    def end_of_file(self, rest: int) -> None:
        """Note where the file ends within a block, of which `rest` bytes are there."""
        if self.skip or rest:
            packet = not self.skip and (rest < _SMALLEST or self._kind in PACKETS)
            self._counts.cut(self.skip or rest, packet=packet)

    def whole(self, buffer: bytes, here: int) -> tuple[int, int] | None:
        """Give (type, end) of the block at `here`; None where it is not all there.

        A block that makes no sense ends the reading, with a note in the counts.
        """
        if len(buffer) - here < _SMALLEST:
            return None
        if buffer[here : here + 4] == _SECTION_TYPE:
            order = byte_order(buffer[here : here + 12])
            if order is None:
                self._damaged(here, "a section header without byte order")
                return None
            self.order = order
            self._length = struct.Struct(f"{order}I").unpack_from
        self._kind = kind = self._length(buffer, here)[0]
        size: int = self._length(buffer, here + 4)[0]
        limit = BLOCK_LIMIT if kind in _KNOWN else SKIP_LIMIT
        stop = here + size
        if size < _SMALLEST or size & 3:
            problem = f"a block of {size:,} bytes (at least 12, and a multiple of 4, is possible)"
            self._damaged(here, problem)
            return None
        if size > limit:
            self._damaged(here, f"a block of {size:,} bytes, the most is {limit:,}")
            return None
        if stop > len(buffer):
            if kind not in _KNOWN and size > BLOCK_LIMIT:
                self.skip = stop - len(buffer)
            return None
        if self._length(buffer, stop - 4)[0] != size:
            self._damaged(here, "the two lengths of a block differ")
            return None
        return kind, stop

    def end(self, problem: str) -> None:
        """End the reading, with a note that says why."""
        self.is_ended = True
        self._counts.problems.append(
            f"{problem}; reading stopped there, after packet {self._counts.packets:,}"
        )

    def _damaged(self, here: int, problem: str) -> None:
        self.end(f"damaged at {self._counts.place(self.offset + here)}: {problem}")


def options(body: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Give (code, value) of each option; ends where they end or stop making sense."""
    here = 0
    while len(body) - here >= 4:
        code, length = struct.unpack_from(f"{order}HH", body, here)
        if code == 0 or here + 4 + length > len(body):
            return
        yield code, body[here + 4 : here + 4 + length]
        here += 4 + (length + 3 & ~3)
