"""The rows of trains that a group's steady master sent, kept as the columns of the cutter.

What is kept of a group (signatures, history, what a node signed) is filled from this log when it
is read: it then takes the rows that it has not taken yet, and of very many only as many as it
keeps. So rows are turned into objects only where something reads them.
"""

from array import array
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from carpscope.adverts.train import MOVING, Plain, Train
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass

if TYPE_CHECKING:
    from carpscope.timeline.node import Node

KEYS_KEPT = 2048
"""Signatures remembered per group; the oldest is forgotten first (half an hour of one node)."""
IDS_KEPT = 256
FRAME_BITS = 40

Shape = tuple[int, int, int]
"""advbase, advskew and demotion: what the HMAC does not cover."""


@dataclass(slots=True)
class SignedCounter:
    """The first sighting of a counter with its HMAC."""

    source: bytes
    at: Nanos
    frame: int
    shape: Shape
    own_id: int = 0
    """The IPv4 id it came with, 0 for none."""
    own_shape: Shape = (0, 0, 0)
    """The shape it had with that id."""
    ids: dict[int, Shape] | None = None
    """Further ids with their shapes: a node with a constant counter sends a new id each time."""
    shapes: set[Shape] | None = None
    """Shapes of other nodes that reached the same counter legitimately."""
    stolen: set[int] | None = None
    """Ids that came again before the node's timer ended: each was sent by an attacker."""
    captures: set[int] | None = None
    """Further captures that hold it, each once."""

    def shape_with(self, identification: int | None) -> Shape | None:
        """Return the shape it had with an id, None where it never had the id."""
        if identification and identification == self.own_id:
            return self.own_shape
        return self.ids.get(identification or 0) if self.ids is not None else None

    def came_with(self, identification: int, shape: Shape) -> None:
        """Remember another id, unless there are very many."""
        if not self.own_id:
            self.own_id, self.own_shape = identification, shape
        elif identification != self.own_id:
            self.ids = {} if self.ids is None else self.ids
            if len(self.ids) < IDS_KEPT:
                self.ids.setdefault(identification, shape)

    def comes_to(self, capture: int) -> bool:
        """Return whether it is the first time that another capture than its own holds it."""
        if capture == self.frame >> FRAME_BITS or capture in (self.captures or ()):
            return False
        self.captures = {capture} if self.captures is None else self.captures | {capture}
        return True

    @property
    def is_full(self) -> bool:
        """Tell whether no further id is remembered."""
        return self.ids is not None and len(self.ids) >= IDS_KEPT

    def steal(self, identification: int) -> None:
        """Note that an id came again before the node's timer ended."""
        self.stolen = {identification} if self.stolen is None else self.stolen | {identification}

    def is_stolen(self, identification: int | None) -> bool:
        """Return whether an id has come again before the node's timer ended."""
        return self.stolen is not None and identification in self.stolen


class Run:
    """Rows of one node that followed each other, from `first` on in their log."""

    __slots__ = (
        "_base",
        "at",
        "first",
        "highest",
        "is_constant",
        "moving",
        "node",
        "number",
        "plain",
    )

    def __init__(self, node: "Node", plain: Plain, first: int, *, is_constant: bool) -> None:
        """Begin without rows."""
        self.node = node
        self.plain = plain
        self.first = first
        self.is_constant = is_constant
        self.at: array[int] = array("q")
        self.number: array[int] = array("q")
        self.moving = bytearray()
        self.highest = -1
        """The last counter."""
        self._base = plain.capture << FRAME_BITS

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.at)

    @property
    def version(self) -> int:
        """Return the version of IP."""
        return self.plain.version

    def frame(self, place: int) -> int:
        """Return the reference of a row's frame."""
        return self._base | self.number[place]

    def counter(self, place: int) -> bytes:
        """Return the counter of a row."""
        start = place * MOVING + 6
        return bytes(self.moving[start : start + 8])

    def digest(self, place: int) -> bytes:
        """Return the HMAC of a row."""
        start = place * MOVING + 14
        return bytes(self.moving[start : start + 20])

    def signature(self, place: int) -> SignedCounter:
        """Return the counter and HMAC of a row as first seen here."""
        own = self.moving[place * MOVING] << 8 | self.moving[place * MOVING + 1]
        shape = self.plain.shape
        return SignedCounter(
            self.plain.source, self.at[place], self.frame(place), shape, own, shape
        )

    def forget(self, count: int) -> None:
        """Drop the first `count` rows."""
        del self.at[:count], self.number[:count], self.moving[: count * MOVING]
        self.first += count


class Log:
    """The latest rows of one group that were taken several at once (`timeline.steady`)."""

    __slots__ = ("_runs", "total")

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._runs: deque[Run] = deque()
        self.total = 0
        """How many rows there were, ever."""

    def take(self, node: "Node", train: Train, count: int, *, is_constant: bool) -> None:
        """Append the first `count` rows of a train."""
        runs, plain = self._runs, train.plain
        run = runs[-1] if runs else None
        first = int.from_bytes(train.counter(0), "big")
        if (
            run is None
            or run.node is not node
            or run.plain != plain
            or run.is_constant != is_constant
            or (not is_constant and first != run.highest + 1)
        ):
            run = Run(node, plain, self.total, is_constant=is_constant)
            runs.append(run)
        whole = count == len(train)
        run.at.extend(train.at if whole else train.at[:count])
        run.number.extend(train.number if whole else train.number[:count])
        run.moving += train.moving if whole else train.moving[: count * MOVING]
        run.highest = int.from_bytes(train.counter(count - 1), "big")
        self.total += count
        self.keep(KEYS_KEPT, slack=KEYS_KEPT // 4)

    def keep(self, count: int, *, slack: int = 0) -> None:
        """Drop all but the latest `count` rows, once there are more than `slack` beyond them."""
        runs, oldest = self._runs, self.total - count
        while runs and runs[0].first + len(runs[0]) <= oldest:
            runs.popleft()
        if runs and runs[0].first < oldest - slack:
            runs[0].forget(oldest - runs[0].first)

    def since(self, row: int, most: int, *, is_signed: bool = False) -> Iterator[tuple[Run, int]]:
        """Yield (run, place) of each row from number `row` on, at most the latest `most`.

        With `is_signed` only rows whose counter and HMAC were new.
        """
        row = max(row, self.total - most)
        for run in self._from(row):
            if is_signed and run.is_constant:
                continue
            for place in range(max(0, row - run.first), len(run)):
                yield run, place

    def _from(self, row: int) -> Iterator[Run]:
        """Return the runs that hold rows from number `row` on."""
        found: list[Run] = []
        for run in reversed(self._runs):
            if run.first + len(run) > row:
                found.append(run)
            if run.first <= row:
                break
        return reversed(found)

    def signed_since(self, row: int) -> int:
        """Return how many new signatures the rows from number `row` on hold."""
        if row == self.total:
            return 0
        return sum(
            run.first + len(run) - max(row, run.first)
            for run in self._from(row)
            if not run.is_constant
        )

    def overlaps(self, row: int, first: int, last: int) -> bool:
        """Return whether a row from number `row` on may have a counter from `first` to `last`."""
        if row == self.total:
            return False
        return any(
            first <= run.highest and run.highest - len(run) < last
            for run in self._from(row)
            if not run.is_constant
        )
