"""Nodes that advertise at longer intervals than they announce.

An interval is late if it is longer than timer, lateness and stall of a host explain
(`timers.overdue`). Late intervals in a row are kept as a `LateStretch`. How the counter moved
shows whether advertisements were sent that were not captured; copies right after each show whether
the node may have received its own.
"""

from collections import Counter
from typing import TYPE_CHECKING

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import timers
from carpscope.timeline.node import FrameRef, Node
from carpscope.wire.carp import AdvertView, interval_ns

if TYPE_CHECKING:
    from carpscope.timeline.group import Group

SPELLS_KEPT = 8
ENOUGH = 10
"""The fewest late intervals in a row that are kept (docs/findings/CS513.md)."""
STEPS_KEPT = 8
FRAMES_KEPT = 12
FAR = 1000
"""The largest step of a counter that counts as counting."""
JUMPED = -1


@dataclass(slots=True)
class LateStretch:
    """Late intervals in a row, of one advbase and advskew."""

    shape: tuple[int, int]
    start: Nanos
    end: Nanos
    frames: list[FrameRef]
    count: int = 0
    """How many intervals."""
    shortest: Nanos = 1 << 62
    longest: Nanos = 0
    steps: Counter[int] = field(default_factory=Counter)
    """Steps of the counter, and how often each; `JUMPED` for every step above `FAR`."""
    copies: int = 0
    soonest: Nanos = 1 << 62
    latest: Nanos = 0
    """The shortest (`soonest`) and longest (`latest`) time from an advertisement to its copy."""

    @property
    def mean(self) -> Nanos:
        """Return the mean of the intervals."""
        return (self.end - self.start) // self.count

    @property
    def step(self) -> int | None:
        """Return the step of the counter, None where steps differed."""
        return next(iter(self.steps)) if len(self.steps) == 1 else None

    def add(self, at: Nanos, frame: FrameRef, step: int) -> None:
        """Add one late interval, which ends with an advertisement at `at`."""
        interval = at - self.end
        self.count += 1
        self.end = at
        self.shortest = min(self.shortest, interval)
        self.longest = max(self.longest, interval)
        del self.frames[FRAMES_KEPT - 1 :]
        self.frames.append(frame)
        step = step if step < FAR else JUMPED
        if step in self.steps or len(self.steps) < STEPS_KEPT:
            self.steps[step] += 1

    def copied(self, late: Nanos) -> None:
        """Count a copy that came `late` after the latest advertisement."""
        self.copies += 1
        self.soonest, self.latest = min(self.soonest, late), max(self.latest, late)


@dataclass(slots=True)
class Pace:
    """The late stretches of one node."""

    past: list[LateStretch] = field(default_factory=list)
    now: LateStretch | None = None

    @property
    def spells(self) -> list[LateStretch]:
        """Return the stretches of at least `ENOUGH` intervals, in order of time."""
        known = [*self.past, *([self.now] if self.now is not None else [])]
        return [spell for spell in known if spell.count >= ENOUGH]

    def stop(self) -> None:
        """End the current stretch."""
        if self.now is not None and self.now.count >= ENOUGH:
            self.past = [*self.past, self.now][-SPELLS_KEPT:]
        self.now = None


def is_late(node: Node) -> bool:
    """Return whether the latest interval of a node was late."""
    return node.pace is not None and node.pace.now is not None


def heard_again(group: "Group", at: Nanos) -> bool:
    """Count a copy of a group's latest advertisement if its node is late; return whether it is."""
    node = group.last.node if group.last is not None else None
    if node is None or node.pace is None or node.pace.now is None:
        return False
    node.pace.now.copied(at - node.last)
    return True


def keep_pace(
    group: "Group",
    node: Node,
    at: Nanos,
    frame: FrameRef,
    version: int,
    view: AdvertView,
    resumed: Nanos,
) -> bool:
    """Compare an advertisement with the node's last one; return whether a late stretch begins.

    To be called before the node's fields are updated. `resumed` is the time since when the capture
    sees frames again.
    """
    last = node.last_of.get(version)
    if last is None or (version == 6 and 4 in node.last_of) or view.checksum_ok is False:
        return False
    shape = view.advbase, view.advskew
    is_judged = (
        group.last is not None
        and group.last.node is node  # after another's advertisement it may have been BACKUP
        and last >= resumed
        and shape == (node.advbase, node.advskew)
        and not view.is_bow_out
        and (view.demote == node.demote)
    )
    if not is_judged or at - last <= timers.overdue(*shape):
        if node.pace is not None:
            node.pace.stop()
        return False
    habit = node.counters.get(version)
    step = JUMPED if habit is None or habit.value < 0 else view.counter_value - habit.value
    pace = node.pace = node.pace or Pace()
    begins = pace.now is None
    if pace.now is None:
        pace.now = LateStretch(shape, last, last, [node.last_frame])
    pace.now.add(at, frame, step & 0xFFFF_FFFF_FFFF_FFFF)
    return begins


def unseen(last: Node, now: Node, span: Nanos) -> int:
    """Return how many advertisements of `last` were not captured, by the counter of the next one.

    The next one was sent by `now`, the same node or another, `span` nanoseconds later. 0 where the
    counters do not show any.
    """
    if not last.sent or not now.sent:
        return 0
    before = last.sent[-2 if now is last else -1][1] if len(last.sent) > 1 else last.sent[0][1]
    step = now.sent[-1][1] - before & 0xFFFF_FFFF_FFFF_FFFF
    count = step // max(1, len(last.counters)) - 1
    return count if 0 < count * interval_ns(last.advbase, last.advskew) <= span else 0
