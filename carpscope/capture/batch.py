"""What libpcap hands over at once: many packets in one piece of memory.

Frames are made of it only where somebody looks at them. Advertisements of steady masters are
not: an analysis takes them from here by its shortcuts, and a disk gets the batch as it is.
"""

import struct
from collections.abc import Iterator

from carpscope.core.frame import LAYOUTS, OTHERS, Frame, Shortcuts
from carpscope.core.units import MICROSECOND, SECOND, Nanos

_RECORD = struct.Struct("=IIII")
RECORD_SIZE = _RECORD.size


class Batch:
    """Packets of one interface; `meta` has seconds, microseconds, offset and length of each."""

    __slots__ = ("data", "first", "interface", "link", "meta", "snaplen")

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

    def __len__(self) -> int:
        """Return how many packets there are."""
        return len(self.meta) // RECORD_SIZE

    @property
    def size(self) -> int:
        """Return how many bytes it takes in memory."""
        return len(self.data) + len(self.meta)

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

    def blocks(self, interface: int, snaplen: int) -> bytes:
        """Give all packets as packet blocks of pcapng, for the interface of that number."""
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


_BLOCKS: dict[int, struct.Struct] = {}


def _block(length: int) -> struct.Struct:
    """Return how an enhanced packet block with a packet of that length is packed."""
    block = struct.Struct(f"<7I{length}s{-length % 4}xI")
    if len(_BLOCKS) < 4096:
        _BLOCKS[length] = block
    return block
