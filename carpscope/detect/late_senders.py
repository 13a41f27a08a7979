"""What is behind late advertisements: lost ones, a late sender, or a node that hears itself."""

from enum import Enum

from carpscope.core.values import dataclass
from carpscope.detect.words import times
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.node import Node
from carpscope.timeline.pace import JUMPED, LateStretch
from carpscope.wire.carp import interval_ns


class SlowReason(Enum):
    """What the counter, the length of the intervals and copies show."""

    LOST = "lost"
    """More were sent than captured."""
    NOT_SENT = "not sent"
    HEARS_ITSELF = "hears itself"
    """Each comes back at once, and the next follows when a backup's wait is over."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Slow:
    """One spell of a node, explained."""

    node: Node
    spell: LateStretch
    why: SlowReason
    sent: int
    """How many were sent for each that was captured, as the counter has it."""
    waits: bool
    """Whether an interval is as long as this node would wait as a backup."""

    @property
    def counter(self) -> str:
        """Say what the counter shows."""
        step = self.spell.step
        if step is None or step == JUMPED:
            return "Its counter does not tell whether others were sent in between."
        if step == 0:
            return "Its counter never moves, and does not tell whether others were sent in between."
        if self.why is SlowReason.LOST:
            return (
                f"Its counter moved by {step} each time: of {self.sent} advertisements that were "
                "sent one was captured here."
            )
        return f"Its counter moved by {step} each time: none was sent in between."


def slow(node: Node) -> list[Slow]:
    """Return every spell of a node."""
    return [_explained(node, one) for one in node.pace.spells] if node.pace is not None else []


def _explained(node: Node, spell: LateStretch) -> Slow:
    families = max(1, len(node.counters))
    step = spell.step or 0
    sent = step // families if step > 0 else 0
    earliest, latest = traits.takeover(node)
    waits = earliest - timers.HOST_LATE <= spell.mean <= latest + timers.HANDLING
    if sent == 1 and waits and spell.copies + 1 >= spell.count:
        why = SlowReason.HEARS_ITSELF
    elif sent == 1:
        why = SlowReason.NOT_SENT
    elif sent > 1 and _fits(spell, sent):
        why = SlowReason.LOST
    else:
        why = SlowReason.UNKNOWN
    return Slow(node, spell, why, sent, waits)


def _fits(spell: LateStretch, sent: int) -> bool:
    """Tell whether so many advertisements take as long as the intervals are."""
    longest = timers.overdue(*spell.shape)
    return sent * interval_ns(*spell.shape) * 7 // 8 <= spell.mean <= sent * longest


def came_back(slow: Slow) -> str:
    """Say how often and how late copies came."""
    spell = slow.spell
    return (
        f"each came back ({times(spell.copies)}), {spell.soonest / 1e6:.1f} to "
        f"{spell.latest / 1e6:.1f} ms after it was sent"
    )
