"""Which node receives which: for every ordered pair of a group the relation over time, and why.

`accepts`: an advertisement arrives and verifies. `rejects`: it arrives and fails a check.
`deaf`: it does not arrive. `unknown`: nothing captured decides.

Different signing comes from `timeline.signing` and broken links from `timeline.links`, as in
findings. Besides, some frames show that an advertisement was accepted: a counter that continues it,
a MASTER that yields to it, a backup that preempts its sender or claims its master-down time after
it. A counter that ignores another's advertisement only shows that it was not accepted, not why.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from carpscope.core.units import Nanos, clock
from carpscope.core.values import dataclass
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.contest import yields
from carpscope.timeline.group import Group
from carpscope.timeline.links import BrokenLink, LinkTrouble, broken_links
from carpscope.timeline.node import Node
from carpscope.timeline.signing import MEMBERS, Difference, Disagreement, disagreements
from carpscope.wire.carp import interval_ns

PERIODS_KEPT = 64
"""Per pair, the latest: a link that comes and goes."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What one node makes of another's advertisements in one stretch of time."""

    sender: Node
    receiver: Node
    relation: str
    because: str
    confidence: float = 0.5
    since: Nanos | None = None
    """When it was first shown; None where it holds from the beginning."""
    until: Nanos | None = None
    """When it ended; None where it lasts to the end of the capture."""


class Sign(NamedTuple):
    """A moment at which a frame shows that an advertisement was accepted."""

    at: Nanos
    because: str
    confidence: float


class FindingStretch(NamedTuple):
    """A stretch of time in which a finding says what is wrong."""

    start: Nanos
    end: Nanos | None
    relation: str
    because: str
    confidence: float


def relations(group: Group) -> list[Relation]:
    """Return the relations of every ordered pair, each pair's in order of time."""
    members = group.known[:MEMBERS]
    found = disagreements(group)
    links = broken_links(group)
    sent = _Sent(group)
    return [
        one
        for sender in members
        for receiver in members
        if sender is not receiver
        for one in _of_pair(sent, sender, receiver, found, links)
    ]


def at_the_end(group: Group) -> list[Relation]:
    """Return the last relation of every ordered pair."""
    return list({(one.sender.id, one.receiver.id): one for one in relations(group)}.values())


class _Sent:
    """When each node of a group advertised, in the group's history."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self._times: dict[int, list[Nanos]] = {}
        for one in sorted(group.history, key=lambda one: one.at):
            self._times.setdefault(id(one.node), []).append(one.at)

    def last_before(self, node: Node, at: Nanos) -> Nanos | None:
        """Return a node's last advertisement until a time, None before the history."""
        times = self._times.get(id(node), [])
        place = bisect_right(times, at)
        return times[place - 1] if place else None


def _of_pair(
    sent: _Sent,
    sender: Node,
    receiver: Node,
    found: Iterable[Disagreement],
    links: Iterable[BrokenLink],
) -> list[Relation]:
    group = sent.group
    pair = {sender.id, receiver.id}
    spells = [
        *_refusals(sender, receiver, [d for d in found if {d.one.id, d.other.id} == pair]),
        *_cuts(sender, receiver, [b for b in links if {b.sender.id, b.receiver.id} == pair]),
        *_dropped(sender),
        *_proved(group, sender, receiver),
    ]
    spells = _one_after_the_other(sorted(spells, key=lambda spell: spell.start))
    signs = sorted(_signs(sent, sender, receiver))
    signs = [s for s in signs if not any(_within(s.at, spell) for spell in spells)]
    return [
        Relation(sender, receiver, p.relation, p.because, p.confidence, since, p.end)
        for since, p in _periods(group, sender, receiver, spells, signs)
    ][-PERIODS_KEPT:]


def _proved(group: Group, sender: Node, receiver: Node) -> Iterator[FindingStretch]:
    """Yield the stretches in which the receiver's own capture lacks the sender's frames."""
    for one in group.unheard:
        if one.sender is sender and one.receiver is receiver:
            because = (
                f"its own capture holds none of {one.count} advertisements that are in another, "
                f"from {clock(one.start, digits=3)} UTC on"
            )
            yield FindingStretch(one.start, one.end, "deaf", because, 0.99)


def _within(at: Nanos, spell: FindingStretch) -> bool:
    """Return whether a sign lies in a stretch; its end is excluded, where a yield may end it."""
    return spell.start <= at and (spell.end is None or at < spell.end)


def _one_after_the_other(spells: list[FindingStretch]) -> list[FindingStretch]:
    """Cut overlapping stretches: each ends where the next, surer one begins."""
    kept: list[FindingStretch] = []
    for spell in spells:
        if kept and (kept[-1].end is None or kept[-1].end >= spell.start):
            if kept[-1].confidence >= spell.confidence:
                continue
            if spell.start - kept[-1].start <= timers.CAPTURE:
                kept.pop()  # the same stretch, with its times from another capture's clock
            else:
                kept[-1] = kept[-1]._replace(end=spell.start)
        kept.append(spell)
    return kept


def _periods(
    group: Group, sender: Node, receiver: Node, spells: list[FindingStretch], signs: list[Sign]
) -> Iterator[tuple[Nanos | None, FindingStretch]]:
    """Yield (since, stretch) of the whole time: the given stretches, and those between them."""
    edges = [None, *(spell.end for spell in spells)]
    for place, begin in enumerate(edges):
        after = spells[place] if place < len(spells) else None
        if place and begin is None:
            return
        until = after.start if after is not None else None
        inside = [
            s for s in signs if (begin is None or s.at >= begin) and (until is None or s.at < until)
        ]
        if inside or after is None or (until is not None and _speaks_before(sender, until)):
            yield from _between(group, sender, receiver, begin, until, inside)
        if after is not None:
            yield after.start, after


def _between(
    group: Group,
    sender: Node,
    receiver: Node,
    begin: Nanos | None,
    until: Nanos | None,
    signs: list[Sign],
) -> Iterator[tuple[Nanos | None, FindingStretch]]:
    """Yield (since, stretch) of a time without a finding: `accepts`, or `unknown`."""
    ignored = _ignored(group, sender, receiver, begin, until)
    if not signs:
        yield begin, _undecided(sender, receiver, ignored, begin, until)
        return
    best = max(signs, key=lambda sign: sign.confidence)
    more = sum(sign.because == best.because for sign in signs)
    when = f"{'since' if more > 1 else 'at'} {clock(best.at, digits=3)} UTC"
    because = f"{best.because}, {when}" + (f" ({more} times)" if more > 1 else "")
    first = signs[0].at
    later = [at for at in ignored if at > signs[-1].at]
    over = later[0] if later else until
    yield first, FindingStretch(first, over, "accepts", because, best.confidence)
    if later:
        yield over, _undecided(sender, receiver, later, over, until)


def _undecided(
    sender: Node,
    receiver: Node,
    ignored: list[Nanos],
    begin: Nanos | None,
    until: Nanos | None,
) -> FindingStretch:
    start = ignored[0] if ignored else begin or 0
    mine, theirs = receiver.authentication.recipe, sender.authentication.recipe
    if until is None and mine is not None and theirs is not None:
        if not traits.accepts(receiver, mine, theirs):
            because = "they sign differently, though they were not MASTER beside each other since"
            return FindingStretch(start, None, "rejects", because, 0.7)
        if mine.signed != theirs.signed:
            because = "OpenBSD takes what is signed with its own link-local address as well"
            return FindingStretch(start, None, "unknown", because, 0.5)
    if ignored:
        times = f"{len(ignored)} times" if len(ignored) > 1 else "once"
        because = (
            f"its counter ignores the other's, {times} from {clock(ignored[0], digits=3)} UTC on: "
            "refused, not received, or it had just started"
        )
        return FindingStretch(start, until, "unknown", because, 0.5)
    return FindingStretch(start, until, "unknown", "nothing seen decides it", 0.0)


def _ignored(
    group: Group, sender: Node, receiver: Node, begin: Nanos | None, until: Nanos | None
) -> list[Nanos]:
    pair = group.hearing.pair(receiver, sender)
    if pair is None:
        return []
    since = 0 if begin is None else bisect_right(pair.refused, begin)
    upto = len(pair.refused) if until is None else bisect_left(pair.refused, until)
    return pair.refused[since:upto]


def _speaks_before(node: Node, at: Nanos) -> bool:
    return node.first < at - interval_ns(node.advbase, node.advskew)


# What findings say


def _refusals(sender: Node, receiver: Node, found: list[Disagreement]) -> Iterator[FindingStretch]:
    """Yield when the receiver refuses the sender, because they sign differently."""
    for one in found:
        mine, theirs = (
            (one.recipe_one, one.recipe_other)
            if one.one is receiver
            else (one.recipe_other, one.recipe_one)
        )
        if mine is not None and theirs is not None and traits.accepts(receiver, mine, theirs):
            continue  # OpenBSD with a link-local address: one direction works
        if one.proof is not None and one.difference is Difference.PROVED:
            because = (
                f"they made different HMACs of one counter at {clock(one.proof.at, digits=3)} "
                "UTC, so they sign differently"
            )
        elif mine is None or theirs is None:
            because = "what was supplied explains one of them and not the other"
        else:
            because = "they sign differently"
        sure = 0.95 if mine is not None and theirs is not None else 0.85
        for start, end in one.spells[:-1]:
            yield FindingStretch(start, end, "rejects", because, sure)
        last = one.spells[-1][0]
        yield FindingStretch(last, _end(one, sender, receiver), "rejects", because, sure)


def _end(one: Disagreement, sender: Node, receiver: Node) -> Nanos | None:
    """Return when two nodes began to sign alike; None where they never did."""
    for node in (sender, receiver):
        later = [way.start for way in node.authentication.ways if way.start > one.end]
        if later:
            return one.end
    first, last = sorted((sender, receiver), key=lambda node: node.last)
    # an end before the last advertisement of both is one that equal counters prove
    return None if one.end >= first.last or one.proof is None else min(one.end, last.last)


def _cuts(sender: Node, receiver: Node, links: list[BrokenLink]) -> Iterator[FindingStretch]:
    """Yield when the receiver does not receive the sender, by `timeline.links`."""
    for link in links:
        forward = link.sender is sender
        last = max(sender.last, receiver.last)
        for start, end in link.spells:
            until = (
                None
                if end >= last - interval_ns(sender.advbase, sender.advskew) and end == link.end
                else end
            )
            if link.trouble is LinkTrouble.REFUSED_OR_LOST or not link.is_known_alike:
                text = "it went on or claimed although it had to yield: refused or not received"
                if forward:
                    yield FindingStretch(start, until, "unknown", text, 0.5)
            elif forward:
                text = "both sign alike, yet it went on or claimed although it had to yield"
                yield FindingStretch(start, until, "deaf", text, 0.9)
            elif link.trouble is LinkTrouble.BOTH_WAYS:
                text = "both sign alike, yet its counter does not continue the other's"
                yield FindingStretch(start, until, "deaf", text, 0.9)
            elif link.trouble is LinkTrouble.UNDECIDED:
                text = "it need not react to the other, and its counter does not tell"
                yield FindingStretch(start, until, "unknown", text, 0.5)


def _dropped(sender: Node) -> Iterator[FindingStretch]:
    """Yield when every receiver drops a node's packets, for TTL, checksum or destination."""
    if len(sender.refused_at) > 1:
        text = "receivers have to drop what it sends: TTL, checksum, version or destination"
        last = sender.refused_at[-1]
        until = None if last >= sender.last else last
        yield FindingStretch(sender.refused_at[0], until, "rejects", text, 0.7)


# What shows that an advertisement was taken in


def _signs(sent: _Sent, sender: Node, receiver: Node) -> Iterator[Sign]:
    pair = sent.group.hearing.pair(receiver, sender)
    for at in pair.accepted if pair is not None else ():
        yield Sign(at, "its counter continues the other's: it verified that advertisement", 0.99)
    for period in receiver.master_periods:
        if period.ended_by == "yielded" and period.end is not None:
            spoke = sent.last_before(sender, period.end)
            if spoke is not None and period.end - spoke <= traits.reaction(receiver):
                text = "it stopped being MASTER when the other advertised"
                yield Sign(period.end, text, 0.8)
        yield from _claims(sent, sender, receiver, period.start)


def _claims(sent: _Sent, sender: Node, receiver: Node, at: Nanos) -> Iterator[Sign]:
    """Yield a sign where a claim preempts the sender or ends the wait after its last frame."""
    spoke = sent.last_before(sender, at - 1)
    if spoke is None or receiver.first == at:
        return  # who has just started may claim for another reason
    others = [n for n in sent.group.members if n is not sender and n is not receiver]
    if any((sent.last_before(n, at - 1) or 0) > spoke for n in others):
        return  # another one may be whom it heard
    if at - spoke <= traits.reaction(receiver) and not yields(receiver, sender):
        yield Sign(spoke, "it took over when the worse one advertised", 0.8)
        return
    wait = traits.takeover(receiver)
    if wait.earliest <= at - spoke <= wait.latest and sender.adverts > 1:
        text = "it took over when its own wait after the other's last advertisement was over"
        yield Sign(spoke, text, 0.7)
