"""Which node does not receive which, where different signing does not explain it.

There are two kinds of evidence. Behaviour: a master that goes on after a better advertisement, a
backup that claims beside a better master (`timeline.contest`). Counters: a node whose counter
continues another's has accepted it (`timeline.hearing`). Only the worse of two nodes has to react
to the other, so whether the better one receives the worse shows in its counter alone.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from enum import Enum

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import spans, timers
from carpscope.timeline import traits
from carpscope.timeline.contest import Contest, election_ns
from carpscope.timeline.equal_counters import proof
from carpscope.timeline.group import Group
from carpscope.timeline.node import MasterPeriod, Node
from carpscope.timeline.same_cluster import unrelated
from carpscope.timeline.signing import Difference, relation
from carpscope.wire.carp import interval_ns


class LinkTrouble(Enum):
    """What is wrong between two nodes."""

    ONE_WAY = "one way"
    BOTH_WAYS = "both ways"
    UNDECIDED = "undecided"
    """One direction fails; no advertisement shows whether the other does."""
    REFUSED_OR_LOST = "refused or lost"
    """No passphrase is known: either they sign differently or packets are lost."""


@dataclass(slots=True)
class BrokenLink:
    """One pair and stretch of time in which advertisements were not accepted."""

    group: Group
    sender: Node
    """The better of the two, whose advertisements are not accepted."""
    receiver: Node
    trouble: LinkTrouble
    start: Nanos
    end: Nanos
    frames: list[int]
    count: int
    missed: int
    """How often the receiver went on although the sender advertised."""
    answered: int
    """How often the sender's counter followed the receiver's."""
    ignored: int
    """How often the sender's counter did not follow the receiver's although it could have."""
    contests: int = 1
    spells: list[tuple[Nanos, Nanos]] = field(default_factory=list)
    """(start, end) in each of the contests."""
    ever: bool = False
    """Whether either accepted the other at any other time."""
    is_alike: bool = False
    """Whether it is proved that both sign alike meanwhile: by secrets, or by one counter with one
    HMAC of both."""
    alike_before: Nanos | None = None
    """When one accepted the other for the last time before, None where no counter shows it."""
    alike_after: Nanos | None = None
    """When one accepted the other for the first time after, None where no counter shows it."""
    is_open: bool = False
    """Whether it goes on."""
    is_lasting: bool = False
    """Whether both were MASTER for longer than an election explains; a shorter time may be that
    of a node that has just started, or a claim that crossed the other's advertisement."""

    @property
    def is_known_alike(self) -> bool:
        """Return whether both are known to sign alike meanwhile, so that packets are lost.

        Who counts on from the other meanwhile verified what that one signed.
        """
        return self.is_alike or self.trouble is LinkTrouble.ONE_WAY

    @property
    def settles(self) -> Nanos:
        """Return until when further advertisements may still decide which trouble it is.

        While the contest lasts, an answer may come at any time; after its end, the next counters
        show it. Where the sender's counter never moves, waiting decides nothing.
        """
        nodes = (self.sender, self.receiver)
        habits = [habit for node in nodes for habit in node.counters.values()]
        moves = any(habit.random or habit.sequential for habit in habits)
        if self.trouble not in (LinkTrouble.UNDECIDED, LinkTrouble.REFUSED_OR_LOST) or not moves:
            return 0
        if self.is_open:
            return self.start + timers.FORWARDING
        beats = [interval_ns(node.advbase, node.advskew) for node in nodes]
        answer = beats[0] + sum(beats) + traits.reaction(self.sender)
        longest = max(end - start for start, end in self.spells)
        return self.end + (timers.AFTERMATH if longest > answer else timers.NEVER)

    @property
    def rests(self) -> Nanos:
        """Return until when the next contest of the same link may begin and last.

        The backup waits its master-down time, claims, and both are MASTER for longer than an
        election.
        """
        beat = interval_ns(self.receiver.advbase, self.receiver.advskew)
        shows = traits.takeover(self.receiver).latest + beat
        return self.end + spans.QUIET + shows + election_ns((self.sender, self.receiver))

    @property
    def stretches(self) -> int:
        """Return how many stretches of time it is made of."""
        return 1 + sum(b[0] > a[1] for a, b in itertools.pairwise(sorted(self.spells)))


def broken_links(group: Group) -> list[BrokenLink]:
    """Return every broken link of a group, one for contests of the same kind.

    The result is cached in the group until its `revision` changes: a live run asks repeatedly.
    """
    announced = [len(node.announced) for node in group.nodes.values()]
    state = group.revision, announced
    if group.links is None or group.links[0] != state:
        group.links = state, find_links(group)
    return group.links[1]


def find_links(group: Group) -> list[BrokenLink]:
    """Return the same as `broken_links`, computed."""
    found: list[BrokenLink] = []
    by_pair: dict[frozenset[str], list[BrokenLink]] = {}
    for contest in group.contests:
        for link in _of(group, contest):
            earlier = by_pair.setdefault(frozenset((link.sender.id, link.receiver.id)), [])
            same = next((f for f in reversed(earlier) if _same(f, link)), None)
            if same is None:
                found.append(link)
                earlier.append(link)
            else:
                _join(same, link)
    for link in found:
        link.trouble = _decide(link)
    return [link for link in found if link.is_lasting]


def _of(group: Group, contest: Contest) -> list[BrokenLink]:
    links = []
    ended = _end(group, contest)
    for (receiver_id, sender_id), frames in contest.ignored.items():
        receiver, sender = contest.nodes.get(receiver_id), contest.nodes.get(sender_id)
        if receiver is None or sender is None:
            continue
        if group.is_crowded and not (receiver.is_steady and sender.is_steady):
            continue  # claims of invented senders are no evidence about a link
        if unrelated(sender, receiver):
            continue  # two clusters on one vhid
        start = contest.start - traits.takeover(receiver).latest
        # a ucarp repeats its advertisement when it yields, up to a second after it heard the other
        healed = ended + traits.reaction(receiver)
        difference = relation(sender, receiver, contest.start, healed)
        if difference not in (Difference.NONE, Difference.UNKNOWN):
            continue  # they refuse each other: the detectors of signing say why
        if _refused(sender, start, ended) or _refused(receiver, start, ended):
            continue  # dropped for its TTL or checksum: those detectors say why
        shared = proof(sender, receiver, contest.start, healed)
        is_alike = difference is Difference.NONE or (shared is not None and shared.alike)
        spells = _spells(contest.since[receiver_id, sender_id], ended)
        goes_on = contest.open and receiver.is_master and spells[-1][1] == ended
        answers = group.hearing.pair(sender, receiver)
        # an advertisement accepted at the very end is the one that ended the contest
        until = ended - interval_ns(sender.advbase, sender.advskew) - traits.reaction(sender)
        answered = answers.acceptances(contest.start, until) if answers else 0
        ignored = answers.refusals(contest.start, ended) if answers else 0
        links.append(
            BrokenLink(
                group,
                sender,
                receiver,
                LinkTrouble.ONE_WAY if is_alike else LinkTrouble.REFUSED_OR_LOST,
                spells[0][0],
                spells[-1][1],
                list(frames),
                contest.ignored_count[receiver_id, sender_id],
                contest.ignored_count[receiver_id, sender_id],
                answered,
                ignored,
                ever=_ever(group, sender, receiver),
                is_alike=is_alike,
                alike_before=_accepted(group, sender, receiver, spells[0][0])[0],
                alike_after=_accepted(group, sender, receiver, spells[-1][1])[1],
                is_open=goes_on,
                spells=spells,
                is_lasting=_overlap(sender, receiver, contest) > election_ns((sender, receiver)),
            )
        )
    return _one_a_pair(links)


def _spells(
    since: Iterable[tuple[MasterPeriod | None, Nanos]], ended: Nanos
) -> list[tuple[Nanos, Nanos]]:
    """Return (start, end) of each time in which the receiver ignored the sender.

    A time ends when the receiver yields, else with the contest.
    """
    found = []
    for period, sent in since:
        left = period is not None and period.ended_by not in ("", "capture")
        end = min(period.until, ended) if period is not None and left else ended
        found.append((sent, max(sent, end)))
    return found


def _end(group: Group, contest: Contest) -> Nanos:
    """Return the end of a contest; while it lasts, the last time at which two went on."""
    if not contest.open:
        return contest.end
    seen = sorted(
        node.master_period.seen for node in group.masters if node.master_period is not None
    )
    return min([contest.end, *seen[-2:-1]])


def _overlap(one: Node, other: Node, contest: Contest) -> Nanos:
    """Return the longest time for which two nodes were MASTER at once in a contest."""
    return max(
        (
            min(_until(a, contest), _until(b, contest)) - max(a.start, b.start, contest.start)
            for a in _within(one, contest)
            for b in _within(other, contest)
        ),
        default=0,
    )


def _within(node: Node, contest: Contest) -> list[MasterPeriod]:
    """Return the MASTER periods that share some time with a contest; they are in order of time."""
    found = []
    periods = node.master_periods
    for place in reversed(range(bisect_right(periods, contest.end, key=_start))):
        period = periods[place]
        if period.end is not None and period.end < contest.start:
            break
        found.append(period)
    return found


def _start(period: MasterPeriod) -> Nanos:
    return period.start


def _until(period: MasterPeriod, contest: Contest) -> Nanos:
    return min(period.insisted, contest.end)


def _one_a_pair(links: list[BrokenLink]) -> list[BrokenLink]:
    """Join the two directions of a pair of equal nodes into one link that fails both ways."""
    kept: dict[frozenset[str], BrokenLink] = {}
    for link in links:
        pair = frozenset((link.sender.id, link.receiver.id))
        before = kept.get(pair)
        if before is None:
            kept[pair] = link
        else:
            better = (link.sender.advbase, link.sender.advskew) < (
                before.sender.advbase,
                before.sender.advskew,
            )
            base, extra = (link, before) if better else (before, link)
            base.ignored += extra.missed
            base.start = min(base.start, extra.start)
            base.is_lasting = base.is_lasting or extra.is_lasting
            kept[pair] = base
    return list(kept.values())


def _refused(node: Node, start: Nanos, end: Nanos) -> bool:
    return any(start <= at <= end for at in node.refused_at)


def _ever(group: Group, one: Node, other: Node) -> bool:
    pairs = (group.hearing.pair(one, other), group.hearing.pair(other, one))
    return any(pair is not None and pair.ever for pair in pairs)


def _accepted(group: Group, one: Node, other: Node, at: Nanos) -> tuple[Nanos | None, Nanos | None]:
    """Return when either accepted the other last before a time, and first after it."""
    pairs = (group.hearing.pair(one, other), group.hearing.pair(other, one))
    found = [(pair.accepted, bisect_right(pair.accepted, at)) for pair in pairs if pair is not None]
    before = [times[place - 1] for times, place in found if place]
    after = [times[place] for times, place in found if place < len(times)]
    return max(before, default=None), min(after, default=None)


def _same(before: BrokenLink, link: BrokenLink) -> bool:
    # an undecided trouble may be another than the one before it
    return link.trouble is before.trouble and link.start - before.end <= spans.QUIET


def _join(before: BrokenLink, link: BrokenLink) -> None:
    before.end = max(before.end, link.end)
    before.frames = [*before.frames[:12], *link.frames][:24]
    before.count += link.count
    before.missed += link.missed
    before.answered += link.answered
    before.ignored += link.ignored
    before.contests += 1
    before.spells += link.spells
    before.ever = before.ever or link.ever
    before.is_alike = before.is_alike and link.is_alike
    before.alike_after = link.alike_after
    before.is_open = link.is_open
    before.is_lasting = before.is_lasting or link.is_lasting


def returned(link: BrokenLink) -> Node | None:
    """Return the node that was silent before this contest and began it by coming back, or None.

    A node that was started again may have been given another passphrase or address.
    """
    for node in (link.sender, link.receiver):
        for before, period in itertools.pairwise(node.master_periods):
            if before.ended_by == "silent" and link.start <= period.start <= link.end:
                return node
    return None


def _decide(link: BrokenLink) -> LinkTrouble:
    if link.trouble is LinkTrouble.REFUSED_OR_LOST and not (link.ever and returned(link) is None):
        return LinkTrouble.REFUSED_OR_LOST
    if link.answered > link.ignored:
        return LinkTrouble.ONE_WAY
    if link.ignored:
        return LinkTrouble.BOTH_WAYS
    return LinkTrouble.UNDECIDED
