"""A train: advertisements of one sender in which only what must move has moved.

Time, frame number, IPv4 id and the header checksum it moves, counter, HMAC and the checksum of
all. The rest of the frame is the same, byte by byte, link header included. Nothing is said of
whether they are right: that is for whoever knows keys and what came before.
"""

from array import array
from collections.abc import Sequence
from enum import IntEnum
from operator import add, sub
from typing import NamedTuple

from carpscope.core.batch import Batch
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos

MOVING = 34
"""Bytes a row that move: id 2, IPv4 checksum 2, checksum 2, counter 8, HMAC 20."""
_COUNTER, _DIGEST = 6, 14


class RowKind(IntEnum):
    """How each row follows the one before it."""

    ONE = 0
    """There is one row."""
    SAME = 1
    """Checksum, counter and HMAC are the same (OpenBSD, old pfSense)."""
    COUNTS = 2
    """The counter is one more."""
    JUMPS = 3
    """Neither: 64 random bits, or some were lost."""


class Plain(NamedTuple):
    """What all rows of a train have in common."""

    fixed: bytes
    """The frame without what moves."""
    vlans: tuple[int, ...]
    vhid: int
    version: int
    source: bytes
    tos: int
    dont_fragment: bool
    advbase: int
    advskew: int
    demote: int
    capture: int
    ip: int
    """Where IP begins in the fixed bytes."""
    packet_type: int | None
    """Of a cooked capture: 4 is what its host sent."""

    @property
    def header_sum(self) -> int:
        """Return the sum of an IPv4 header without id and checksum, modulo 65535."""
        header = self.fixed[self.ip : self.ip + 16]
        return int.from_bytes(header, "big") % 65535

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return advbase, advskew and demotion: what the HMAC does not cover."""
        return self.advbase, self.advskew, self.demote


Columns = tuple[Sequence[int], Sequence[Nanos], Sequence[int], bytes]
"""Indexes in a batch, times, frame numbers, and what moves in each row."""


def _column(values: Sequence[int]) -> Sequence[int]:
    if isinstance(values, array):
        return values
    try:
        return array("q", values)
    except OverflowError:  # a damaged file can name any time
        return values


class Train:
    """Rows of one sender; made by a cutter, taken by an observer."""

    __slots__ = (
        *("at", "batch", "copies", "singly", "kind", "longest", "moving"),
        *("number", "plain", "rows", "shortest"),
    )

    def __init__(
        self,
        batch: Batch,
        plain: Plain,
        kind: RowKind,
        columns: Columns,
        copies: Sequence[tuple[int, int]] = (),
        span: tuple[Nanos, Nanos] | None = None,
    ) -> None:
        """Take what differs from row to row; `span` is the least and the most time between two."""
        self.batch = batch
        self.plain = plain
        self.kind = kind
        rows, at, number, self.moving = columns
        self.rows: Sequence[int] = rows
        """The indexes of the rows in the batch."""
        self.at: Sequence[Nanos] = _column(at)
        self.number: Sequence[int] = _column(number)
        self.copies = copies
        """Packets that are copies of rows and came right behind them: which row, and their index
        in the batch. They are no rows."""
        if span is None:
            gaps = list(map(sub, at[1:], at)) or [0]
            span = min(gaps), max(gaps)
        self.shortest, self.longest = span
        """The least and the most time between neighbours."""
        self.singly = 1
        """So many rows are seen one by one before the rest is tried whole again."""

    def after(self, count: int) -> "Train":
        """Return the rest of it behind the first rows."""
        kind = self.kind if len(self.rows) > count + 1 else RowKind.ONE
        copies = [(place - count, index) for place, index in self.copies if place >= count]
        moving = self.moving[count * MOVING :]
        columns = self.rows[count:], self.at[count:], self.number[count:], moving
        return Train(self.batch, self.plain, kind, columns, copies)

    def unsummed(self, count: int) -> set[int]:
        """Return which of the first rows have a wrong IPv4 header checksum."""
        moving, end, rest = self.moving, count * MOVING, self.plain.header_sum
        columns = [moving[place:end:MOVING] for place in range(4)]
        high, low = (map(add, *columns[place::2]) for place in range(2))
        found = [above << 8 for above in high]
        sums = list(map(add, found, low))
        wrong = {value for value in set(sums) if (value + rest) % 65535}
        return {place for place, value in enumerate(sums) if value in wrong} if wrong else set()

    def copied(self, count: int) -> int:
        """Return how many copies there are of the first rows."""
        return sum(place < count for place, _ in self.copies) if self.copies else 0

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.rows)

    def frame(self, index: int) -> Frame:
        """Make a frame of a row."""
        return self.batch.frame(self.rows[index])

    def counter(self, index: int) -> bytes:
        """Return the counter of a row as on the wire."""
        start = index * MOVING + _COUNTER
        return self.moving[start : start + 8]

    def digest(self, index: int) -> bytes:
        """Return the HMAC of a row."""
        start = index * MOVING + _DIGEST
        return self.moving[start : start + 20]

    def identification(self, index: int) -> int:
        """Return the IPv4 id of a row, 0 where there is none."""
        start = index * MOVING
        return self.moving[start] << 8 | self.moving[start + 1]
