"""Split brain: two or more nodes are MASTER of one vhid at once.

What it means
    Both nodes answer for the shared addresses. Hosts reach one or the other depending on
    whose announcement their switch or ARP table saw last; connections break, and stateful
    firewalls drop what the other node let through.

How it is seen
    A backup never advertises. Two nodes whose advertisements of one vhid overlap for longer
    than 1.07 of the longer interval plus 0.05 s both believe that they are MASTER.

False alarms
    A preemption, a tie that resolves and a late ucarp overlap for less than an interval:
    these are handovers. Copies that a mirror port makes are recognised before this. The
    same vhid on two VLANs is two groups.

What to do
    Look at the finding that causes this one. Where there is none, find out whether each
    node receives the other's advertisements: tcpdump -ni IF 'proto 112' on both, and the
    counters of `netstat -s -p carp`.

Sources
    FreeBSD ip_carp.c carp_input_c: a MASTER steps down for an advertisement that is as
    good as its own or better, so two cannot stay if they hear and authenticate each other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from carpscope.core.units import SECOND, Nanos, seconds_text, span_text
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.negative import explained
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import named, priority, since
from carpscope.timeline.contest import election_ns
from carpscope.timeline.facts import Claimed, Fact, Forgotten, Joined, Left, Sighted
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

REPEAT_WINDOW: Nanos = 15 * SECOND
"""Overlaps of the same nodes that follow each other within this are one situation."""


SITUATIONS_KEPT = 500


@dataclass(slots=True)
class Overlap:
    """A stretch of time with several masters in one group."""

    group: Group
    nodes: dict[str, Node]
    start: Nanos
    end: Nanos
    evidence: Evidence = field(default_factory=Evidence)
    times: int = 1
    ongoing: bool = False


class SplitBrain:
    """Follows who is MASTER in every group."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing."""
        del context
        self._current: dict[str, Overlap] = {}
        self._over: list[Overlap] = []

    def see(self, fact: Fact) -> None:
        """Take claims, departures and the advertisements between them."""
        if isinstance(fact, Claimed):
            self._claimed(fact)
        elif isinstance(fact, Left):
            self._left(fact)
        elif isinstance(fact, Sighted):
            overlap = self._current.get(fact.group.id)
            if fact.group.is_crowded and fact.node.is_steady:
                overlap = self._joined(fact, overlap)
            if overlap is not None and (fact.node.id in overlap.nodes):
                overlap.evidence.add(fact.frame)
                overlap.end = fact.at
        elif isinstance(fact, Joined):
            self._renamed(fact)
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._current.pop(fact.group.id, None)

    def _joined(self, fact: Sighted, overlap: Overlap | None) -> Overlap | None:
        """Let a master join once it is known to be one: strangers that crowd in are not."""
        masters = _masters(fact.group)
        if overlap is None and len(masters) > 1:
            start = sorted(node.reigns[-1].start for node in masters)[1]
            overlap = self._current[fact.group.id] = Overlap(fact.group, {}, start, start)
        if overlap is not None:
            overlap.nodes |= {node.id: node for node in masters}
        return overlap

    def _claimed(self, fact: Claimed) -> None:
        group = fact.group
        if len(group.masters) < 2 or group.is_crowded:
            return
        overlap = self._current.get(group.id)
        if overlap is None:
            overlap = Overlap(group, {n.id: n for n in group.masters}, fact.at, fact.at)
            self._current[group.id] = overlap
        overlap.nodes[fact.node.id] = fact.node

    def _left(self, fact: Left) -> None:
        overlap = self._current.get(fact.group.id)
        if overlap is None or len(_masters(fact.group)) > 1:
            return
        del self._current[fact.group.id]
        overlap.end = max(fact.at, overlap.start)
        overlap.ongoing = fact.reign.ended_by == "capture"
        if not _explained(overlap):
            self._over = [*self._over, overlap][-SITUATIONS_KEPT:]

    def _renamed(self, fact: Joined) -> None:
        """Let one node take another's place; of a node with itself there is no overlap."""
        current = self._current.pop(fact.group.id, None)
        past = [overlap for overlap in self._over if overlap.group is fact.group]
        for overlap in (*past, *([current] if current is not None else [])):
            if overlap.nodes.pop(fact.node.id, None) is not None:
                overlap.nodes[fact.into.id] = fact.into
        self._over = [overlap for overlap in self._over if len(overlap.nodes) > 1]
        if current is not None and len(current.nodes) > 1 and len(fact.group.masters) > 1:
            self._current[fact.group.id] = current

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give what is over and what goes on; the same nodes again soon is one situation."""
        del at
        going = [replace(o, ongoing=True) for o in self._current.values() if not _explained(o)]
        joined: dict[str, list[Overlap]] = {}
        known = (replace(o, nodes=_real(o)) for o in (*self._over, *going))
        for overlap in known:
            before = joined.setdefault(overlap.group.id, [])
            if before and _same(before[-1], overlap):
                before[-1] = _join(before[-1], overlap)
            else:
                before.append(overlap)
        for overlaps in joined.values():
            yield from map(_finding, overlaps)


def _masters(group: Group) -> list[Node]:
    """Return who is MASTER; where strangers crowd in, who advertised more than once."""
    return [n for n in group.masters if n.is_steady] if group.is_crowded else group.masters


def _real(overlap: Overlap) -> dict[str, Node]:
    """Return the nodes; where strangers crowd in, perhaps since it began, the steady ones."""
    if not overlap.group.is_crowded:
        return overlap.nodes
    return {name: node for name, node in overlap.nodes.items() if node.is_steady}


def _explained(overlap: Overlap) -> bool:
    nodes = _real(overlap)
    return len(nodes) < 2 or overlap.end - overlap.start <= _allowed(nodes.values())


def _same(before: Overlap, overlap: Overlap) -> bool:
    nodes = before.nodes.keys() == overlap.nodes.keys()
    return nodes and overlap.start - before.end <= REPEAT_WINDOW


def _join(before: Overlap, overlap: Overlap) -> Overlap:
    evidence = Evidence()
    for frame in (*before.evidence.frames, *overlap.evidence.frames):
        evidence.add(frame)
    evidence.count = before.evidence.count + overlap.evidence.count
    return Overlap(
        before.group,
        before.nodes,
        before.start,
        overlap.end,
        evidence,
        before.times + overlap.times,
        overlap.ongoing,
    )


def _allowed(nodes: Iterable[Node]) -> Nanos:
    """How long an election itself explains two masters (contract: split_brain)."""
    return election_ns(nodes)


def _finding(overlap: Overlap) -> Finding:
    nodes = list(overlap.nodes.values())
    best = min(nodes, key=lambda n: (n.advbase, n.advskew))
    names = named(node.id for node in nodes)
    length = span_text(overlap.end - overlap.start)
    told = named(f"{node.id} advertises {priority(node)}" for node in nodes)
    together = "both" if len(nodes) == 2 else "all"
    word = f"have {together} been" if overlap.ongoing else f"were {together}"
    negative = explained(nodes, overlap.start, overlap.end)
    return Finding(
        RULE.code,
        RULE.label,
        RULE.severity,
        0.99,
        overlap.group.id,
        tuple(overlap.nodes),
        overlap.start,
        overlap.end,
        overlap.evidence.frames,
        overlap.evidence.count,
        f"{names} {word} MASTER for {length}",
        f"{together.capitalize()} advertised {since(overlap.start, overlap.end)}"
        f"{f', in {overlap.times} stretches' if overlap.times > 1 else ''}; {told}. "
        f"An election explains at most {seconds_text(_allowed(nodes), digits=2)}. "
        + (
            negative[0]
            if negative
            else f"If they heard and authenticated each other, {best.id} would stay MASTER and the "
            "rest would step down at its next advertisement."
        ),
        negative[1]
        if negative
        else "Remove the cause; then one of them steps down by itself within one interval.",
        ongoing=overlap.ongoing,
    )


RULE = Rule(
    "CS101",
    "split_brain",
    "Two masters at once",
    Severity.CRITICAL,
    SplitBrain,
    (Claimed, Left, Sighted, Forgotten, Joined),
    (
        "ucarp_kernel_address_incompat",
        "address_set_mismatch",
        "passphrase_mismatch",
        "authentication_mismatch",
        "vhid_conflict",
        "one_way_link",
        "partition",
        "bad_ttl",
        "bad_checksum",
        "wrong_destination",
        "forged_skew",
        "replayed_advert",
    ),
)
