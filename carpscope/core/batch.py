"""Many packets in one buffer: what every source gives, and what a cutter takes apart."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from carpscope.core.frame import Frame
from carpscope.core.units import Nanos

Buffer = bytes | memoryview
Row = tuple[Nanos, int, int, int, int, int]
"""Time, number, offset, captured length, length on the wire, interface of one packet."""
Drops = Callable[[bytes, int, int, int], bool]
"""Tells of a buffer, where in it a packet begins, its length and link type, whether it is of no
interest."""
FRAMES = 1024
"""Frames that are put into one batch where a source gives single frames."""


class Batch:
    """Rows over one buffer; what their numbers leave out was counted and is of no interest.

    The buffer may be used again for the next batch, so nothing keeps a part of it.
    """

    __slots__ = ("capture", "captures", "data", "interfaces", "links", "rows")

    def __init__(
        self,
        data: Buffer,
        rows: Sequence[Row],
        links: Sequence[int],
        capture: int = 0,
        captures: Sequence[int] | None = None,
        interfaces: Sequence[int] | None = None,
    ) -> None:
        """Take a buffer and the rows; `links` has the link type of each interface."""
        self.data = data
        self.rows = rows
        self.links = links
        self.capture = capture
        self.captures = captures
        """Which capture each packet is of, where they are of several."""
        self.interfaces = interfaces
        """What the interfaces of the rows stand for, where they do not count from 0."""

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> "Batch":
        """Make a batch of single frames, of whatever captures and link types."""
        offset = 0
        links: dict[int, int] = {}
        rows = []
        for frame in frames:
            size = len(frame.data)
            place = links.setdefault(frame.link << 32 | frame.interface, len(links))
            rows.append((frame.at, frame.number, offset, size, frame.wire_length, place))
            offset += size
        return cls(
            b"".join(frame.data for frame in frames),
            rows,
            [pair >> 32 for pair in links],
            captures=[frame.capture for frame in frames],
            interfaces=[pair & 0xFFFF_FFFF for pair in links],
        )

    def chosen(self, indexes: Sequence[int]) -> "Batch":
        """Return a batch of some of the packets, over the same buffer."""
        rows = [self.rows[index] for index in indexes]
        captures = None if self.captures is None else [self.captures[i] for i in indexes]
        return Batch(self.data, rows, self.links, self.capture, captures, self.interfaces)

    def __len__(self) -> int:
        """Return how many packets there are."""
        return len(self.rows)

    def at(self, index: int) -> Nanos:
        """Return the time of one packet."""
        return self.rows[index][0]

    def number(self, index: int) -> int:
        """Return the number of one packet in its capture."""
        return self.rows[index][1]

    def capture_of(self, index: int) -> int:
        """Return which capture one packet is of."""
        return self.capture if self.captures is None else self.captures[index]

    def interface(self, index: int) -> int:
        """Return which interface of its capture one packet is of."""
        interface = self.rows[index][5]
        return interface if self.interfaces is None else self.interfaces[interface]

    def frame(self, index: int) -> Frame:
        """Make a frame of one packet."""
        at, number, offset, captured, wire, interface = self.rows[index]
        return Frame(
            number,
            at,
            self.links[interface],
            bytes(self.data[offset : offset + captured]),
            wire,
            self.capture_of(index),
            interface if self.interfaces is None else self.interfaces[interface],
        )

    def frames(self) -> Iterator[Frame]:
        """Give every packet as a frame."""
        data, links, capture = self.data, self.links, self.capture
        if self.captures is not None or self.interfaces is not None:
            yield from map(self.frame, range(len(self)))
            return
        make = tuple.__new__  # Frame(...) would take the arguments apart first: twice the time
        for at, number, offset, captured, wire, interface in self.rows:
            packet = bytes(data[offset : offset + captured])
            yield make(Frame, (number, at, links[interface], packet, wire, capture, interface))


def batched(frames: Iterable[Frame], most: int = FRAMES) -> Iterator[Batch]:
    """Put single frames into batches, in their order."""
    held: list[Frame] = []
    try:
        for frame in frames:
            held.append(frame)
            if len(held) == most:
                yield Batch.of(held)
                held = []
    except KeyboardInterrupt:  # what was read until then is analyzed
        if held:
            yield Batch.of(held)
        raise
    if held:
        yield Batch.of(held)
