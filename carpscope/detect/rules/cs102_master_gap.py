"""Nobody is MASTER for longer than a take-over needs.

What it means
    Nothing answers for the shared addresses. Hosts behind them are cut off.

How it is seen
    After the last advertisement of a master no genuine one follows for longer than 1.25 of
    the longest normal take-over time plus 0.5 s, while the capture goes on. Replayed and
    forged advertisements do not count: they keep real nodes silent, which is their purpose.
    Nor does it count what counters prove to have been sent and not captured.
    Who announces and answers for a shared address with the virtual MAC meanwhile is MASTER,
    though no advertisement of it was captured (CS113).

False alarms
    A capture that stalls, or on a node that is cut off, shows a gap too. So it counts only
    where frames of others were captured meanwhile, or where the next master announces its
    addresses, which it does only when it becomes one; else a note says that nothing could be
    seen. A backup that has never spoken is unknown to a capture; a longer advbase of its own
    lengthens its take-over.

What to do
    Look at the nodes: are they up, is the interface, does `ifconfig` say INIT or BACKUP?
    A node whose demotion is stuck or whose link is down stays silent. Where replayed or
    forged advertisements were found, remove their sender.

Sources
    carp_setrun (master-down timer: three times advbase plus advskew/256), ucarp's poll loop.
"""

from collections.abc import Iterator, Sequence

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import Nanos, clock, span_text
from carpscope.core.values import dataclass, replace
from carpscope.detect import commands
from carpscope.detect.finding import Finding, Severity, renamed
from carpscope.detect.holders import holder_name
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import advertisements, named, since
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.facts import Announced, Claimed, Fact, Forgotten, Joined, Spoofed
from carpscope.timeline.group import Group, group_words
from carpscope.timeline.impostor import SpoofKind
from carpscope.timeline.node import FRAME_BITS, Node
from carpscope.timeline.pace import unseen
from carpscope.wire.carp import interval_ns

SITUATIONS_KEPT = 200
REMARKS_KEPT = 8
_NOBODY = "nobody was MASTER"
_NOBODY_YET = "nobody is MASTER"
_UNHEARD = "nothing was heard of any node"


@dataclass(slots=True)
class _State:
    group: Group
    node: Node | None = None
    """Who advertised last."""
    spoofed: int = 0
    """spoofed advertisements since then."""
    evidence: tuple[int, ...] = ()


@dataclass(slots=True)
class _Gap:
    """A silence that a claim ended, and what says that the vantage could see meanwhile."""

    finding: Finding
    successor: Node
    at: Nanos
    proved: bool
    lone: bytes | None = None
    """The MAC of the only other that was heard meanwhile."""


def _heard_in(nodes: Sequence[Node]) -> set[int]:
    """Return the captures that hold an advertisement of these."""
    found = {capture for node in nodes for _, capture in node.elsewhere}
    return found | {
        frame >> FRAME_BITS
        for node in nodes
        for period in node.master_periods
        for frame in (period.first, period.last)
    }


class MasterGap:
    """Measures the silence between one master and the next."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context
        self._states: dict[str, _State] = {}
        self._over: list[_Gap] = []

    def see(self, fact: Fact) -> None:
        """Take who leaves, who claims, and spoofed advertisements in between."""
        if isinstance(fact, Claimed):
            state = self._state(fact.group)
            before = _last_master_period(fact.group, fact.node, fact.at)
            if before is not None:
                before = self._went_on(fact, *before)
                proved = state.spoofed > 0 or _announced(fact.node, fact.at)
                for found in self._gap(state, *before, fact.at, fact.node, fact.frame):
                    sees, lone = self._sees(fact.group, before[-1], found.start, fact.at)
                    gap = _Gap(found, fact.node, fact.at, proved or sees, lone)
                    self._over = [*self._over, gap][-SITUATIONS_KEPT:]
            state.spoofed = 0
        elif isinstance(fact, Announced):
            for gap in self._over[-2:]:
                near = abs(fact.at - gap.at) <= timers.ANNOUNCING
                gap.proved = gap.proved or (fact.node is gap.successor and near)
        elif isinstance(fact, Spoofed) and fact.spoof_kind is not SpoofKind.FORWARDED:
            state = self._state(fact.group)
            state.spoofed += 1
            state.evidence = (*state.evidence[:12], fact.frame)
        elif isinstance(fact, Joined):
            names = fact.node.id, fact.into.id
            for gap in self._over:
                if gap.finding.group == fact.group.id:
                    gap.finding = renamed(gap.finding, *names)
                    gap.successor = fact.into if gap.successor is fact.node else gap.successor
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._states.pop(fact.group.id, None)

    def _went_on(
        self, fact: Claimed, seen: Nanos, last: int, node: Node
    ) -> tuple[Nanos, int, Node]:
        """Let the last advertisement be the last that was sent, captured or not."""
        missed = unseen(node, fact.node, fact.at - seen)
        until = seen + missed * interval_ns(node.advbase, node.advskew)
        wait = _longest_wait(fact.group) if missed else 0
        if missed and fact.at - seen > timers.gap(wait):
            remark = (
                f"{group_words(fact.group.id)}: {advertisements(missed)} of {node.id} were sent "
                f"and not captured, {since(seen, until)}, as counters show"
            )
            self._note(remark)
        return until, last, node

    def _state(self, group: Group) -> _State:
        return self._states.setdefault(group.id, _State(group))

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give the gaps that are over and those that last."""
        for gap in self._over:
            yield from self._findings(gap.finding, gap.lone, proved=gap.proved)
        for group in self._context.groups:
            if self._context.observer.strangers.is_made_up(group):
                continue
            if not any(
                node.announced or (node.is_steady and not node.is_repeated)
                for node in group.members
            ):
                continue  # one advertisement, however odd or often, makes no group without master
            periods = [(r.seen, r.last, n) for n in group.members for r in n.master_periods]
            quiet = all(n.master_period is None or n.due < at for n in group.members)
            if periods and quiet:
                seen, last, node = max(periods, key=lambda r: r[0])
                state = self._state(group)
                for found in self._gap(state, seen, last, node, at, None, None):
                    sees, lone = self._sees(group, node, found.start, at)
                    yield from self._findings(found, lone, proved=state.spoofed > 0 or sees)

    def _findings(self, gap: Finding, lone: bytes | None, *, proved: bool) -> Iterator[Finding]:
        """Give a gap; where nothing says that the vantage could see meanwhile, remark on it, and
        in a live run say what it may be."""
        if proved:
            yield gap
        elif self._context.observer.alive.is_watched:
            yield replace(
                gap,
                severity=Severity.INFO,
                confidence=0.5,
                summary=gap.summary.replace(_NOBODY_YET, _UNHEARD).replace(_NOBODY, _UNHEARD),
                explanation=f"{gap.explanation} Nor was anybody else heard on this segment: either "
                "the nodes are all silent, or nothing reaches this interface.",
                remedy="Look whether frames of other hosts reach this interface: tcpdump -ni IF. "
                f"If they do: {gap.remedy[0].lower()}{gap.remedy[1:]}",
            )
        else:
            self._remark(gap, lone)

    def _sees(
        self, group: Group, node: Node, start: Nanos, end: Nanos
    ) -> tuple[bool, bytes | None]:
        """Tell whether others were heard when somebody should have been MASTER: after a take-over
        and before the last advertisement that a master would have sent by the end.

        With it the MAC of the only one that was heard where it may be the capturing host's."""
        beat = max(timers.overdue(node.advbase, node.advskew) for node in group.members)
        wait = max(traits.takeover(node).latest for node in group.members)
        macs = (mac for node in group.members for mac in (node.mac, node.own_mac))
        silent = {mac for mac in macs if mac is not None}
        observer = self._context.observer
        if observer.alive.is_watched and _is_alone(group, node):
            return True, None  # up and losing nothing, and nobody is known who would take over
        start, end = start + wait, end - beat
        captures = self._captures(group)
        heard = (group.vlan, start, end, silent, captures)
        if observer.alive.others(*heard) or self._others(group, start, end, captures):
            return True, None
        return False, next((mac for mac, _ in observer.alive.heard(*heard)), None)

    def _captures(self, group: Group) -> set[int]:
        """Return the captures that are known to be of the group's segment: that heard it, or a
        node or host that one of these heard."""
        found, before = _heard_in(group.members), 0
        beside = [_heard_in(g.members) for g in self._context.groups if g.vlan == group.vlan]
        while len(found) > before:
            before = len(found)
            found = self._context.observer.alive.with_hosts_of(group.vlan, found)
            for captures in beside:
                if not found.isdisjoint(captures):
                    found |= captures
        return found

    def _others(self, group: Group, start: Nanos, end: Nanos, captures: set[int]) -> bool:
        """Tell whether a node of another group, of another host, advertised between two times."""
        mine = set(group.nodes)
        return any(
            period.start <= end and period.until >= start
            for other in self._context.groups
            if other is not group and other.vlan == group.vlan
            for node in other.members
            if mine.isdisjoint(node.addresses) and not captures.isdisjoint(_heard_in([node]))
            for period in node.master_periods[-8:]
            if start <= end
        )

    def _remark(self, gap: Finding, lone: bytes | None) -> None:
        begin = (
            f"{group_words(gap.group)}: no advertisement was captured {since(gap.start, gap.end)}, "
        )
        if lone is None:
            self._note(
                f"{begin}nor frames of others: what happened meanwhile cannot be seen from here"
            )
            return
        group = next((one for one in self._context.groups if one.id == gap.group), None)
        host = self._context.observer.host_at(group.vlan, lone) if group is not None else None
        name = f"{ip_text(host)} ({mac_text(lone)})" if host is not None else mac_text(lone)
        self._note(
            f"{begin}and of others only frames of {name}: either nobody was MASTER, or the capture "
            f"was made there and nothing reached it; a capture on another host would decide"
        )

    def _note(self, remark: str) -> None:
        remarks = self._context.observer.alive.remarks
        if len(remarks) < REMARKS_KEPT:
            remarks[remark] = None

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
        if not any(member.is_known for member in state.group.members):
            return
        seen = max(seen, self._context.observer.resumed)
        is_member = any(state.group.nodes.get(address) is node for address in node.addresses)
        if is_member and until - seen <= timers.gap(traits.takeover(node).latest):
            return  # the others' waits need not be looked at
        wait = _longest_wait(state.group)
        if until - seen <= timers.gap(wait):
            return
        crowd = state.group.crowd
        if crowd is not None and crowd.start <= until and crowd.end > seen:
            return  # somebody did advertise then, who was only counted
        name = holder_name(self._context.observer.host_at, state.group)
        begins = f"The last advertisement, of {node.id}, was"
        for start, end, holder in state.group.holdings.unheld(seen, until):
            nodes, told, ends = [node.id], "", frame
            if holder is not None:
                told, ends = f"until {name(holder)} took the address", holder.frames[0]
            elif successor is not None:
                nodes.append(successor.id)
                told = f"until {successor.id} claimed"
            if end - start > timers.gap(wait):
                frames = (last, *state.evidence, *([ends] if ends is not None else []))
                yield _nobody(state, nodes, (start, end), frames, begins, told, wait)
            if holder is not None:
                last, begins = holder.frames[-1], f"The last answer of {name(holder)} was"


def _longest_wait(group: Group) -> Nanos:
    """Return how long the slowest node heard here waits."""
    return max(traits.takeover(member).latest for member in group.members)


def _nobody(
    state: _State,
    nodes: list[str],
    when: tuple[Nanos, Nanos],
    frames: tuple[int, ...],
    begins: str,
    told: str,
    wait: Nanos,
) -> Finding:
    start, end = when
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.95,
        group=state.group.id,
        nodes=tuple(dict.fromkeys(nodes)),
        start=start,
        end=end,
        frames=tuple(dict.fromkeys(frames)),
        frame_count=len(frames),
        summary=(
            f"{_NOBODY} for {span_text(end - start)}, {told}"
            if told
            else _lasting(state.group, start)
        ),
        explanation=(
            f"{begins} followed by no advertisement of any node {since(start, end)}. The "
            "slowest node "
            f"heard here takes over after {span_text(wait)}.{_lured(state)}"
        ),
        remedy=commands.to_look(state.group.members),
        ongoing=not told,
    )


def _lasting(group: Group, start: Nanos) -> str:
    """Say that nobody has come, and what became of those who were MASTER."""
    last = [
        (node.id, node.master_periods[-1].ended_by) for node in group.known if node.master_periods
    ]
    silent = [node for node, how in last if how in ("", "silent", "capture")]
    left = [node for node, how in last if how == "bow-out"]
    told = [f"{named(silent)} {'is' if len(silent) == 1 else 'are'} silent"] if silent else []
    told += [f"{named(left)} left with a bow-out"] if left else []
    return "; ".join([f"{_NOBODY_YET} since {clock(start, digits=0)} UTC", *told])


def _lured(state: _State) -> str:
    if not state.spoofed:
        return ""
    sent = advertisements(state.spoofed)
    return f" Meanwhile {sent} that no node sent kept the others silent."


def _is_alone(group: Group, silent: Node) -> bool:
    """Tell whether every other node had fallen silent or left with a bow-out before one did."""
    ended = [
        [period.ended_by for period in node.master_periods if period.end is not None][-1:]
        for node in group.established
        if node is not silent
    ]
    return bool(ended) and all(how in (["silent"], ["bow-out"]) for how in ended)


def _announced(node: Node, at: Nanos) -> bool:
    """Tell whether a ucarp announced its addresses just before a claim, as it does then alone."""
    return any(at - timers.LONG_SCRIPT <= when <= at for when in node.announced.values())


def _last_master_period(group: Group, claimant: Node, at: Nanos) -> tuple[Nanos, int, Node] | None:
    """Return when and by whom was advertised last before a claim; None while others are."""
    if any(node is not claimant for node in group.masters):
        return None
    ended = [
        (period.end if period.ended_by == "yielded" else period.seen, period.last, node)
        for node in group.members
        for period in node.master_periods[-2:]
        if period.end is not None and period.seen < at
    ]
    return max(ended, key=lambda r: r[0], default=None)


RULE = Rule(
    "CS102",
    "master_gap",
    "Nobody is master",
    Severity.CRITICAL,
    MasterGap,
    (Claimed, Spoofed, Announced, Forgotten, Joined),
    ("replayed_advert", "forged_skew", "bad_ttl", "bad_checksum"),
    plain="no host was in charge of {address}",
)
