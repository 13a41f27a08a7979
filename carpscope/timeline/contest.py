"""Times with several masters in one group, and who ignored whom meanwhile.

A node that hears a better advertisement, or an equal one, and verifies it, steps down
(carp_input_c of every kernel; ucarp for a better one, or an equal one of a smaller
address). One that advertises on has refused it or not received it. A backup that claims
although a better master advertised within its timeout has missed all of those.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from carpscope.core.units import MICROSECOND, MILLISECOND, SECOND, Nanos
from carpscope.protocol import rules
from carpscope.timeline.node import Node
from carpscope.wire.carp import interval_ns

CONTESTS_KEPT = 500
"""Per group; further ones lengthen the last."""
PAIRS_KEPT = 240
"""Per contest: all pairs of sixteen nodes. Made-up senders would fill the square of them."""
NODES_KEPT = 64
REACTION: Nanos = 5 * MILLISECOND
UCARP_REACTION: Nanos = 1200 * MILLISECOND
FREEBSD_TOS = 0xE0
"""ToS or traffic class that only FreeBSD sends."""
CROSSING: Nanos = 15 * MILLISECOND
"""Two frames that leave within this may pass each other on a slow LAN."""


@dataclass(slots=True, eq=False)
class Contest:
    """A stretch of time with several masters: two at least."""

    start: Nanos
    end: Nanos
    nodes: dict[str, Node]
    ignored: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(receiver, sender) to the frames of the receiver that show it, the first few."""
    ignored_count: dict[tuple[str, str], int] = field(default_factory=dict)
    open: bool = True

    def ignore(self, receiver: Node, sender: Node, frame: int) -> None:
        """Note that one node went on although another's advertisement came by."""
        key = (receiver.id, sender.id)
        if key not in self.ignored and len(self.ignored) >= PAIRS_KEPT:
            return
        frames = self.ignored.setdefault(key, [])
        if len(frames) < 12:
            frames.append(frame)
        self.ignored_count[key] = self.ignored_count.get(key, 0) + 1

    def forget(self, name: str) -> None:
        """Leave out what is noted of a node that is no longer there."""
        for pair in [pair for pair in self.ignored if name in pair]:
            del self.ignored[pair]
            del self.ignored_count[pair]


def reaction_ns(node: Node) -> Nanos:
    """How long a node may take to act on an advertisement: ucarp's capture delivers late."""
    return UCARP_REACTION if is_ucarp(node) else REACTION


def is_ucarp(node: Node) -> bool:
    """Tell ucarp by its source MAC."""
    return node.mac is not None and is_ucarp_mac(node.mac)


def is_ucarp_mac(mac: bytes) -> bool:
    """Tell the source MAC that only ucarp uses."""
    return mac[:5] == b"\0\0\x5e\0\0"


def slack_ns(interval: Nanos) -> Nanos:
    """How late an advertisement may come without a meaning.

    One or two ticks of 10 ms, FreeBSD's permitted callout lateness of 1/16 of the
    interval, twice that for a busy host, and what a capture adds.
    """
    return interval // 8 + 100 * MILLISECOND


def election_ns(nodes: Iterable[Node]) -> Nanos:
    """How long an election itself explains two masters (contract: split_brain)."""
    longest = max(interval_ns(node.advbase, node.advskew) for node in nodes)
    return longest * 107 // 100 + 50 * MILLISECOND


def is_openbsd(node: Node) -> bool:
    """Tell whether the demotion count takes part in this node's decisions."""
    if node.saw_demote:
        return True
    habits = node.counters.values()
    constant = any(h.constant for h in habits) and not any(h.random + h.sequential for h in habits)
    return constant and not all(i == 0 for i in node.identifications)


def yields(receiver: Node, sender: Node) -> bool:
    """Tell whether a MASTER steps down for another's advertisement, by what both advertise.

    The rules are those of the machines (`protocol.rules`).
    """
    if sender.demote > receiver.demote and receiver.adverts < 3:
        return False  # an OpenBSD would not, and so few advertisements do not tell it
    contest = rules.Contest(
        (receiver.advbase, rules.microseconds(receiver.advskew)),
        (sender.advbase, rules.microseconds(sender.advskew)),
        receiver.demote,
        sender.demote,
        _ipv4(receiver),
        _ipv4(sender),
    )
    if is_ucarp(receiver):
        return rules.yields_ucarp(contest)
    if is_openbsd(receiver):
        return rules.yields_openbsd(contest)
    return rules.yields_to_equal(contest)


def _ipv4(node: Node) -> bytes:
    return next((a for a in node.addresses if len(a) == 4), b"\xff" * 4)


def master_down_ns(node: Node) -> Nanos:
    """How long this node waits as a backup, the latest that its kind may take included."""
    # ucarp's capture delivers packets up to a second late
    late = SECOND if is_ucarp(node) else 0
    return wait_ns(node.advbase, node.advskew, polls=is_ucarp(node)) + late


def slowest_ns(node: Node) -> Nanos:
    """How long it may wait, whatever it runs: OpenBSD waits whole periods since 2025."""
    if FREEBSD_TOS in node.tos or FREEBSD_TOS in node.traffic_class:
        return master_down_ns(node)
    return max(master_down_ns(node), wait_ns(node.advbase, node.advskew, polls=True))


def wait_ns(advbase: int, advskew: int, *, polls: bool) -> Nanos:
    """How long a backup waits: ucarp, which polls, for whole periods."""
    base = advbase or 1
    if polls:
        return 3 * interval_ns(base, advskew)
    return rules.plain_master_down(base, advskew) * MICROSECOND


def missed(claimant: Node, master: Node, at: Nanos) -> int:
    """Count the master's advertisements that a claimant worse than it should have heard."""
    if not yields(claimant, master):
        return 0
    wait = master_down_ns(claimant) - (SECOND if is_ucarp(claimant) else 0)
    since, until = at - wait + 20 * MILLISECOND, at - reaction_ns(claimant)
    return sum(1 for sent, _ in master.sent if since <= sent <= until)


def crossed(node: Node, masters: Iterable[Node], at: Nanos) -> bool:
    """Tell whether a claim and something better passed each other: it yields without a word."""
    window = CROSSING + (reaction_ns(node) if is_ucarp(node) else 0)
    return any(
        other is not node and yields(node, other) and at - other.last <= window for other in masters
    )


def provoked(node: Node, rivals: Iterable[Node], at: Nanos) -> bool:
    """Tell whether a claim answers one master that is worse, whoever else is there.

    A backup that preempts looks at the advertisement before it, not at who won before.
    """
    window = CROSSING + reaction_ns(node)
    return any(not yields(node, rival) and at - rival.last <= window for rival in rivals)


def not_yet_heard(node: Node, masters: Iterable[Node], at: Nanos) -> Nanos | None:
    """Return when something better came by that a ucarp may only be handed after this."""
    if not is_ucarp(node):
        return None
    times = [
        sent
        for other in masters
        if other is not node and yields(node, other)
        for sent, _ in other.sent
        if at - sent <= UCARP_REACTION
    ]
    return min(times, default=None)


def went_on(contest: Contest, masters: Iterable[Node], node: Node, at: Nanos, frame: int) -> None:
    """Note which better advertisements of other masters one ignores by going on."""
    contest.end = max(contest.end, at)
    reaction = reaction_ns(node)
    since, until = node.last - reaction, at - reaction
    for other in masters:
        if other is node or not yields(node, other):
            continue
        if any(since < sent <= until and sent > contest.start - reaction for sent, _ in other.sent):
            contest.ignore(node, other, frame)


def let_hear(masters: Iterable[Node], node: Node, at: Nanos) -> None:
    """Remember for the other masters that they could hear something as good or better."""
    for other in masters:
        if other is not node and other.heard_better is None and yields(other, node):
            other.heard_better = at
