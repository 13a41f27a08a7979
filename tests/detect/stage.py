"""A group of nodes for detectors to watch: facts made by hand, one after the other."""

from carpscope.auth.keyring import Keyring
from carpscope.core.units import SECOND, Nanos
from carpscope.detect.engine import rules
from carpscope.detect.events import Event, EventWatch
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Context, Watch
from carpscope.timeline.facts import (
    Claimed,
    Fact,
    Left,
    Sighted,
    Spoofed,
)
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind
from carpscope.timeline.log import SignedCounter
from carpscope.timeline.node import MasterPeriod, Node
from carpscope.timeline.observe import Observer
from carpscope.wire.carp import AdvertView

VIEW = AdvertView(2, 1, 1, 255, 7, 7, 255, 0, bytes(8), bytes(20), True, 0, 0)
"""A bow-out of a demoted node."""


SHARED = bytes((10, 0, 0, 100))
"""What every node announces when it becomes MASTER."""


class Stage:
    """A group of nodes, and watches that see what happens to them."""

    def __init__(
        self,
        *labels: str,
        size: int = 2,
        vhid: int = 1,
        words: tuple[bytes, ...] = (),
        **shape: int,
    ) -> None:
        """Take the detectors by their labels, and what every node advertises."""
        self.observer = Observer(Keyring(words), ())
        self.group = Group((), vhid)
        self.observer.groups[(), vhid] = self.group
        self.nodes = [
            Node(
                chr(97 + n),
                n,
                advbase=shape.get("advbase", 1),
                advskew=shape.get("advskew", 0),
                adverts=1,
            )
            for n in range(size)
        ]
        for n, node in enumerate(self.nodes):
            self.group.nodes[bytes((10, 0, 0, n + 1))] = node
        context = Context(self.observer)
        makers = [rule.watch for rule in rules() if rule.label in labels]
        self.watches: list[Watch] = [make(context) for make in makers if make is not None]
        assert len(self.watches) == len(labels)
        self.events = EventWatch()
        self.told: list[Event] = []
        self.frame = 0

    def see(self, fact: Fact) -> None:
        """Show a fact to everybody."""
        for watch in self.watches:
            watch.see(fact)
        self.told += self.events.see(fact)

    def next(self) -> int:
        """Number a frame."""
        self.frame += 1
        return self.frame

    def claim(self, who: int, at: Nanos) -> None:
        """Let a node become MASTER."""
        node, frame = self.nodes[who], self.next()
        node.master_periods.append(MasterPeriod(at, frame, at, frame))
        node.adverts += 1
        node.first = node.first or at
        node.last = at
        node.announced[SHARED] = at
        node.intervals = [SECOND * max(node.advbase, 1)]
        self._masters()
        self.see(Claimed(self.group, node, at, frame))

    def sight(self, who: int, at: Nanos) -> None:
        """Let a MASTER advertise beside another."""
        node, frame = self.nodes[who], self.next()
        node.master_periods[-1].seen, node.master_periods[-1].last, node.last = at, frame, at
        self.see(Sighted(self.group, node, at, frame, VIEW))

    def leave(self, who: int, at: Nanos, by: str = "silent", seen: Nanos | None = None) -> None:
        """Let a node be MASTER no more; those that stay advertised until then."""
        node = self.nodes[who]
        period = node.master_periods[-1]
        period.end, period.ended_by = at, by
        if seen is not None:
            period.seen = seen
        self._masters()
        others = tuple((n, n.master_periods[-1]) for n in self.nodes if n.is_master)
        for _, lasting in others:
            lasting.seen = max(lasting.seen, at)
        self.see(Left(self.group, node, at, period, others))

    def _masters(self) -> None:
        self.group.masters = [n for n in self.nodes if n.is_master]

    def findings(self, at: Nanos) -> list[Finding]:
        """Ask for everything known."""
        return [finding for watch in self.watches for finding in watch.findings(at)]


def spoofed(
    stage: Stage, at: Nanos, spoof_kind: SpoofKind = SpoofKind.REPLAYED, back: Nanos = 0
) -> None:
    original = SignedCounter(bytes((10, 0, 0, 1)), at - (back or SECOND), stage.next(), (1, 0, 0))
    stage.see(
        Spoofed(
            stage.group,
            stage.nodes[0],
            at,
            stage.next(),
            spoof_kind,
            original,
            bytes((10, 0, 0, 1)),
            VIEW,
        )
    )
