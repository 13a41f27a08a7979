"""What happened without being wrong: failovers, handovers, preemptions, demotions."""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.contest import election_ns
from carpscope.timeline.facts import Changed, Claimed, Fact, Forgotten, Joined, Left
from carpscope.timeline.group import Group
from carpscope.timeline.mastership import overlap
from carpscope.timeline.node import AdvertisedChange, MasterPeriod, Node


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

    @property
    def at(self) -> Nanos:
        """Return the one time by which it is told: when it was over."""
        return self.end


@dataclass(slots=True)
class _State:
    last: tuple[Node, MasterPeriod] | None = None
    """Who left last."""
    had_master: bool = False
    """Whether one left and nobody else was MASTER: then the first election is over."""


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
        node, period = state.last
        if len(fact.group.masters) > 1 and not _after(fact, period):
            return  # a rival, named when one of them leaves
        state.last = None
        if node is fact.node:
            return  # the same one again: nobody took over
        assert period.end is not None
        frames = (period.last, fact.frame)
        if period.ended_by == "bow-out":
            yield Event(
                "clean_handover",
                fact.group.id,
                (node.id, fact.node.id),
                period.end,
                fact.at,
                frames,
                f"{node.id} left with a bow-out and {fact.node.id} took over",
            )
        elif period.ended_by in ("silent", "capture"):
            yield Event(
                "failover",
                fact.group.id,
                (node.id, fact.node.id),
                period.seen,
                fact.at,
                frames,
                f"{node.id} fell silent and {fact.node.id} took over",
            )

    def _left(self, fact: Left) -> Iterator[Event]:
        if fact.group.is_crowded and not fact.node.is_steady:
            return
        state = self._state(fact.group)
        if not fact.others:
            state.last = (fact.node, fact.master_period)
            state.had_master = True
            return
        winner, won = min(fact.others, key=_rank)
        if fact.master_period.ended_by == "silent" and _apart(won, fact.master_period, fact.group):
            state.last = (fact.node, fact.master_period)
            return  # they ignored each other: who follows it comes yet
        if won.start < fact.master_period.start or fact.master_period.ended_by in (
            "capture",
            "unseen",
        ):
            return  # it came later and lost: nobody took over
        if fact.master_period.ended_by == "yielded" and self._heals(fact, winner, won):
            return
        label, why = "preemption", "took over from the live"
        if fact.master_period.ended_by == "bow-out" or _demoted(fact.node, won.start):
            label, why = "clean_handover", "took over from the demoted"
        elif fact.master_period.ended_by == "silent" and fact.master_period.seen < won.start:
            label, why = "failover", "took over from the silent"
        yield Event(
            label,
            fact.group.id,
            (fact.node.id, winner.id),
            min(won.start, fact.at),
            max(won.start, fact.at),
            (fact.master_period.last, won.first),
            f"{winner.id} {why} {fact.node.id}",
        )

    def _heals(self, fact: Left, winner: Node, won: MasterPeriod) -> bool:
        """Tell what is no take-over from a live master: both were there for longer than an
        election, until they heard each other; or both claimed in the first election, before
        either could hear the other."""
        if _apart(won, fact.master_period, fact.group):
            return True
        if self._state(fact.group).had_master:
            return False
        # a kernel hears at once: what claims right behind another has heard it
        late = max(traits.reaction(winner), traits.reaction(fact.node))
        return late > timers.HANDLING and won.start - fact.master_period.start <= late


def undone(event: Event, fact: Joined) -> bool:
    """Tell whether an event names a node that is none: nothing passed from it to anybody."""
    return event.group == fact.group.id and fact.node.id in event.nodes


def _rank(one: tuple[Node, MasterPeriod]) -> tuple[int, int, int, Nanos]:
    """Order masters: who wins is the best of them, of equals who claimed last."""
    node, period = one
    return node.demote, node.advbase, node.advskew, -period.start


def _apart(one: MasterPeriod, other: MasterPeriod, group: Group) -> bool:
    """Tell whether two were MASTER beside each other for longer than an election explains."""
    return overlap(one, other) > election_ns(group.members)


def _after(fact: Claimed, period: MasterPeriod) -> bool:
    """Tell whether a claim follows one that left while others, apart from it, stayed."""
    others = [m.master_periods[-1] for m in fact.group.masters if m is not fact.node]
    wait = max(traits.takeover(node).latest for node in fact.group.members)
    return all(
        _apart(other, period, fact.group) for other in others
    ) and fact.at - period.until <= timers.gap(wait)


def _demoted(node: Node, at: Nanos) -> bool:
    """Tell whether a node was demoted at a time, not given another advskew."""
    told = [
        change
        for change in node.changes[-8:]
        if change.at <= at and change.what in ("demote", "advskew")
    ]
    if not told:
        return False
    last = told[-1]
    return last.after > last.before and (last.what == "demote" or by_demotion(last))


def by_demotion(change: AdvertisedChange) -> bool:
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
