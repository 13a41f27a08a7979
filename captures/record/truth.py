"""What is true of a recording: labels from what was configured, done and logged.

No packet is looked at. Who was MASTER when comes from ucarp's own log; a killed process stops being
one when it was killed. The labels and their fields are those of the project's labelled traces.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from captures.record.plan import SECOND, Attack, Chronicle, Micros, Plain, Story
from captures.record.reigns import Interval, Member, member_of, overlaps, reigns_of, running

EVENTS = frozenset({"failover", "preemption"})
_BRIEF: Micros = SECOND // 4
"""A master this young was only a claimant of the same election."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One true sentence about an interval of the capture."""

    label: str
    kind: str
    """`problem`, `config`, `change` or `none`."""
    start: Micros
    end: Micros
    nodes: tuple[str, ...]
    cause: str
    vhid: int | None = None
    vlan: tuple[int, ...] = ()
    optional: bool = False
    accept: tuple[str, ...] = ()
    more: Mapping[str, Plain] = field(default_factory=dict)


def labels(story: Story, chronicle: Chronicle) -> list[Label]:
    found: list[Label] = list(_imposed(story, chronicle))
    for vhid, vlan in sorted({(u.vhid, h.vlans) for h in story.hosts for u in h.ucarps}):
        members = [
            member_of(host, options, chronicle)
            for host in story.hosts
            for options in host.ucarps
            if options.vhid == vhid and host.vlans == vlan
        ]
        group = _Group(vhid, vlan, members, chronicle, found)
        found += group.configured()
        found += group.split_brains()
        found += group.changes()
        found += group.gaps()
        found += group.flapping()
    found += _vrrp_conflicts(story, chronicle)
    if not found:
        cause = "nothing happens"
        found = [
            Label(
                label="none",
                kind="none",
                start=chronicle.begin,
                end=chronicle.end,
                nodes=(),
                cause=cause,
            )
        ]
    return sorted(found, key=lambda label: (label.start, label.label))


def named(found: list[Label]) -> tuple[str, ...]:
    """The labels that a reader of the capture must find, sorted."""
    return tuple(sorted(label.label for label in found if not label.optional))


class _Group:
    """The ucarps of one vhid in one VLAN, and what follows from how they ran."""

    def __init__(
        self,
        vhid: int,
        vlan: tuple[int, ...],
        members: list[Member],
        chronicle: Chronicle,
        imposed: list[Label],
    ) -> None:
        self._vhid = vhid
        self._vlan = vlan
        self._members = members
        self._chronicle = chronicle
        self._imposed = list(imposed)
        self._reigns = sorted(
            ((reign, member) for member in members for reign in member.reigns),
            key=lambda pair: pair[0].start,
        )

    def configured(self) -> Iterator[Label]:
        """Differences and likenesses of two nodes, while both run."""
        for left, right in combinations(self._members, 2):
            both = overlaps(left.running, right.running)
            if not both:
                continue
            start, end = both[0][0], both[-1][1]
            a, b = left.options, right.options
            if a.passphrase != b.passphrase:
                yield self._label(
                    "passphrase_mismatch",
                    (start, end),
                    left,
                    right,
                    "nodes configured with different passphrases",
                )
            if a.address != b.address:
                yield self._label(
                    "address_set_mismatch",
                    (start, end),
                    left,
                    right,
                    "nodes configured with different virtual addresses",
                    more={"detail": {left.name: [a.address], right.name: [b.address]}},
                )
            if a.advbase != b.advbase:
                taken = self._taken_over(left, right)
                yield self._label(
                    "advbase_mismatch",
                    (start, end),
                    left,
                    right,
                    "nodes configured with different advbase",
                    optional=not taken,
                    more={
                        "detail": {left.name: a.advbase, right.name: b.advbase},
                        "takeover": taken,
                    },
                )
            if (a.advbase, a.advskew) == (b.advbase, b.advskew):
                collided = bool(overlaps(reigns_of(left), reigns_of(right)))
                yield self._label(
                    "equal_skew_tie",
                    (start, end),
                    left,
                    right,
                    "nodes share the same advbase and advskew",
                    kind="config",
                    optional=not collided,
                    more={"detail": {left.name: a.advskew, right.name: b.advskew}}
                    | {"collided": collided},
                )

    def split_brains(self) -> Iterator[Label]:
        for left, right in combinations(self._members, 2):
            longest = max(left.options.interval, right.options.interval)
            for start, end in overlaps(reigns_of(left), reigns_of(right)):
                if end - start <= longest * 107 // 100 + SECOND // 20:
                    continue
                causes = self._causes(start, end, left, right)
                yield self._label(
                    "split_brain",
                    (start, end),
                    left,
                    right,
                    causes[0] if causes else "unknown",
                    more={"causes": list(causes)},
                )

    def changes(self) -> Iterator[Label]:
        """Fail-overs (the master was killed) and preemptions (ucarp's log says so)."""
        for (old, loser), (new, winner) in pairwise(self._reigns):
            if old.killed and loser is not winner and new.start >= old.end:
                attacks = [lie for lie in self._attacks() if lie.start < new.start]
                yield self._label(
                    "failover",
                    (old.end, new.start),
                    loser,
                    winner,
                    f"the master {loser.name} was killed",
                    kind="change",
                    more={"from": loser.name, "to": winner.name}
                    | ({"consequence_of": [lie.label for lie in attacks]} if attacks else {}),
                )
            if new.reason and loser is not winner and old.start < new.start < old.end:
                brief = new.start - old.start < _BRIEF
                yield self._label(
                    "preemption",
                    (new.start, old.end),
                    loser,
                    winner,
                    f"{winner.name} logged: {new.reason}",
                    kind="change",
                    optional=brief,
                    more={"from": loser.name, "to": winner.name}
                    | ({"brief": True} if brief else {}),
                )

    def gaps(self) -> Iterator[Label]:
        """Nobody is MASTER, though somebody was, for longer than any take-over needs."""
        bound = max(member.options.takeover_max for member in self._members) * 5 // 4 + SECOND // 2
        if not self._reigns:
            return
        last = self._reigns[0][0].end
        starts = [reign.start for reign, _ in self._reigns[1:]] + [self._chronicle.end]
        ends = [reign.end for reign, _ in self._reigns[1:]] + [self._chronicle.end]
        for start, end in zip(starts, ends, strict=True):
            if start - last > bound:
                lies = [lie.label for lie in self._attacks() if lie.start < start]
                yield Label(
                    label="master_gap",
                    kind="problem",
                    start=last,
                    end=start,
                    nodes=tuple(member.name for member in self._members),
                    vhid=self._vhid,
                    vlan=self._vlan,
                    cause=lies[0] if lies else "no node is left",
                )
            last = max(last, end)

    def flapping(self) -> Iterator[Label]:
        """Four gains of mastership in thirty advbase, not counting the first election."""
        gains = [reign.start for reign, _ in self._reigns[1:]]
        window = 30 * SECOND * max(member.options.advbase for member in self._members)
        busy = [g for i, g in enumerate(gains) if _crowded(gains, i, window)]
        if busy:
            yield Label(
                label="flapping",
                kind="problem",
                start=busy[0],
                end=busy[-1],
                nodes=tuple(member.name for member in self._members),
                vhid=self._vhid,
                vlan=self._vlan,
                cause="the preferred node dies and returns over and over",
                more={"gains": len(busy)},
            )

    def _label(
        self,
        label: str,
        span: Interval,
        left: Member,
        right: Member,
        cause: str,
        *,
        kind: str = "problem",
        optional: bool = False,
        more: Mapping[str, Plain] | None = None,
    ) -> Label:
        return Label(
            label=label,
            kind=kind,
            start=span[0],
            end=span[1],
            nodes=(left.name, right.name),
            vhid=self._vhid,
            vlan=self._vlan,
            cause=cause,
            optional=optional,
            more=more or {},
        )

    def _taken_over(self, left: Member, right: Member) -> bool:
        pair = (left.name, right.name)
        return any(new.reason and winner.name in pair for new, winner in self._reigns[1:])

    def _attacks(self) -> list[Label]:
        return [lie for lie in self._imposed if lie.more.get("impersonates") in self._names()]

    def _names(self) -> set[str]:
        return {member.name for member in self._members}

    def _causes(self, start: Micros, end: Micros, left: Member, right: Member) -> tuple[str, ...]:
        known = [*self._imposed, *self.configured()]
        return tuple(
            dict.fromkeys(
                label.label
                for label in known
                if label.start < end
                and start < label.end
                and {left.name, right.name} == set(label.nodes)
                and label.kind == "problem"
            )
        )


def _imposed(story: Story, chronicle: Chronicle) -> Iterator[Label]:
    """What was done to the LAN from outside: cuts and attacks."""
    finishes = {"cut": "heal", "split": "join"}
    for moment in chronicle.moments:
        if moment.kind in finishes:
            end = next(
                (
                    later.at
                    for later in chronicle.moments
                    if later.kind == finishes[moment.kind] and later.at > moment.at
                ),
                chronicle.end,
            )
            one_way = moment.kind == "cut"
            here, there = moment.host, moment.other
            yield Label(
                label="one_way_link" if one_way else "partition",
                kind="problem",
                start=moment.at,
                end=end,
                nodes=(here, there),
                cause=moment.text,
                more={"from": [here], "to": [there]} if one_way else {"sides": [[here], [there]]},
            )
    for action in story.actions:
        if isinstance(action, Attack):
            yield _attack_label(story, chronicle, action)


def _attack_label(story: Story, chronicle: Chronicle, attack: Attack) -> Label:
    """From the first to the last frame that the attacker says it sent."""
    sent = [m for m in chronicle.moments if m.kind == "inject" and m.host == attack.host]
    if not sent:
        raise RuntimeError("the attacker sent nothing")
    forged = attack.advskew is not None
    return Label(
        label="forged_skew" if forged else "replayed_advert",
        kind="problem",
        start=sent[0].at,
        end=sent[-1].at,
        nodes=(attack.host,),
        vhid=story.host(attack.victim).ucarps[0].vhid,
        cause=_attack_cause(attack),
        # The counter and HMAC of a forged advertisement are an earlier one's as well.
        accept=("replayed_advert",) if forged else (),
        more={"impersonates": attack.victim, "injected": len(sent)},
    )


def _attack_cause(attack: Attack) -> str:
    if attack.advskew is None:
        return f"recorded advertisement of {attack.victim} sent again unchanged"
    source = "the attacker's source address" if attack.own_address else "the same source address"
    return (
        f"recorded advertisement of {attack.victim} sent again with advskew {attack.advskew}"
        f" and {source}"
    )


def _vrrp_conflicts(story: Story, chronicle: Chronicle) -> Iterator[Label]:
    """VRRP routers whose id is the vhid of a ucarp on the same segment: one label for each id."""
    for vrid, vlan in sorted({(v.vrid, h.vlans) for h in story.hosts for v in h.vrrps}):
        here = [host for host in story.hosts if host.vlans == vlan]
        routers = [h for h in here if any(router.vrid == vrid for router in h.vrrps)]
        nodes = [h for h in here if any(ucarp.vhid == vrid for ucarp in h.ucarps)]
        both = [
            span
            for router in routers
            for node in nodes
            for span in overlaps(running(chronicle, router.name), running(chronicle, node.name))
        ]
        if both:
            names = [host.name for host in routers]
            yield Label(
                label="vrrp_vrid_conflict",
                kind="problem",
                start=min(start for start, _ in both),
                end=max(end for _, end in both),
                nodes=(*names, *(host.name for host in nodes)),
                vhid=vrid,
                vlan=vlan,
                cause=f"{' and '.join(names)} speak VRRP with the same id",
            )


def _crowded(gains: list[Micros], index: int, window: Micros) -> bool:
    """Whether this gain is one of four that fit into the window."""
    for first in range(max(0, index - 3), index + 1):
        if first + 3 < len(gains) and gains[first + 3] - gains[first] <= window:
            return True
    return False
