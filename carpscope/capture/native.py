"""Captures walked by the extension in C, where there is one (`core.native`).

It gives the packets of a file in batches of columns, and leaves what is rare to the readers in
Python, which are the reference: `capture.pcap` and `capture.pcapng`.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Literal, NamedTuple

from carpscope.capture import blocks as kinds
from carpscope.capture import pcap, pcapng
from carpscope.capture.blocks import Blocks
from carpscope.capture.linktypes import ETHERNET
from carpscope.capture.pieces import Pieces
from carpscope.capture.tally import BEFORE_THE_FIRST, Tally
from carpscope.core import native
from carpscope.core.batch import Batch, Drops
from carpscope.core.units import MICROSECOND, Nanos

ROWS = 65_536
"""Packets of one batch, at the most."""
ROOM = 4 << 20
"""Bytes of the packets of one batch, at the most: more than the longest packet."""
_KINDS: tuple[tuple[Literal["q", "Q", "I"], int], ...] = (
    ("q", 8), ("Q", 8), ("Q", 8), ("I", 4), ("I", 4), ("I", 4),
)  # fmt: skip
"""Of each column: its type and width, as `struct columns` in native/walk.h."""
_WIDTH = sum(width for _, width in _KINDS)
_MORE, _FULL, _UNUSUAL = range(3)
"""Why a walk stopped: `enum stop` in native/walk.h."""
_MOST = (1 << 63) - 1
"""This time and its negative stand for what 64 bits do not hold; the walk gives neither."""


class Columns(NamedTuple):
    """Packets of one file, in its order; good until the next are asked for."""

    data: memoryview
    at: memoryview | list[Nanos]
    number: memoryview | list[int]
    offset: memoryview | list[int]
    captured: memoryview | list[int]
    wire: memoryview | list[int]
    interface: memoryview | list[int]


class _Batch:
    """The memory that one batch after the other is written into."""

    def __init__(self, module: ModuleType, **settings: int) -> None:
        self.walk = module.Walk(**settings)
        self._columns = bytearray(ROWS * _WIDTH)
        self._data = bytearray(ROOM)

    def on(self, piece: bytes, here: int) -> tuple[int, int]:
        """Walk on; return why it stopped, and where."""
        stop: tuple[int, int] = self.walk.walk(piece, here, self._columns, self._data)
        return stop

    def give(self, packet: bytes, at: Nanos, wire: int, interface: int) -> bool:
        """Add a packet that was counted; False where there is no room."""
        is_given: bool = self.walk.give(packet, at, wire, interface, self._columns, self._data)
        return is_given

    def taken(self) -> Iterator[Columns]:
        """Give what there is, and begin anew."""
        count, used = self.walk.count, self.walk.used
        self.walk.count = self.walk.used = 0
        if not count:
            return
        columns, begin = [], 0
        view = memoryview(self._columns)
        for kind, width in _KINDS:
            columns.append(view[begin : begin + count * width].cast(kind))
            begin += ROWS * width
        yield Columns(memoryview(self._data)[:used], *columns)


def records(
    module: ModuleType,
    header: pcap.Header,
    chunks: Iterator[bytes],
    tally: Tally,
    *,
    selects: bool = True,
) -> Iterator[Columns]:
    """Give the packets of a pcap file, as `pcap.batches` does."""
    order: Literal["big", "little"] = "big" if header.order == ">" else "little"
    batch = _Batch(
        module,
        big=order == "big",
        record=16 + header.longer,
        scale=1 if header.nanosecond else MICROSECOND,
        link=header.link,
    )
    walk, pieces = batch.walk, Pieces(chunks)
    walk.selects = selects
    pcap.describe(header, tally)
    stop = _MORE
    begin = pcap.HEADER_SIZE
    try:
        for piece, start in pieces:
            here, begin = max(start, begin), 0  # the file's header lies in the first piece
            stop, here = batch.on(piece, here)
            while stop == _FULL:
                _account(walk, tally)
                yield from batch.taken()
                stop, here = batch.on(piece, here)
            if stop == _UNUSUAL:
                _account(walk, tally)
                length = int.from_bytes(piece[here + 8 : here + 12], order)
                tally.problems.append(pcap.insane(tally, pieces.offset + here, length))
                break
            pieces.used = here
        _account(walk, tally)
        yield from batch.taken()
        if pieces.rest and stop != _UNUSUAL:
            tally.cut(len(pieces.rest))
    finally:
        _account(walk, tally)


def blocks(
    module: ModuleType,
    chunks: Iterator[bytes],
    tally: Tally,
    links: list[int],
    *,
    selects: bool = True,
) -> Iterator[Columns]:
    """Give the packets of a pcapng file, as `pcapng.batches` does.

    `links` gets the link type of each interface, through all sections.
    """
    reader = _Blocks(module, chunks, tally, links, selects=selects)
    try:
        yield from reader.batches()
    finally:
        reader.account()


class _Blocks:
    """Reads a pcapng file: packets natively, what describes them, and rare blocks, in Python."""

    def __init__(
        self,
        module: ModuleType,
        chunks: Iterator[bytes],
        tally: Tally,
        links: list[int],
        *,
        selects: bool,
    ) -> None:
        self._module, self._tally, self._links = module, tally, links
        self._batch = _Batch(module, is_blocks=True)
        self._walk = self._batch.walk
        self._walk.selects = selects
        self._pieces = Pieces(chunks)
        self._blocks = Blocks(iter(()), tally)
        self._section = pcapng.Section(self._blocks, tally)
        self._times = _Times()

    def account(self) -> None:
        """Write down what was counted."""
        _account(self._walk, self._tally, self._times)

    def batches(self) -> Iterator[Columns]:
        """Give the packets."""
        pieces, whole = self._pieces, self._blocks
        for piece, start in pieces:
            here, stop = start, _FULL
            while stop != _MORE and not whole.is_ended:
                self._times.before(self._walk)
                stop, here = self._batch.on(piece, here)
                self._times.after(self._walk)
                if stop != _MORE:
                    self.account()
                if stop == _FULL:
                    yield from self._batch.taken()
                if stop == _UNUSUAL:
                    whole.offset = pieces.offset
                    found = whole.whole(piece, here)
                    if found is None:
                        break
                    yield from self._one(found[0], piece[here : found[1]])
                    here = found[1]
            pieces.used, pieces.skip, whole.skip = here, whole.skip, 0
            if whole.is_ended:
                break
        self.account()
        yield from self._batch.taken()
        if not whole.is_ended:
            whole.skip = pieces.skip
            whole.end_of_file(len(pieces.rest))

    def _one(self, kind: int, block: bytes) -> Iterator[Columns]:
        """Read one block in Python; give what was walked before, where the packet needs room."""
        walk, batch = self._walk, self._batch
        packet = self._section.read(kind, block, self._times.last)
        if packet is None:
            walk.number += kind in kinds.PACKETS  # one that could not be used
            self._describe()
            return
        at, link, captured, wire, start, interface = packet
        data = block[start : start + captured]
        self._times.count(walk, at, captured, wire)
        if walk.selects and link == ETHERNET and self._module.left_out(data):
            walk.left_out += 1
        elif not -_MOST <= at <= _MOST:
            yield from batch.taken()
            yield Columns(
                memoryview(data), [at], [walk.number], [0], [captured], [wire], [interface]
            )
        elif not batch.give(data, at, wire, interface):
            yield from batch.taken()
            batch.give(data, at, wire, interface)

    def _describe(self) -> None:
        """Tell the walk of a section, or of an interface, that was read."""
        section, links = self._section, self._links
        if not section.interfaces:
            self._walk.section(section.order == ">", section.base)
        for one in section.interfaces[len(links) - section.base :]:
            self._walk.describe(one.link, one.scale, one.divisor, one.offset)
            links.append(one.link)


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


def _account(walk: Any, tally: Tally, times: _Times | None = None) -> None:
    """Write into a tally what a walk has counted."""
    if times is not None:
        first, last = times.first, times.last
    else:
        first, last = (walk.first, walk.last) if walk.begun else (BEFORE_THE_FIRST,) * 2
    tally.account(walk.number, first, last, walk.snapped, walk.late)
    tally.comments += walk.comments
    if walk.has_lost:
        tally.packet_drops = (tally.packet_drops or 0) + walk.lost
    walk.comments = walk.lost = walk.has_lost = 0


def pcap_batches(
    header: pcap.Header,
    chunks: Iterator[bytes],
    tally: Tally,
    capture: int,
    drops: Drops | None = None,
) -> Iterator[Batch]:
    """Give the packets of a pcap file, natively where an analysis reads it."""
    module = native.loaded() if drops is not None else None
    if module is None:
        yield from pcap.batches(header, chunks, tally, capture, drops)
        return
    for columns in records(module, header, chunks, tally):
        yield batch(columns, [header.link], capture)


def pcapng_batches(
    chunks: Iterator[bytes], tally: Tally, capture: int, drops: Drops | None = None
) -> Iterator[Batch]:
    """Give the packets of a pcapng file, natively where an analysis reads it."""
    module = native.loaded() if drops is not None else None
    if module is None:
        yield from pcapng.batches(chunks, tally, capture, drops)
        return
    links: list[int] = []
    for columns in blocks(module, chunks, tally, links):
        yield batch(columns, links, capture)


def batch(columns: Columns, links: list[int], capture: int) -> Batch:
    """Make a batch of columns, good as long as they are."""
    data, *rows = columns
    return Batch(data, list(zip(*rows, strict=True)), links, capture)
