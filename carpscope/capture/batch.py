"""What libpcap hands over at once: many packets in one piece of memory.

An analysis gets its columns, and a disk the batch as it is.
"""

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from carpscope.core import native
from carpscope.core.batch import Batch, Row
from carpscope.core.columns import Columns
from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, SECOND, Nanos

_RECORD = struct.Struct("=IIII")
RECORD_SIZE = _RECORD.size
_BLOCK_MOST = 36
"""What a packet block adds to its packet, padding included."""
COLUMNS_FROM = 64
"""Packets of one length; fewer are written one by one."""
COLUMNS_MOST = 512
"""As many of them as the caches of a processor hold."""


def next_batch(handle: Any, limit: int) -> tuple[bytes, bytes]:
    """Take up to `limit` packets that wait: their bytes, and the columns of a `KernelBatch`.

    pcapy-ng does that since 2.0; before, as FreeBSD's ports have it, it calls back for each.
    """
    native = getattr(handle, "next_batch", None)
    if native is not None:
        taken: tuple[bytes, bytes] = native(limit)
        return taken
    data, meta = bytearray(), bytearray()

    def take(header: Any, packet: bytes) -> None:
        meta.extend(_RECORD.pack(*header.getts(), len(data), len(packet)))
        data.extend(packet)

    handle.dispatch(limit, take)
    return bytes(data), bytes(meta)


class KernelBatch:
    """Packets of one interface; `meta` has seconds, microseconds, offset and length of each."""

    __slots__ = ("_made", "data", "first", "interface", "link", "meta", "snaplen")

    def __init__(
        self, data: bytes, meta: bytes, link: int, interface: int, first: int, snaplen: int
    ) -> None:
        """Take what pcapy's next_batch gives; `first` is the number of the first packet."""
        self.data = data
        self.meta = meta
        self.link = link
        self.interface = interface
        self.first = first
        self.snaplen = snaplen
        self._made: tuple[int, int, bytes] | None = None

    def __len__(self) -> int:
        """Return how many packets there are."""
        return len(self.meta) // RECORD_SIZE

    @property
    def size(self) -> int:
        """Return how many bytes it takes in memory."""
        return len(self.data) + len(self.meta)

    @property
    def most(self) -> int:
        """Return how many bytes it takes in a file, at the most."""
        return len(self.data) + len(self) * _BLOCK_MOST

    @property
    def last(self) -> Nanos:
        """Return the time of the last packet."""
        seconds, micros, _, _ = _RECORD.unpack_from(self.meta, len(self.meta) - RECORD_SIZE)
        at: Nanos = seconds * SECOND + micros * MICROSECOND
        return at

    def __iter__(self) -> Iterator[Frame]:
        """Give every packet as a frame."""
        return self.columns().frames()

    def columns(self) -> Batch:
        """Give the packets as every source does."""
        index = self.interface
        return Batch(self.data, self._rows(), (self.link,), index, interfaces=(index,))

    def _rows(self) -> Sequence[Row]:
        snaplen, number = self.snaplen, self.first
        module = native.loaded()
        if module is not None:
            return Columns(module.kernel_columns(self.meta, number, snaplen), len(self))
        rows = []
        for seconds, micros, offset, length in _RECORD.iter_unpack(self.meta):
            at = seconds * SECOND + micros * MICROSECOND
            # next_batch tells no length on the wire; a whole frame is as long as it is
            wire = length if length < snaplen else max(length, 65535)
            rows.append((at, number, offset, length, wire, 0))
            number += 1
        return rows

    def _size(self) -> int:
        """Return how long every packet is, 0 where they differ or may have been cut."""
        count = len(self)
        size, rest = divmod(len(self.data), count or 1)
        if rest or size >= self.snaplen:
            return 0
        lengths = memoryview(self.meta).cast("I")[3::4]
        return size if lengths.tolist().count(size) == count else 0

    def blocks(self, interface: int, snaplen: int) -> bytes:
        """Give all packets as packet blocks of pcapng, for the interface of that number.

        They are made once, as long as every file asks for the same; see `forget`.
        """
        made = self._made
        if made is None or made[:2] != (interface, snaplen):
            made = self._made = interface, snaplen, self._blocks(interface, snaplen)
        return made[2]

    def forget(self) -> None:
        """Let go of the blocks that were made."""
        self._made = None

    def _blocks(self, interface: int, snaplen: int) -> bytes:
        if len(self) >= COLUMNS_FROM and (size := self._size()):
            kept = min(size, snaplen) if snaplen else size
            return b"".join(
                _columns(
                    self.meta[at * RECORD_SIZE : (at + COLUMNS_MOST) * RECORD_SIZE],
                    self.data[at * size : (at + COLUMNS_MOST) * size],
                    (size, kept, interface),
                )
                for at in range(0, len(self), COLUMNS_MOST)
            )
        data, cut = self.data, self.snaplen
        blocks = []
        for seconds, micros, offset, length in _RECORD.iter_unpack(self.meta):
            at = seconds * SECOND + micros * MICROSECOND
            kept = min(length, snaplen) if snaplen else length
            wire = length if length < cut else max(length, 65535)
            block = _BLOCKS.get(kept) or _block(kept)
            total = block.size
            packet = data[offset : offset + kept]
            high, low = at >> 32, at & 0xFFFF_FFFF
            blocks.append(block.pack(6, total, interface, high, low, kept, wire, packet, total))
        return b"".join(blocks)


def _columns(meta: bytes, data: bytes, kind: tuple[int, int, int]) -> bytes:
    """Make the blocks of packets of one length, one column of all of them after the other.

    Strides are copied by the interpreter itself: a third of what packing them one by one takes.
    `kind` is the length of each, how much of it is kept, and the interface.
    """
    size, kept, interface = kind
    total = 32 + kept + -kept % 4
    empty = struct.pack(f"<7I{total - 32}xI", 6, total, interface, 0, 0, kept, size, total)
    made = bytearray(empty * (len(meta) // RECORD_SIZE))
    words = memoryview(meta).cast("I").tolist()
    seconds, micros = words[:: RECORD_SIZE // 4], words[1 :: RECORD_SIZE // 4]
    at = array("Q", [s * SECOND + m * MICROSECOND for s, m in zip(seconds, micros, strict=True)])
    if sys.byteorder == "big":
        at.byteswap()
    stamps = at.tobytes()
    for place in range(4):  # the upper half of a time comes first
        made[12 + place :: total] = stamps[4 + place :: 8]
        made[16 + place :: total] = stamps[place::8]
    for place in range(kept):
        made[28 + place :: total] = data[place::size]
    return bytes(made)


_BLOCKS: dict[int, struct.Struct] = {}


def _block(length: int) -> struct.Struct:
    """Return how an enhanced packet block with a packet of that length is packed."""
    block = struct.Struct(f"<7I{length}s{-length % 4}xI")
    if len(_BLOCKS) < 4096:
        _BLOCKS[length] = block
    return block
