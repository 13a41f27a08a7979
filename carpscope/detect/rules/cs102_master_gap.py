"""Nobody is MASTER for longer than a take-over needs.

What it means
    Nothing answers for the shared addresses. Hosts behind them are cut off.

How it is seen
    After the last advertisement of a master no genuine one follows for longer than 1.25 of
    the longest normal take-over time plus 0.5 s, while the capture goes on. Replayed and
    forged advertisements do not count: they keep real nodes silent, which is their purpose.

False alarms
    A capture that stalls shows a gap too: then everything else pauses with it. A backup
    that has never spoken is unknown to a capture; a longer advbase of its own lengthens
    its take-over.

What to do
    Look at the nodes: are they up, is the interface, does `ifconfig` say INIT or BACKUP?
    A node whose demotion is stuck or whose link is down stays silent. Where replayed or
    forged advertisements were found, remove their sender.

Sources
    carp_setrun (master-down timer: three times advbase plus advskew/256), ucarp's poll loop.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from carpscope.core.units import Nanos, span_text
from carpscope.detect.finding import Finding, Severity, renamed
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import since
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.facts import Claimed, Deceived, Fact, Forgotten, Joined
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

SITUATIONS_KEPT = 200


@dataclass(slots=True)
class _State:
    group: Group
    node: Node | None = None
    """Who advertised last."""
    deceived: int = 0
    """Deceits since then."""
    evidence: tuple[int, ...] = ()


class MasterGap:
    """Measures the silence between one master and the next."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context
        self._states: dict[str, _State] = {}
        self._over: list[Finding] = []

    def see(self, fact: Fact) -> None:
        """Take who leaves, who claims, and deceits in between."""
        if isinstance(fact, Claimed):
            state = self._state(fact.group)
            before = _last_reign(fact.group, fact.node, fact.at)
            if before is not None:
                gap = self._gap(state, *before, fact.at, fact.node, fact.frame)
                self._over = [*self._over, *gap][-SITUATIONS_KEPT:]
            state.deceived = 0
        elif isinstance(fact, Deceived):
            state = self._state(fact.group)
            state.deceived += 1
            state.evidence = (*state.evidence[:12], fact.frame)
        elif isinstance(fact, Joined):
            names = fact.node.id, fact.into.id
            self._over = [
                renamed(one, *names) if one.group == fact.group.id else one for one in self._over
            ]
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._states.pop(fact.group.id, None)

    def _state(self, group: Group) -> _State:
        return self._states.setdefault(group.id, _State(group))

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give the gaps that are over and those that last."""
        yield from self._over
        for group in self._context.groups:
            if self._context.observer.strangers.is_made_up(group):
                continue
            reigns = [(r.seen, r.last, n) for n in group.members for r in n.reigns]
            quiet = all(n.reign is None or n.due < at for n in group.members)
            if reigns and quiet:
                seen, last, node = max(reigns, key=lambda r: r[0])
                yield from self._gap(self._state(group), seen, last, node, at, None, None)

    def _gap(
        self,
        state: _State,
        seen: Nanos,
        last: int,
        node: Node,
        until: Nanos,
        successor: Node | None,
        frame: int | None,
    ) -> Iterator[Finding]:
        wait = max(traits.takeover(member).latest for member in state.group.members)
        seen = max(seen, self._context.observer.resumed)
        if until - seen <= timers.gap(wait):
            return
        crowd = state.group.crowd
        if crowd is not None and crowd.start <= until and crowd.end > seen:
            return  # somebody did advertise then, who was only counted
        frames = (last, *state.evidence, *([frame] if frame is not None else []))
        then = f"until {successor.id} claimed" if successor else "and still so at the end"
        lured = (
            f" Meanwhile {state.deceived} advertisements that no node sent kept the others silent."
            if state.deceived
            else ""
        )
        yield Finding(
            RULE.code,
            RULE.label,
            RULE.severity,
            0.95,
            state.group.id,
            tuple(dict.fromkeys([node.id, *([successor.id] if successor else [])])),
            seen,
            until,
            tuple(dict.fromkeys(frames)),
            len(frames),
            f"nobody was MASTER for {span_text(until - seen)}, {then}",
            f"The last advertisement, of {node.id}, was followed by none of any node "
            f"{since(seen, until)}. The slowest node heard here takes over after "
            f"{span_text(wait)}.{lured}",
            "Check that the nodes are up and not stuck in INIT or BACKUP: ifconfig, and on "
            "FreeBSD sysctl net.inet.carp.demotion.",
            ongoing=successor is None,
        )


def _last_reign(group: Group, claimant: Node, at: Nanos) -> tuple[Nanos, int, Node] | None:
    """Return when and by whom was advertised last before a claim; None while others are."""
    if any(node is not claimant for node in group.masters):
        return None
    ended = [
        (reign.end if reign.ended_by == "yielded" else reign.seen, reign.last, node)
        for node in group.members
        for reign in node.reigns[-2:]
        if reign.end is not None and reign.seen < at
    ]
    return max(ended, key=lambda r: r[0], default=None)


RULE = Rule(
    "CS102",
    "master_gap",
    "Nobody is master",
    Severity.CRITICAL,
    MasterGap,
    (Claimed, Deceived, Forgotten, Joined),
    ("replayed_advert", "forged_skew", "bad_ttl", "bad_checksum"),
)
