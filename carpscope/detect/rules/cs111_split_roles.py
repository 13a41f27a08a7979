"""Some of the groups of two nodes moved to the other one, and some did not.

What it means
    Both nodes run, each is MASTER of some groups: traffic comes in through one and would have
    to leave through the other, which does not have its addresses. A firewall drops what the
    other one's state would let through; a gateway answers from one side and routes from the
    other.

How it is seen
    All groups that two nodes share had one MASTER, one event moved some of them, and for
    longer than a take-over they are split since, while the same node is the better one in all
    of them. And wherever the configuration expects groups `together` and their masters differ.
    Nodes of different groups are one by their name in the configuration, their card's MAC or
    their address.

False alarms
    Sharing the load on purpose: each node is the better one in some of the groups. That is
    told by what they advertise, and is none.

What to do
    Find out what demotes or moves only one interface: with FreeBSD net.inet.carp.preempt=1
    and demotion on both nodes, all groups move together; with OpenBSD put the interfaces into
    one group.

Sources
    carp(4), net.inet.carp.preempt; OpenBSD ifconfig(8), carpdemote of interface groups.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.hosts import SharedGroup, shared_by
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import listed, since
from carpscope.timeline import traits
from carpscope.timeline.facts import Claimed, Fact, Forgotten, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

GROUPS_LOOKED_AT = 1024
NODES_LOOKED_AT = 8
REIGNS_LOOKED_AT = 64

_Split = dict[str, list[tuple[Group, Node]]]


@dataclass(slots=True)
class _Stretch:
    """A time in which groups of two nodes were split."""

    start: Nanos
    end: Nanos | None
    sides: _Split
    because: str
    frames: list[int] = field(default_factory=list)


class SplitRoles:
    """Compares the masters of groups that two nodes share."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups and what is expected."""
        self._context = context
        self._changed = True
        self._found: list[_Stretch] = []

    def see(self, fact: Fact) -> None:
        """Note that masters changed; at the end of a capture they only stop being seen."""
        if not (isinstance(fact, Left) and fact.master_period.ended_by == "capture"):
            self._changed = True

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give each that lasts longer than a take-over."""
        if self._changed:
            self._changed = False
            self._found = list(self._stretches())
        for stretch in self._found:
            end = stretch.end if stretch.end is not None else at
            nodes = [node for side in stretch.sides.values() for _, node in side]
            if end - stretch.start > max(traits.takeover(node).latest for node in nodes):
                yield _finding(stretch, end)

    def _stretches(self) -> Iterator[_Stretch]:
        config = self._context.config
        groups = self._context.groups[:GROUPS_LOOKED_AT]
        for pair, shared in shared_by(groups, config, NODES_LOOKED_AT).items():
            together = {config.expects(s.group.vlan, s.group.vhid) for s in shared}
            bound = {e.together for e in together if e is not None and e.together}
            for name in sorted(bound):
                chosen = [
                    one
                    for one in shared
                    if (e := config.expects(one.group.vlan, one.group.vhid)) and e.together == name
                ]
                if len(chosen) > 1:
                    yield from _of_pair(pair, chosen, None)
            bests = {_best(s.one, s.other) for s in shared if s.one and s.other}
            if not bound and len(bests) == 1 and None not in bests:
                yield from _of_pair(pair, shared, next(iter(bests)))


def _of_pair(
    pair: tuple[str, str], shared: list[SharedGroup], best: int | None
) -> Iterator[_Stretch]:
    """Go through every change of master of the groups that two hosts share.

    `best` is which of them is to be MASTER; None where the configuration has them together.
    """
    worse = None if best is None else 1 - best
    changes: list[tuple[Nanos, int, int, bool, int]] = []
    """When, which group, which of the two, whether it begins, the frame."""
    for index, one in enumerate(shared):
        for side, node in enumerate(one.sides):
            for period in node.master_periods[-REIGNS_LOOKED_AT:] if node is not None else ():
                changes.append((period.start, index, side, True, period.first))
                if period.end is not None and period.ended_by != "capture":
                    changes.append((period.end, index, side, False, period.last))
    held: list[set[int]] = [set() for _ in shared]
    is_one = best is None
    stretch: _Stretch | None = None
    for at, index, side, begins, frame in sorted(changes):
        (held[index].add if begins else held[index].discard)(side)
        alone = [next(iter(sides)) if len(sides) == 1 else None for sides in held]
        masters = {side for side in alone if side is not None}
        # of a group that the worse one holds, both have to be known: it may be meant so
        held_by_worse = [one for one, s in zip(shared, alone, strict=True) if s == worse]
        is_meant = worse is not None and not any(all(one.sides) for one in held_by_worse)
        if len(masters) == 2 and is_one and not is_meant:
            if stretch is None:
                why = "after one event" if best is not None else "though they are expected together"
                stretch = _Stretch(at, None, {}, why)
            sides = {
                pair[side]: [
                    (held.group, node)
                    for held, s in zip(shared, alone, strict=True)
                    if s == side and (node := held.sides[side]) is not None
                ]
                for side in (0, 1)
            }
            if sum(map(len, sides.values())) >= sum(map(len, stretch.sides.values())):
                stretch.sides = sides
            stretch.frames = [*stretch.frames[-12:], frame]
        else:
            if stretch is not None:
                stretch.end = at
                yield stretch
                stretch = None
            is_one = is_one or (len(masters) == 1 and None not in alone)
    if stretch is not None:
        yield stretch


def _best(one: Node, other: Node) -> int | None:
    """Return which of two nodes is to be MASTER by what it advertises undemoted; None: either."""
    mine, theirs = _undemoted(one), _undemoted(other)
    return None if mine == theirs else int(theirs < mine)


def _undemoted(node: Node) -> tuple[int, int]:
    skews = [node.advskew, *(c.before for c in node.changes if c.what == "advskew")]
    skews += [c.after for c in node.changes if c.what == "advskew"]
    return node.advbase, min(skews)


def _finding(stretch: _Stretch, end: Nanos) -> Finding:
    sides = [
        (next(iter(side))[1].id, [group for group, _ in side]) for side in stretch.sides.values()
    ]
    told = listed(
        f"{node} is MASTER of {listed(group.id for group in groups[:6])}"
        + (f" and {len(groups) - 6} more" if len(groups) > 6 else "")
        for node, groups in sides
    )
    named = list(dict.fromkeys(group.id for _, groups in sides for group in groups))
    nodes = tuple(dict.fromkeys(n.id for side in stretch.sides.values() for _, n in side))
    frames = tuple(sorted(set(stretch.frames)))
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.9,
        group=named[0],
        nodes=nodes,
        start=stretch.start,
        end=end,
        frames=frames,
        frame_count=len(frames),
        summary=f"the groups of two nodes are split {stretch.because}: {told}",
        explanation=(
            f"Both nodes share these groups; {told} {since(stretch.start, end)}. Traffic that "
            "comes "
            "in through one of them cannot leave through the other."
        ),
        remedy=(
            "Find out why only some of the groups moved: an interface without preemption or "
            "without "
            "demotion (FreeBSD: net.inet.carp.preempt=1 on both nodes; OpenBSD: one "
            "interface group), "
            "or one whose configuration was removed."
        ),
        ongoing=stretch.end is None,
        others=tuple(named[1:]),
    )


RULE = Rule(
    "CS111",
    "split_roles",
    "Groups of two nodes are split between them",
    Severity.WARNING,
    SplitRoles,
    (Claimed, Left, Forgotten),
    plain="{who} each are in charge of some of the addresses that should move together ({address})",
)
