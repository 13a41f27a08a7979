"""What happened without being wrong: failovers, handovers, preemptions, demotions."""

from collections.abc import Iterator
from dataclasses import dataclass

from carpscope.core.units import SECOND, Nanos
from carpscope.timeline.facts import Changed, Claimed, Fact, Forgotten, Joined, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import Change, Node, Reign

DEMOTION_WINDOW: Nanos = 3 * SECOND
"""A hand-over this soon after its master was demoted is the demotion's doing."""


_OVERLAP: Nanos = 3 * SECOND
"""Two masters for longer than this are no handover: they do not hear each other."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something the protocol is for."""

    label: str
    """`failover`, `clean_handover`, `preemption` or `demotion`."""
    group: str
    nodes: tuple[str, ...]
    """From, to; one node for a demotion."""
    start: Nanos
    end: Nanos
    frames: tuple[int, ...]
    summary: str


@dataclass(slots=True)
class _State:
    last: tuple[Node, Reign] | None = None
    """Who left last."""


class EventWatch:
    """Names changes of master and of demotion as they happen."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._groups: dict[str, _State] = {}

    def see(self, fact: Fact) -> Iterator[Event]:
        """Take claims, departures and changes."""
        if isinstance(fact, Claimed):
            yield from self._claimed(fact)
        elif isinstance(fact, Left):
            yield from self._left(fact)
        elif isinstance(fact, Changed):
            yield from _changed(fact)
        elif isinstance(fact, Joined):
            last = self._state(fact.group).last
            if last is not None and last[0] is fact.node:
                self._state(fact.group).last = fact.into, last[1]
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._groups.pop(fact.group.id, None)

    def _state(self, group: Group) -> _State:
        return self._groups.setdefault(group.id, _State())

    def _claimed(self, fact: Claimed) -> Iterator[Event]:
        if fact.group.is_crowded and not fact.node.is_steady:
            return  # perhaps invented; it is named if it stays
        state = self._state(fact.group)
        if state.last is None:
            return  # the first election
        node, reign = state.last
        if len(fact.group.masters) > 1 and not _apart(fact, reign):
            return  # a rival, named when one of them leaves
        state.last = None
        if node is fact.node:
            return  # the same one again: nobody took over
        assert reign.end is not None
        frames = (reign.last, fact.frame)
        if reign.ended_by == "bow-out":
            yield Event(
                "clean_handover",
                fact.group.id,
                (node.id, fact.node.id),
                reign.end,
                fact.at,
                frames,
                f"{node.id} said farewell and {fact.node.id} took over",
            )
        elif reign.ended_by in ("silent", "capture"):
            yield Event(
                "failover",
                fact.group.id,
                (node.id, fact.node.id),
                reign.seen,
                fact.at,
                frames,
                f"{node.id} fell silent and {fact.node.id} took over",
            )

    def _left(self, fact: Left) -> Iterator[Event]:
        if fact.group.is_crowded and not fact.node.is_steady:
            return
        state = self._state(fact.group)
        if not fact.others:
            state.last = (fact.node, fact.reign)
            return
        winner, won = max(fact.others, key=lambda other: other[1].start)
        start = won.start
        if fact.reign.ended_by == "silent" and fact.reign.seen - start > _OVERLAP:
            state.last = (fact.node, fact.reign)
            return  # they ignored each other: who follows it comes yet
        if start < fact.reign.start or fact.reign.ended_by in ("capture", "unseen"):
            return  # it came later and lost: nobody took over
        label, why = "preemption", "took over from the live"
        if fact.reign.ended_by == "bow-out" or _demoted(fact.node, start):
            label, why = "clean_handover", "took over from the demoted"
        elif fact.reign.ended_by == "silent" and fact.reign.seen < start:
            label, why = "failover", "took over from the silent"
        yield Event(
            label,
            fact.group.id,
            (fact.node.id, winner.id),
            min(start, fact.at),
            max(start, fact.at),
            (fact.reign.last, won.first),
            f"{winner.id} {why} {fact.node.id}",
        )


def undone(event: Event, fact: Joined) -> bool:
    """Tell whether an event names a node that is none: nothing passed from it to anybody."""
    return event.group == fact.group.id and fact.node.id in event.nodes


def _apart(fact: Claimed, reign: Reign) -> bool:
    """Tell whether the other masters were there beside the one that left, ignoring it."""
    others = [m.reigns[-1] for m in fact.group.masters if m is not fact.node]
    gone = reign.end if reign.end is not None else reign.seen
    return all(
        gone - other.start > _OVERLAP for other in others
    ) and fact.at - gone < 8 * SECOND * max(1, fact.node.advbase)


def _demoted(node: Node, at: Nanos) -> bool:
    """Tell whether a node was demoted shortly before a time, not given another advskew."""
    return any(
        (change.what == "demote" or (change.what == "advskew" and _by_demotion(change)))
        and change.after > change.before
        and change.at <= at <= change.at + DEMOTION_WINDOW
        for change in node.changes[-8:]
    )


def _by_demotion(change: Change) -> bool:
    return change.early or change.after == 240


def _changed(fact: Changed) -> Iterator[Event]:
    change = fact.change
    if change.what == "advbase":
        return
    what = "demotion count" if change.what == "demote" else change.what
    verb = "rose" if change.after > change.before else "fell"
    yield Event(
        "demotion",
        fact.group.id,
        (fact.node.id,),
        change.at,
        change.at,
        (change.frame,),
        f"{what} of {fact.node.id} {verb} from {change.before} to {change.after}",
    )
