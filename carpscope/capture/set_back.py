"""A capture whose clock was set back, or files that were joined in the wrong order.

An observer of elections needs times that do not run backwards: every interval and every timer is a
difference of times. Packets that come far earlier than those before them are put behind these, by
the same shift from there on, until their own times have caught up. Small disorder is left as it is:
several receive queues of one card give some milliseconds.
"""

from collections.abc import Iterator
from typing import Protocol

from carpscope.core.batch import Batch
from carpscope.core.units import SECOND, Nanos, span_text

FAR: Nanos = 1 * SECOND
"""No queue of a card and no merging by time puts packets out of order by this much."""
KEPT = 4
"""Shifts that are told; further ones are counted."""


class Disordered(Protocol):
    """A source of packets that counts those that come earlier than one before them."""

    @property
    def late(self) -> int:
        """How many there were so far, this batch's among them."""

    @property
    def last(self) -> Nanos | None:
        """The latest time so far."""


class SetBack:
    """Makes the times of one capture run forward."""

    def __init__(self, source: Disordered) -> None:
        """Take what counts: batches in which nothing came late are not looked at."""
        self._source = source
        self._late = 0
        self._latest: Nanos | None = None
        self._shift: Nanos = 0
        self.steps: list[tuple[int, Nanos]] = []
        """(packet number, by how much its time lay before the latest), the first few."""
        self.count = 0
        """How often times stepped back."""

    def batches(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Give the same packets; a batch is made anew only where times are shifted."""
        for batch in batches:
            yield self._forward(batch)

    def _forward(self, batch: Batch) -> Batch:
        latest, shift = self._latest, self._shift
        if not shift and self._source.late == self._late:
            self._latest = self._source.last
            return batch
        self._late = self._source.late
        rows = []
        changed = False
        for row in batch.rows:
            at = row[0]
            if shift and latest is not None and at >= latest:
                shift = 0  # the clock was set right again, or another interface's goes on
            if latest is not None and at + shift < latest - FAR:
                self._note(row[1], latest - at - shift)
                shift = latest - at
            at += shift
            if latest is None or at > latest:
                latest = at
            changed = changed or bool(shift)
            rows.append((at, *row[1:]))
        self._latest, self._shift = latest, shift
        if not changed:
            return batch
        return Batch(batch.data, rows, batch.links, batch.capture, batch.captures, batch.interfaces)

    def notes(self) -> Iterator[str]:
        """Say of which packets on the times are not those of the file."""
        for number, back in self.steps:
            yield (
                f"at packet {number:,} the clock was set back by {span_text(back)}, or files were "
                "joined out of order: times from there on are told as if it had not been"
            )
        if (more := self.count - len(self.steps)) > 0:
            yield f"the clock was set back {more:,} more times"

    def _note(self, number: int, back: Nanos) -> None:
        self.count += 1
        if len(self.steps) < KEPT:
            self.steps.append((number, back))
