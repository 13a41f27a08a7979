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
        distinct = {id(other): other for other in members if other is not node and other.sent}
        if not distinct:
            return
        own_at, own = node.sent[-1] if node.sent else (0, -1)
        late = UCARP_REACTION if node.mac and node.mac[4:5] == b"\0" else REACTION
        accepted = counter - 1 & _MASK
        since = own_at - (late if late == UCARP_REACTION else 0)
        matches = [
            (sent_at, other)
            for other in distinct.values()
            for sent_at, value in other.sent
            if value == accepted and since < sent_at < at
        ]
        follows_own = accepted == own
        if follows_own and matches:
            return  # both explain it
        if counter == own and not matches:
            return  # constant
        heard_at = 0
        for sent_at, other in matches:
            # dated when it was heard: a claim long after shows what was heard before
            self._of(node, other).note(sent_at, accepts=True)
            heard_at = max(heard_at, sent_at)
        for other in distinct.values():
            last = other.sent[-1][0]
            if max(own_at, heard_at) < last <= at - late and not any(
                o is other for _, o in matches
            ):
                self._of(node, other).note(at, accepts=False)

    def _of(self, receiver: Node, sender: Node) -> Hearing:
        return self.pairs.setdefault((receiver.id, sender.id), Hearing())


_MASK = 0xFFFF_FFFF_FFFF_FFFF
