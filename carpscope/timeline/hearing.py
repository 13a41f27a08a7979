"""Who has accepted whom, read from the counters alone.

All but OpenBSD answer an accepted advertisement by counting on from it: their own next
counter is the accepted one plus one (authentication.md 2.6). So a counter that continues
another node's proves that the sender verified that node's HMAC; a counter that does not,
although the other node advertised in between, shows that it refused or missed it. Two
64-bit counters do not meet by chance.

A constant counter (OpenBSD, old pfSense) says nothing here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from carpscope.core.units import MILLISECOND, Nanos
from carpscope.timeline.node import Node

REACTION: Nanos = 5 * MILLISECOND
"""An advertisement younger than this may not have been processed by a kernel yet."""
UCARP_REACTION: Nanos = 1200 * MILLISECOND
"""libpcap hands packets to ucarp up to a second late (ucarp-measured.md)."""
RUNS_KEPT = 200


@dataclass(slots=True)
class Run:
    """A stretch of time in which all evidence said the same."""

    accepts: bool
    start: Nanos
    end: Nanos
    count: int = 1


@dataclass(slots=True)
class Hearing:
    """The evidence about one ordered pair: what `receiver` made of `sender`."""

    runs: list[Run] = field(default_factory=list)

    def note(self, at: Nanos, *, accepts: bool) -> None:
        """Add one piece of evidence."""
        if self.runs and self.runs[-1].accepts is accepts:
            self.runs[-1].end = at
            self.runs[-1].count += 1
        elif len(self.runs) < RUNS_KEPT:
            self.runs.append(Run(accepts, at, at))

    @property
    def ever(self) -> bool:
        """Tell whether the sender was ever accepted."""
        return any(run.accepts for run in self.runs)

    def refusals(self, start: Nanos, end: Nanos) -> int:
        """Count evidence against, within a stretch of time."""
        return sum(
            r.count for r in self.runs if not r.accepts and r.start <= end and start <= r.end
        )

    def acceptances(self, start: Nanos, end: Nanos) -> int:
        """Count evidence for, within a stretch of time."""
        return sum(r.count for r in self.runs if r.accepts and r.start <= end and start <= r.end)


@dataclass(slots=True)
class HearingTrack:
    """All pairs of one group: (receiver's id, sender's id) to what is known."""

    pairs: dict[tuple[str, str], Hearing] = field(default_factory=dict)

    def pair(self, receiver: Node, sender: Node) -> Hearing | None:
        """Return what is known of a pair."""
        return self.pairs.get((receiver.id, sender.id))

    def see(
        self, members: Iterable[Node], node: Node, at: Nanos, version: int, counter: int
    ) -> None:
        """Take one advertisement of `node`, before it joins the node's own history."""
        if version == 6 and any(len(address) == 4 for address in node.addresses):
            return  # its IPv4 advertisement of the same instant has said it
        own_at = node.sent[-1][0] if node.sent else 0
        own = {value + step & _MASK for _, value in node.sent for step in (0, 1, 2)}
        reaction = UCARP_REACTION if node.mac and node.mac[4:5] == b"\0" else REACTION
        matched_at: Nanos | None = None
        distinct = {id(other): other for other in members}.values()
        others = [other for other in distinct if other is not node and other.sent]
        for other in others:
            for sent_at, value in other.sent:
                # the step is 2 where an IPv6 advertisement of the other one came between
                if 1 <= (counter - value & _MASK) <= 2 and counter not in own:
                    self._of(node, other).note(at, accepts=True)
                    matched_at = max(matched_at or 0, sent_at)
        if node.sent and counter == node.sent[-1][1]:
            return  # constant
        for other in others:
            last = other.sent[-1][0]
            unmatched = matched_at is None or last > matched_at + reaction
            if unmatched and own_at < last <= at - reaction and _moves(node, counter):
                self._of(node, other).note(at, accepts=False)

    def _of(self, receiver: Node, sender: Node) -> Hearing:
        return self.pairs.setdefault((receiver.id, sender.id), Hearing())


_MASK = 0xFFFF_FFFF_FFFF_FFFF


def _moves(node: Node, counter: int) -> bool:
    """Tell whether this node counts at all: its first advertisement does not show it."""
    return bool(node.sent) and node.sent[-1][1] != counter
