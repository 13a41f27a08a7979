"""Times with several masters in one group, and who ignored whom meanwhile.

A node that hears a better advertisement, or an equal one, and verifies it, steps down
(carp_input_c of every kernel; ucarp for a better one, or an equal one of a smaller
address). One that advertises on has refused it or not received it. A backup that claims
although a better master advertised within its timeout has missed all of those.
"""

from collections.abc import Iterable

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import rules, timers
from carpscope.timeline import traits
from carpscope.timeline.identify import DSCP_CS7
from carpscope.timeline.node import MasterPeriod, Node
from carpscope.timeline.traits import is_ucarp
from carpscope.wire.carp import interval_ns

CONTESTS_KEPT = 500
"""Per group; further ones lengthen the last."""
PAIRS_KEPT = 240
"""Per contest: all pairs of sixteen nodes. Made-up senders would fill the square of them."""
NODES_KEPT = 64
SPELLS_KEPT = 64
"""Per pair: further ones lengthen the last."""


@dataclass(slots=True, eq=False)
class Contest:
    """A stretch of time in which at least two nodes were MASTER."""

    start: Nanos
    end: Nanos
    nodes: dict[str, Node]
    ignored: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(receiver, sender) to the frames of the receiver that show it, the first few."""
    ignored_count: dict[tuple[str, str], int] = field(default_factory=dict)
    since: dict[tuple[str, str], list[tuple[MasterPeriod | None, Nanos]]] = field(
        default_factory=dict
    )
    """(receiver, sender) to the receiver's MASTER periods, each with the time of the first
    advertisement of the sender that it ignored in it. Between two of them it had yielded."""
    open: bool = True

    def ignore(self, receiver: Node, sender: Node, frame: int, sent: Nanos) -> None:
        """Note that `receiver` went on as MASTER after an advertisement of `sender` at `sent`."""
        key = (receiver.id, sender.id)
        if key not in self.ignored and len(self.ignored) >= PAIRS_KEPT:
            return
        frames = self.ignored.setdefault(key, [])
        since = self.since.setdefault(key, [])
        if not since or (since[-1][0] is not receiver.master_period and len(since) < SPELLS_KEPT):
            since.append((receiver.master_period, sent))
        if len(frames) < 12:
            frames.append(frame)
        self.ignored_count[key] = self.ignored_count.get(key, 0) + 1

    def forget(self, name: str) -> None:
        """Remove a node that is no longer followed."""
        for pair in [pair for pair in self.ignored if name in pair]:
            del self.ignored[pair]
            del self.ignored_count[pair]
            del self.since[pair]


def election_ns(nodes: Iterable[Node]) -> Nanos:
    """Return for how long an election alone explains two masters (docs/findings/CS101.md)."""
    return timers.election(max(interval_ns(node.advbase, node.advskew) for node in nodes))


def is_openbsd(node: Node) -> bool:
    """Return whether a node is an OpenBSD, whose decisions use the demotion count in byte 4."""
    if node.saw_demote:
        return True
    habits = node.counters.values()
    constant = any(h.constant for h in habits) and not any(h.random + h.sequential for h in habits)
    return constant and not all(i == 0 for i in node.identifications)


def negative_skew(node: Node, advskew: int) -> int | None:
    """Return the negative advskew that a FreeBSD of before 13.1 compares, None for other nodes.

    These add the demotion to advskew with an upper bound of 240 and no lower one. A negative sum
    is compared as it is and sent modulo 256, so it shows as more than 240 (FreeBSD PR 259528).
    """
    is_freebsd = DSCP_CS7 in node.tos or DSCP_CS7 in node.traffic_class
    return advskew - 256 if is_freebsd and 240 < advskew < 255 else None


def compared_skew(node: Node) -> int:
    """Return the advskew that a node compares with what it hears."""
    negative = negative_skew(node, node.advskew)
    return node.advskew if negative is None else negative


def yields(receiver: Node, sender: Node) -> bool:
    """Return whether a MASTER yields to another's advertisement, by what both advertise.

    The rules are those of the machines (`protocol.rules`).
    """
    if sender.demote > receiver.demote and receiver.adverts < 3:
        return False  # an OpenBSD would not yield, and so far the receiver may be one
    contest = rules.Comparison(
        (receiver.advbase, rules.microseconds(compared_skew(receiver))),
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


def may_yield(receiver: Node, sender: Node) -> bool:
    """Return whether a MASTER yields to another's advertisement and does not refuse it."""
    return yields(receiver, sender) and not _refuses(receiver, sender)


def _refuses(receiver: Node, sender: Node) -> bool:
    mine, theirs = receiver.authentication.recipe, sender.authentication.recipe
    return mine is not None and theirs is not None and not traits.accepts(receiver, mine, theirs)


def _ipv4(node: Node) -> bytes:
    return next((a for a in node.addresses if len(a) == 4), b"\xff" * 4)


def missed(claimant: Node, master: Node, at: Nanos) -> list[Nanos]:
    """Return when the master advertised what a claimant worse than it should have heard."""
    if not yields(claimant, master):
        return []
    since = at - traits.takeover(claimant).earliest + timers.HOST_LATE
    until = at - traits.reaction(claimant)
    return [sent for sent, _ in master.sent if since <= sent <= until]


def crossed(node: Node, masters: Iterable[Node], at: Nanos) -> bool:
    """Return whether a claim crossed a better advertisement on the wire.

    The claimant then yields to that one, and nothing on the wire shows it.
    """
    window = timers.CROSSING + (traits.reaction(node) if is_ucarp(node) else 0)
    return any(
        other is not node and may_yield(node, other) and at - other.last <= window
        for other in masters
    )


def provoked(node: Node, rivals: Iterable[Node], at: Nanos) -> bool:
    """Return whether a claim preempts a worse master that advertised just before it.

    A backup compares itself with each advertisement that it receives, not with the best master.
    """
    window = timers.CROSSING + traits.reaction(node)
    known = [r for r in rivals if r.adverts > 1 or r.authentication.has_verified]
    return any(not yields(node, rival) and at - rival.last <= window for rival in known)


def not_yet_heard(node: Node, masters: Iterable[Node], at: Nanos) -> Nanos | None:
    """Return when a better advertisement came that a ucarp may be handed only after `at`.

    libpcap on Linux hands packets over up to 1 s late; None where there is no such advertisement.
    """
    if not is_ucarp(node):
        return None
    times = [
        sent
        for other in masters
        if other is not node and may_yield(node, other)
        for sent, _ in other.sent
        if at - sent <= traits.reaction(node)
    ]
    return min(times, default=None)


def went_on(contest: Contest, masters: Iterable[Node], node: Node, at: Nanos, frame: int) -> None:
    """Note the better advertisements of other masters that a node ignored by advertising again."""
    contest.end = max(contest.end, at)
    reaction = traits.reaction(node)
    since, until = max(node.last - reaction, node.restarted), at - reaction
    for other in masters:
        if other is node or not yields(node, other):
            continue
        unheeded = [
            sent
            for sent, _ in other.sent
            if since < sent <= until and sent > contest.start - reaction
        ]
        if unheeded:
            contest.ignore(node, other, frame, unheeded[0])


def let_hear(masters: Iterable[Node], node: Node, at: Nanos) -> None:
    """Note for each other master that has to yield to this node that it could hear it at `at`."""
    for other in masters:
        if other is not node and other.heard_better is None and may_yield(other, node):
            other.heard_better = at
