"""Captures walked by the extension in C, where there is one (`core.native`).

It writes the packets of a file into columns and one buffer, and leaves what is rare to the
readers in Python, which are the reference: `capture.pcap` and `capture.pcapng`.
"""

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, Literal

from carpscope.capture import blocks as kinds
from carpscope.capture import pcap, pcapng
from carpscope.capture.blocks import Blocks
from carpscope.capture.counts import BEFORE_THE_FIRST, CaptureCounts
from carpscope.capture.linktypes import ETHERNET
from carpscope.capture.pieces import Pieces
from carpscope.core import native
from carpscope.core.batch import Batch, Drops
from carpscope.core.columns import WIDTH, Columns
from carpscope.core.units import MICROSECOND, Nanos

ROWS = 45_056
"""Packets of one batch, at the most."""
ROOM = 4 << 20
"""Bytes of the packets of one batch, at the most: more than the longest packet."""
FIRST_ROWS = 1024
FIRST_ROOM = 262_144
"""Of the first batch: most of a folder's files have no second one, and clean memory costs time."""
_MORE, _FULL, _UNUSUAL = range(3)
"""Why a walk stopped: `enum stop` in carpscope/native/walk.h."""
_MOST = (1 << 63) - 1
"""This time and its negative stand for what 64 bits do not hold; the walk gives neither."""


def pcap_batches(
    header: pcap.Header,
    chunks: Iterator[bytes],
    counts: CaptureCounts,
    capture: int = 0,
    drops: Drops | None = None,
) -> Iterator[Batch]:
    """Give the packets of a pcap file as `pcap.batches` does; natively to who takes all."""
    module = native.loaded() if drops is not None else None
    if module is None:
        yield from pcap.batches(header, chunks, counts, capture, drops)
    else:
        yield from records(module, header, chunks, counts, capture)


def pcapng_batches(
    chunks: Iterator[bytes], counts: CaptureCounts, capture: int = 0, drops: Drops | None = None
) -> Iterator[Batch]:
    """Give the packets of a pcapng file as `pcapng.batches` does; natively to who takes all."""
    module = native.loaded() if drops is not None else None
    if module is None:
        yield from pcapng.batches(chunks, counts, capture, drops)
    else:
        yield from blocks(module, chunks, counts, capture)


def records(
    module: ModuleType,
    header: pcap.Header,
    chunks: Iterator[bytes],
    counts: CaptureCounts,
    capture: int = 0,
    *,
    selects: bool = True,
) -> Iterator[Batch]:
    """Give the packets of a pcap file that `selects` leaves: those of interest, or all."""
    return _Records(module, header, chunks, counts, _Batches(capture, selects=selects)).batches()


def blocks(
    module: ModuleType,
    chunks: Iterator[bytes],
    counts: CaptureCounts,
    capture: int = 0,
    *,
    selects: bool = True,
) -> Iterator[Batch]:
    """Give the packets of a pcapng file that `selects` leaves."""
    return _Blocks(module, chunks, counts, _Batches(capture, selects=selects)).batches()


class _Batches:
    """The memory that one batch after the other is written into."""

    def __init__(self, capture: int, *, selects: bool) -> None:
        self._capture = capture
        self.selects = selects
        self._make(min(FIRST_ROWS, ROWS), min(FIRST_ROOM, ROOM))

    def _make(self, rows: int, room: int) -> None:
        self._columns = bytearray(rows * WIDTH)
        self._data = bytearray(room)
        self._view = memoryview(self._data)

    def begin(self, module: ModuleType, **settings: int) -> Any:
        """Return a walk that writes here."""
        self._walk = module.Walk(**settings)
        self._walk.selects = self.selects
        return self._walk

    def on(self, piece: bytes, here: int) -> tuple[int, int]:
        """Walk on; return why it stopped, and where."""
        stop: tuple[int, int] = self._walk.walk(piece, here, self._columns, self._data)
        return stop

    def give(self, packet: bytes, at: Nanos, wire: int, interface: int) -> bool:
        """Add a packet that was counted; False where there is no room."""
        is_given: bool = self._walk.give(packet, at, wire, interface, self._columns, self._data)
        return is_given

    def taken(self, links: Sequence[int]) -> Iterator[Batch]:
        """Give what there is, and begin anew."""
        count, used = self._walk.count, self._walk.used
        self._walk.count = self._walk.used = 0
        if count:
            rows = Columns(self._columns, count)
            yield Batch(self._view[:used], rows, links, self._capture)
            if len(self._data) < ROOM:
                self._make(ROWS, ROOM)

    def alone(
        self, packet: bytes, at: Nanos, wire: int, interface: int, links: Sequence[int]
    ) -> Batch:
        """Give a packet whose time does not fit into a column."""
        row = (at, self._walk.number, 0, len(packet), wire, interface)
        return Batch(packet, [row], links, self._capture)


class _Records:
    """Reads a pcap file."""

    def __init__(
        self,
        module: ModuleType,
        header: pcap.Header,
        chunks: Iterator[bytes],
        counts: CaptureCounts,
        batches: _Batches,
    ) -> None:
        self._order: Literal["big", "little"] = "big" if header.order == ">" else "little"
        self._batches = batches
        self._walk = batches.begin(
            module,
            big=self._order == "big",
            record=16 + header.longer,
            scale=1 if header.nanosecond else MICROSECOND,
            link=header.link,
        )
        self._links = [header.link]
        self._pieces = Pieces(chunks)
        self._counts = counts
        pcap.describe(header, counts)

    def batches(self) -> Iterator[Batch]:
        """Give the packets."""
        try:
            yield from self._read()
        except KeyboardInterrupt:  # what was read until then is analyzed
            yield from self._taken()
            raise
        finally:
            _account(self._walk, self._counts)

    def _taken(self) -> Iterator[Batch]:
        _account(self._walk, self._counts)
        yield from self._batches.taken(self._links)

    def _read(self) -> Iterator[Batch]:
        pieces, batches, counts = self._pieces, self._batches, self._counts
        begin = pcap.HEADER_SIZE
        for piece, start in pieces:
            here, begin = max(start, begin), 0  # the file's header lies in the first piece
            stop, here = batches.on(piece, here)
            while stop == _FULL:
                yield from self._taken()
                stop, here = batches.on(piece, here)
            if stop == _UNUSUAL:
                yield from self._taken()
                length = int.from_bytes(piece[here + 8 : here + 12], self._order)
                counts.problems.append(pcap.insane(counts, pieces.offset + here, length))
                return
            pieces.used = here
        yield from self._taken()
        if pieces.rest:
            counts.cut(len(pieces.rest))


class _Blocks:
    """Reads a pcapng file: packets natively, what describes them, and rare blocks, in Python."""

    def __init__(
        self, module: ModuleType, chunks: Iterator[bytes], counts: CaptureCounts, batches: _Batches
    ) -> None:
        self._module, self._counts, self._batches = module, counts, batches
        self._walk = batches.begin(module, is_blocks=True)
        self._pieces = Pieces(chunks)
        self._blocks = Blocks(iter(()), counts)
        self._section = pcapng.Section(self._blocks, counts)
        self._times = _Times()
        self._told = 0
        """Interfaces that the walk was told of."""

    def batches(self) -> Iterator[Batch]:
        """Give the packets."""
        try:
            yield from self._read()
        except KeyboardInterrupt:  # what was read until then is analyzed
            yield from self._taken()
            raise
        finally:
            _account(self._walk, self._counts, self._times)

    def _taken(self) -> Iterator[Batch]:
        _account(self._walk, self._counts, self._times)
        yield from self._batches.taken(self._section.links)

    def _read(self) -> Iterator[Batch]:
        pieces, whole, walk = self._pieces, self._blocks, self._walk
        for piece, start in pieces:
            here, stop = start, _FULL
            while stop != _MORE and not whole.is_ended:
                self._times.before(walk)
                stop, here = self._batches.on(piece, here)
                self._times.after(walk)
                if stop == _FULL:
                    yield from self._taken()
                if stop == _UNUSUAL:
                    _account(walk, self._counts, self._times)
                    whole.offset = pieces.offset
                    found = whole.whole(piece, here)
                    if found is None:
                        break
                    yield from self._one(found[0], piece[here : found[1]])
                    here = found[1]
            pieces.used, pieces.skip, whole.skip = here, whole.skip, 0
            if whole.is_ended:
                break
        yield from self._taken()
        if not whole.is_ended:
            whole.skip = pieces.skip
            whole.end_of_file(len(pieces.rest))

    def _one(self, kind: int, block: bytes) -> Iterator[Batch]:
        """Read one block in Python; give what was walked before, where the packet needs room."""
        walk, batches = self._walk, self._batches
        packet = self._section.read(kind, block, self._times.last)
        if packet is None:
            walk.number += kind in kinds.PACKETS  # one that could not be used
            self._describe()
            return
        at, link, captured, wire, start, interface = packet
        data = block[start : start + captured]
        self._times.count(walk, at, captured, wire)
        if batches.selects and link == ETHERNET and self._module.left_out(data):
            walk.left_out += 1
        elif not -_MOST < at < _MOST:
            yield from self._taken()
            yield batches.alone(data, at, wire, interface, self._section.links)
        elif not batches.give(data, at, wire, interface):
            yield from self._taken()
            batches.give(data, at, wire, interface)

    def _describe(self) -> None:
        """Tell the walk of a section, or of an interface, that was read."""
        section = self._section
        if not section.interfaces:
            self._walk.section(section.order == ">", section.base)
            self._told = section.base
        for one in section.interfaces[self._told - section.base :]:
            self._walk.describe(one.link, one.scale, one.divisor, one.offset)
            self._told += 1


class _Times:
    """The earliest and latest time of a pcapng file, which may not fit into 64 bits."""

    def __init__(self) -> None:
        self.first = self.last = BEFORE_THE_FIRST

    def before(self, walk: Any) -> None:
        """Tell a walk where it goes on."""
        walk.begun = self.last != BEFORE_THE_FIRST
        walk.first, walk.last = _narrow(self.first), _narrow(self.last)

    def after(self, walk: Any) -> None:
        """Take over how far a walk came."""
        if walk.begun and walk.last != _narrow(self.last):
            self.last = walk.last
        if walk.begun and walk.first != _narrow(self.first):
            self.first = walk.first

    def count(self, walk: Any, at: Nanos, captured: int, wire: int) -> None:
        """Count a packet that was read in Python."""
        walk.number += 1
        walk.snapped += wire > captured
        if self.last == BEFORE_THE_FIRST:
            self.first = self.last = at
        elif at < self.last:
            walk.late += 1
            self.first = min(self.first, at)
        else:
            self.last = at


def _narrow(at: Nanos) -> Nanos:
    return max(-_MOST - 1, min(_MOST, at))


def _account(walk: Any, counts: CaptureCounts, times: _Times | None = None) -> None:
    """Write into a counts what a walk has counted."""
    if times is not None:
        first, last = times.first, times.last
    else:
        first, last = (walk.first, walk.last) if walk.begun else (BEFORE_THE_FIRST,) * 2
    counts.account(walk.number, first, last, walk.snapped, walk.late)
    counts.comments += walk.comments
    if walk.has_lost:
        counts.packet_drops = (counts.packet_drops or 0) + walk.lost
    walk.comments = walk.lost = walk.has_lost = 0
