"""What libpcap hands over at once: many packets in one piece of memory.

Frames are made of it only where somebody looks at them. Advertisements of steady masters are
not: an analysis takes them from here by its shortcuts, and a disk gets the batch as it is.
"""

import importlib
import os
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

from carpscope.core.frame import LAYOUTS, OTHERS, Frame, Shortcuts
from carpscope.core.units import MICROSECOND, SECOND, Nanos

_RECORD = struct.Struct("=IIII")
RECORD_SIZE = _RECORD.size
_BLOCK_MOST = 36
"""What a packet block adds to its packet, padding included."""
COLUMNS_FROM = 64
"""Packets of one length; fewer are written one by one."""


def next_batch(handle: Any, limit: int) -> tuple[bytes, bytes]:
    """Take up to `limit` packets that wait: their bytes, and the columns of a `Batch`.

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


class Batch:
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

    def lateness(self, latest: Nanos) -> tuple[int, Nanos]:
        """Count packets older than one before them, or than a time; return the latest, too."""
        late = 0
        for seconds, micros, _, _ in _RECORD.iter_unpack(self.meta):
            at = seconds * SECOND + micros * MICROSECOND
            if at < latest:
                late += 1
            else:
                latest = at
        return late, latest

    def __iter__(self) -> Iterator[Frame]:
        """Give every packet as a frame."""
        return self.frames({})

    def frames(self, shortcuts: Shortcuts) -> Iterator[Frame]:
        """Give those packets as frames that no shortcut takes."""
        data, link, index, snaplen = self.data, self.link, self.interface, self.snaplen
        number = self.first - 1
        layout_of = LAYOUTS.get
        others = shortcuts.get(OTHERS)
        second, base = 0, 0
        for seconds, micros, offset, length in _RECORD.iter_unpack(self.meta):
            number += 1
            if seconds != second:
                second, base = seconds, seconds * SECOND
            at = base + micros * MICROSECOND
            if shortcuts and length < snaplen and (layout := layout_of(length)):
                head, identification, middle, ip_sum, key, tail = layout(data, offset)
                shortcut = shortcuts.get(key)
                if shortcut is None and others is not None:
                    shortcut, identification = others, key
                if shortcut is not None and shortcut.take(
                    at, number, head, identification, middle, ip_sum, tail
                ):
                    continue
            # next_batch tells no length on the wire; a whole frame is as long as it is
            wire = length if length < snaplen else max(length, 65535)
            yield Frame(number, at, link, data[offset : offset + length], wire, index, index)

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
            columns = _columns(self, size, interface, min(size, snaplen) if snaplen else size)
            if columns is not None:
                return columns
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


def _columns(batch: Batch, size: int, interface: int, kept: int) -> bytes | None:
    """Make the blocks of packets of one length field by field; None without numpy."""
    np = _numpy()
    if np is None:
        return None
    count = len(batch)
    times = np.frombuffer(batch.meta, "=u4").reshape(count, RECORD_SIZE // 4).astype("u8")
    at = times[:, 0] * SECOND + times[:, 1] * MICROSECOND
    total = 32 + kept + -kept % 4
    rows = np.zeros((count, total), "u1")
    rows[:, 28 : 28 + kept] = np.frombuffer(batch.data, "u1").reshape(count, size)[:, :kept]
    words = rows.view("<u4")
    for place, value in enumerate((6, total, interface, at >> 32, at & 0xFFFF_FFFF, kept, size)):
        words[:, place] = value
    words[:, -1] = total
    made: bytes = rows.tobytes()
    return made


@cache
def _numpy() -> Any:
    """Return numpy where it is installed (`carpscope[fast]`), without threads of its own."""
    threads = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(threads)
    os.environ[threads] = "1"
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None
    finally:
        if before is None:
            del os.environ[threads]
        else:
            os.environ[threads] = before


_BLOCKS: dict[int, struct.Struct] = {}


def _block(length: int) -> struct.Struct:
    """Return how an enhanced packet block with a packet of that length is packed."""
    block = struct.Struct(f"<7I{length}s{-length % 4}xI")
    if len(_BLOCKS) < 4096:
        _BLOCKS[length] = block
    return block
