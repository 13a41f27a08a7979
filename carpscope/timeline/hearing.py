"""Which node has accepted advertisements of which, read from the counters alone.

All but OpenBSD answer an accepted advertisement by counting on from it: their own next
counter is the accepted one plus one (docs/protocol/authentication.md). So a counter that continues
another node's proves that the sender verified that node's HMAC; a counter that does not,
although the other node advertised in between, shows that it refused or missed it. Two
64-bit counters are not equal by chance.

A constant counter (OpenBSD, old pfSense) says nothing here.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline import traits
from carpscope.timeline.node import Node

NOTES_KEPT = 4096
"""Pieces of evidence per pair, at least; the oldest are forgotten first, many at a time."""


@dataclass(slots=True)
class Hearing:
    """The evidence whether one node accepted another's advertisements."""

    accepted: list[Nanos] = field(default_factory=list)
    """When the sender advertised what was accepted; ascending."""
    refused: list[Nanos] = field(default_factory=list)
    """When the receiver showed that it had refused or missed something; ascending."""
    ever: bool = False
    """Whether the sender was ever accepted."""

    def note(self, at: Nanos, *, accepts: bool) -> None:
        """Add one piece of evidence."""
        insort(self.accepted if accepts else self.refused, at)
        self.ever = self.ever or accepts
        if len(self) >= 2 * NOTES_KEPT:
            self.shrink(NOTES_KEPT)

    def __len__(self) -> int:
        """Return how many pieces there are."""
        return len(self.accepted) + len(self.refused)

    def shrink(self, count: int) -> None:
        """Forget all but the latest `count`."""
        if len(self) > count:
            both = sorted((*self.accepted, *self.refused))
            since = both[-count] if count else both[-1] + 1
            for kept in (self.accepted, self.refused):
                del kept[: bisect_left(kept, since)]

    def refusals(self, start: Nanos, end: Nanos) -> int:
        """Count evidence against, within a stretch of time."""
        return bisect_right(self.refused, end) - bisect_left(self.refused, start)

    def acceptances(self, start: Nanos, end: Nanos) -> int:
        """Count evidence for, within a stretch of time."""
        return bisect_right(self.accepted, end) - bisect_left(self.accepted, start)


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
        """Take one advertisement of `node`; to be called before `node.sent` has it."""
        if version == 6 and any(len(address) == 4 for address in node.addresses):
            return  # the IPv4 half of this advertisement has shown the same
        distinct = {id(other): other for other in members if other is not node and other.sent}
        if not distinct:
            return
        own_at, own = node.sent[-1] if node.sent else (0, -1)
        late = traits.reaction(node)
        accepted = counter - 1 & _MASK
        since = own_at - (late if traits.is_ucarp(node) else 0)
        matches = [
            (sent_at, other)
            for other in distinct.values()
            for sent_at, value in other.sent
            if value == accepted and since < sent_at < at
        ]
        follows_own = accepted == own
        if follows_own and matches:
            return  # the counter continues its own and the other's: no evidence
        if counter == own and not matches:
            return  # a constant counter shows nothing
        heard_at = 0
        for sent_at, other in matches:
            # dated when the other advertised: a claim may show it much later
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
