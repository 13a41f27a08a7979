"""What follows from how the ucarps of one group were configured and when each was MASTER."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, pairwise

from captures.record.label import Label
from captures.record.master_periods import Interval, Member, master_periods_of, overlaps
from captures.record.plan import SECOND, Chronicle, Micros, Plain, Ucarp

_BRIEF: Micros = SECOND // 4
"""A master this young was only a claimant of the same election."""


class Group:
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
        self._master_periods = sorted(
            ((period, member) for member in members for period in member.master_periods),
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
            for span, _, _ in _apart(left, right, lambda x, y: x.passphrase != y.passphrase):
                yield self._label(
                    "passphrase_mismatch",
                    span,
                    left,
                    right,
                    "nodes configured with different passphrases",
                )
            for span, mine, theirs in _apart(left, right, lambda x, y: x.address != y.address):
                yield self._label(
                    "address_set_mismatch",
                    span,
                    left,
                    right,
                    "nodes configured with different virtual addresses",
                    more={"detail": {left.name: [mine.address], right.name: [theirs.address]}},
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
                collided = bool(overlaps(master_periods_of(left), master_periods_of(right)))
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

    def mangled(self) -> Iterator[Label]:
        """Advertisements that leave a node otherwise than they should."""
        for member in self._members:
            if not member.master_periods:
                continue
            common = Label(
                label="bad_ttl",
                kind="problem",
                start=member.master_periods[0].start,
                end=member.master_periods[-1].end,
                nodes=(member.name,),
                vhid=self._vhid,
                vlan=self._vlan,
                cause=f"advertisements of {member.name} arrive with TTL {member.host.ttl}",
            )
            if member.host.ttl is not None:
                yield common
            if member.options.broadcast:
                # Optional: ucarp means it so, and no receiver refuses it.
                cause = f"{member.name} sends to the broadcast MAC address (ucarp -M)"
                yield replace(common, label="wrong_destination", cause=cause, optional=True)

    def split_brains(self) -> Iterator[Label]:
        for left, right in combinations(self._members, 2):
            longest = max(left.options.interval, right.options.interval)
            for start, end in overlaps(master_periods_of(left), master_periods_of(right)):
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
        for (old, loser), (new, winner) in pairwise(self._master_periods):
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
        if not self._master_periods:
            return
        last = self._master_periods[0][0].end
        starts = [period.start for period, _ in self._master_periods[1:]] + [self._chronicle.end]
        ends = [period.end for period, _ in self._master_periods[1:]] + [self._chronicle.end]
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
        gains = [period.start for period, _ in self._master_periods[1:]]
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
        return any(new.reason and winner.name in pair for new, winner in self._master_periods[1:])

    def _attacks(self) -> list[Label]:
        return [lie for lie in self._imposed if lie.more.get("impersonates") in self._names()]

    def _names(self) -> set[str]:
        return {member.name for member in self._members}

    def _causes(self, start: Micros, end: Micros, left: Member, right: Member) -> tuple[str, ...]:
        known = [*self._imposed, *self.configured(), *self.mangled()]
        return tuple(
            dict.fromkeys(
                label.label
                for label in known
                if label.start < end
                and start < label.end
                and {left.name, right.name} >= set(label.nodes)
                and label.kind == "problem"
            )
        )


def _apart(
    left: Member, right: Member, differ: Callable[[Ucarp, Ucarp], bool]
) -> Iterator[tuple[Interval, Ucarp, Ucarp]]:
    """While both run with options that differ, pauses of one of them included."""
    found: list[tuple[Interval, Ucarp, Ucarp]] = []
    for one, mine in left.phases:
        for other, theirs in right.phases:
            if not differ(mine, theirs):
                continue
            for span in overlaps((one,), (other,)):
                if found and found[-1][1:] == (mine, theirs):
                    found[-1] = ((found[-1][0][0], span[1]), mine, theirs)
                else:
                    found.append((span, mine, theirs))
    yield from found


def _crowded(gains: list[Micros], index: int, window: Micros) -> bool:
    """Whether this gain is one of four that fit into the window."""
    for first in range(max(0, index - 3), index + 1):
        if first + 3 < len(gains) and gains[first + 3] - gains[first] <= window:
            return True
    return False
