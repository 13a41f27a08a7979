"""The blocks a pcapng file is made of, before their meaning.

    |          block type           |      total length: n          |
    | body, n - 12 bytes ...
    |      total length: n          |

The type of a section header reads the same in both byte orders; the magic number
behind its length tells which one holds until the next section.
"""

import struct
from collections.abc import Iterator

from carpscope.capture.tally import Tally

SECTION = 0x0A0D0D0A
INTERFACE = 1
PACKET = 2
SIMPLE_PACKET = 3
STATISTICS = 5
ENHANCED_PACKET = 6

_KNOWN = frozenset({SECTION, INTERFACE, PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET})
_PACKETS = frozenset({PACKET, SIMPLE_PACKET, ENHANCED_PACKET})

BLOCK_LIMIT = 1_048_576
"""The most a block we read may have: a packet of 256 KiB and options three times that."""

SKIP_LIMIT = 16_777_216
"""The most a block we skip may have. Wireshark refuses more: it is damage."""

_SMALLEST = 12
_MAGIC = b"\x1a\x2b\x3c\x4d"


def byte_order(head: bytes) -> str | None:
    """Read the byte order of a section header as `struct` spells it; None if it is none."""
    if head[:4] != b"\x0a\x0d\x0d\x0a":
        return None
    if head[8:12] == _MAGIC:
        return ">"
    return "<" if head[8:12] == _MAGIC[::-1] else None


def is_pcapng(head: bytes) -> bool:
    """Tell whether a file begins as a pcapng file does."""
    return byte_order(head) is not None


class Blocks:
    """Take chunks apart into whole blocks whose two lengths agree.

    Iterating gives (type, buffer, start, stop): the block is `buffer[start:stop]`,
    head and both lengths included. Blocks of unknown types are passed over. It
    ends with the chunks, or with a note in the tally where lengths make no sense.
    """

    def __init__(self, chunks: Iterator[bytes], tally: Tally) -> None:
        """Read nothing yet; the first block has to be a section header."""
        self._chunks = chunks
        self._tally = tally
        self.order = "<"
        """Byte order of the section that the block last given belongs to."""

    def __iter__(self) -> Iterator[tuple[int, bytes, int, int]]:
        """Give the blocks, in the order of the file."""
        head = struct.Struct("<II").unpack_from
        tail = struct.Struct("<I").unpack_from
        rest = b""
        offset = skip = kind = 0
        for chunk in self._chunks:
            if skip > len(chunk):
                skip -= len(chunk)
                offset += len(chunk)
                continue
            buffer = rest + chunk if rest else chunk
            here, end = skip, len(buffer)
            skip = 0
            while end - here >= _SMALLEST:
                kind, size = head(buffer, here)
                if kind == SECTION:
                    order = byte_order(buffer[here : here + 12])
                    if order is None:
                        self._damaged(offset + here, "a section header without byte order")
                        return
                    self.order = order
                    head = struct.Struct(f"{order}II").unpack_from
                    tail = struct.Struct(f"{order}I").unpack_from
                    _, size = head(buffer, here)
                stop = here + size
                if stop > end or size < _SMALLEST or size & 3:
                    problem = _length_problem(kind, size)
                    if problem:
                        self._damaged(offset + here, problem)
                        return
                    if kind not in _KNOWN and size > BLOCK_LIMIT:
                        skip, here = stop - end, end
                    break
                if tail(buffer, stop - 4)[0] != size:
                    self._damaged(offset + here, "the two lengths of a block differ")
                    return
                if kind in _KNOWN:
                    if size > BLOCK_LIMIT:
                        self._damaged(offset + here, str(_length_problem(kind, size)))
                        return
                    yield kind, buffer, here, stop
                here = stop
            rest = buffer[here:]
            offset += here
        if skip or rest:
            packet = not skip and (len(rest) < _SMALLEST or kind in _PACKETS)
            self._tally.cut(skip or len(rest), packet=packet)

    def _damaged(self, offset: int, problem: str) -> None:
        tally = self._tally
        tally.problems.append(
            f"damaged at {tally.place(offset)}: {problem}; reading stopped there, "
            f"after packet {tally.packets:,}"
        )


def _length_problem(kind: int, size: int) -> str | None:
    if size < _SMALLEST or size & 3:
        return f"a block of {size:,} bytes (at least 12, and a multiple of 4, is possible)"
    limit = BLOCK_LIMIT if kind in _KNOWN else SKIP_LIMIT
    if size > limit:
        return f"a block of {size:,} bytes, the most is {limit:,}"
    return None


def options(body: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Give (code, value) of each option; ends where they end or stop making sense."""
    here = 0
    while len(body) - here >= 4:
        code, length = struct.unpack_from(f"{order}HH", body, here)
        if code == 0 or here + 4 + length > len(body):
            return
        yield code, body[here + 4 : here + 4 + length]
        here += 4 + (length + 3 & ~3)
