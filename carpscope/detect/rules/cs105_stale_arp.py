"""After a change of master the last announcement of an address came from the loser.

What it means
    Hosts and switches send to the node that announced last. Kernels announce the virtual
    MAC, which the winner's next advertisement moves back on switches; between ucarps, or
    with unicast peers, nothing does, and hosts stay with the wrong MAC until their ARP
    entry ages.

How it is seen
    Two nodes claimed at once; the one that yielded announced after the one that stayed, and
    the one that stayed did not announce again.

False alarms
    Between kernels it usually heals within one advertisement, so it is only a remark.

What to do
    On the winner: `arping -U -I IF ADDRESS` (Linux), or `ifconfig carpN down up`. Give the
    nodes different advskew, so that they do not claim at once.

Sources
    Announcement orders of each implementation: advert then announcement in kernels,
    announcement then advert in ucarp.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import addresses
from carpscope.protocol import timers
from carpscope.timeline.facts import Announced, Fact, Forgotten, Joined, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.traits import is_ucarp
from carpscope.wire.carp import interval_ns

SITUATIONS_KEPT = 200
ANNOUNCED_KEPT = 256
"""Addresses of one group."""


@dataclass(slots=True)
class _Stale:
    group: Group
    loser: Node
    winner: Node
    at: Nanos
    frames: dict[bytes, int]
    until: Nanos | None = None


class StaleArp:
    """Remembers who announced each address last."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing."""
        del context
        self._last: dict[str, dict[bytes, tuple[Node, Nanos, int]]] = {}
        """By group and address."""
        self._found: list[_Stale] = []

    def see(self, fact: Fact) -> None:
        """Take announcements and departures."""
        if isinstance(fact, Announced) and fact.group is not None and fact.node is not None:
            last = self._last.setdefault(fact.group.id, {})
            if len(last) < ANNOUNCED_KEPT or fact.address in last:
                last[fact.address] = (fact.node, fact.at, fact.frame)
            for stale in self._found:
                again = stale.winner is fact.node and fact.address in stale.frames
                if again and stale.until is None:
                    stale.until = fact.at
        elif isinstance(fact, Forgotten):
            last = self._last.pop(fact.group.id, {})
            left = {address: one for address, one in last.items() if one[0] is not fact.node}
            if fact.node is not None and left:
                self._last[fact.group.id] = left
        elif isinstance(fact, Joined):
            last = self._last.get(fact.group.id, {})
            for address, (node, at, frame) in last.items():
                if node is fact.node:
                    last[address] = fact.into, at, frame
            for stale in self._found:
                stale.loser = fact.into if stale.loser is fact.node else stale.loser
                stale.winner = fact.into if stale.winner is fact.node else stale.winner
            self._found = [stale for stale in self._found if stale.loser is not stale.winner]
        elif isinstance(fact, Left) and fact.master_period.ended_by == "yielded":
            self._yielded(fact)

    def _yielded(self, fact: Left) -> None:
        if len(fact.group.masters) != 1:
            return
        winner = fact.group.masters[0]
        if not (is_ucarp(winner) or is_ucarp(fact.node)):
            return  # the next advertisement, from the same virtual MAC, heals it
        frames = {}
        last = self._last.get(fact.group.id, {})
        for address in fact.group.announced:
            node, when, frame = last.get(address, (None, 0, 0))
            # a ucarp announces before it advertises: that is on its own record alone
            if node is fact.node and winner.announced.get(address, 0) < when:
                frames[address] = frame
        if frames:
            stale = _Stale(fact.group, fact.node, winner, fact.at, frames)
            self._found = [*self._found, stale][-SITUATIONS_KEPT:]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give those that were not healed soon."""
        for stale in self._found:
            until = stale.until if stale.until is not None else at
            # it may announce again with its third advertisement (OpenBSD, ucarp)
            winner = stale.winner
            third = timers.DEAD_RATIO * interval_ns(winner.advbase, winner.advskew)
            if until - stale.at < third:
                continue
            yield Finding(
                code=RULE.code,
                label=RULE.label,
                severity=RULE.severity,
                confidence=0.7,
                group=stale.group.id,
                nodes=(stale.loser.id, stale.winner.id),
                start=stale.at,
                end=until,
                frames=tuple(sorted(stale.frames.values())),
                frame_count=len(stale.frames),
                summary=(
                    f"{stale.loser.id} announced {addresses(stale.frames)} last, but "
                    f"{stale.winner.id} is MASTER"
                ),
                explanation=(
                    "ucarp announces its card's own MAC, so hosts that heard the loser last send "
                    "to it until their ARP entry ages or the winner announces again."
                ),
                remedy=(f"On {stale.winner.id}: arping -U -I IF {addresses(stale.frames)}."),
                ongoing=stale.until is None,
            )


RULE = Rule(
    "CS105",
    "stale_arp",
    "Hosts may send to the loser",
    Severity.INFO,
    StaleArp,
    (Announced, Left, Forgotten, Joined),
    ("split_brain", "equal_skew_tie"),
    plain="neighbours may have sent what was for {address} to a host that had given it up",
)
