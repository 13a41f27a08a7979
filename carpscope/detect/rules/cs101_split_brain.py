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
from itertools import combinations

from carpscope.config import Config, Setting
from carpscope.core.units import Nanos, seconds_text, span_text
from carpscope.core.values import dataclass, field, replace
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.negative import explained
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import named, priority, since
from carpscope.timeline import traits
from carpscope.timeline.contest import election_ns
from carpscope.timeline.facts import Claimed, Fact, Forgotten, Joined, Left, Sighted
from carpscope.timeline.group import Group
from carpscope.timeline.mastership import held, several
from carpscope.timeline.mastership import overlap as together
from carpscope.timeline.node import MasterPeriod, Node
from carpscope.timeline.same_cluster import unrelated

SITUATIONS_KEPT = 500
PERIODS_KEPT = 64
"""Times as MASTER of one overlap; of very many the first."""


@dataclass(slots=True)
class Overlap:
    """A stretch of time with several masters in one group."""

    group: Group
    periods: list[tuple[Node, MasterPeriod]]
    """Who was MASTER in it, each time."""
    evidence: Evidence = field(default_factory=Evidence)
    ongoing: bool = False

    def take(self, nodes: Iterable[Node]) -> None:
        """Let nodes that are MASTER take part."""
        known = {id(period) for _, period in self.periods}
        for node in nodes:
            period = node.master_period
            if period is not None and id(period) not in known and len(self.periods) < PERIODS_KEPT:
                self.periods.append((node, period))


@dataclass(slots=True)
class Split:
    """The part of overlaps that no election explains: these nodes, at these times."""

    group: Group
    nodes: dict[str, Node]
    stretches: list[tuple[Nanos, Nanos]]
    periods: list[tuple[Node, MasterPeriod]]
    evidence: Evidence
    ongoing: bool

    @property
    def start(self) -> Nanos:
        """Return when two were MASTER at once first."""
        return self.stretches[0][0]

    @property
    def end(self) -> Nanos:
        """Return when they were last."""
        return self.stretches[-1][1]

    @property
    def total(self) -> Nanos:
        """Return for how long they were, in all."""
        return sum(end - start for start, end in self.stretches)


class SplitBrain:
    """Follows who is MASTER in every group."""

    def __init__(self, context: Context) -> None:
        """Keep what is expected."""
        self._config = context.config
        self._current: dict[str, Overlap] = {}
        self._over: list[Overlap] = []

    def see(self, fact: Fact) -> None:
        """Take claims, departures and the advertisements between them."""
        if isinstance(fact, Claimed):
            if not fact.group.is_crowded:
                self._follow(fact.group)
        elif isinstance(fact, Left):
            self._left(fact)
        elif isinstance(fact, Sighted):
            if fact.group.is_crowded and fact.node.is_steady:
                self._follow(fact.group)
            overlap = self._current.get(fact.group.id)
            if overlap is not None and any(node is fact.node for node, _ in overlap.periods):
                overlap.evidence.add(fact.frame)
        elif isinstance(fact, Joined):
            self._renamed(fact)
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._current.pop(fact.group.id, None)

    def _follow(self, group: Group) -> None:
        """Let masters join; where strangers crowd in, once they are known to be some."""
        masters = _masters(group)
        if len(masters) > 1:
            self._current.setdefault(group.id, Overlap(group, [])).take(masters)

    def _left(self, fact: Left) -> None:
        overlap = self._current.get(fact.group.id)
        if overlap is None or len(_masters(fact.group)) > 1:
            return
        del self._current[fact.group.id]
        overlap.ongoing = fact.master_period.ended_by == "capture"
        if _split(overlap) is not None:
            self._over = [*self._over, overlap][-SITUATIONS_KEPT:]

    def _renamed(self, fact: Joined) -> None:
        """Let one node take another's place; of a node with itself there is no overlap."""
        current = self._current.pop(fact.group.id, None)
        for overlap in (*self._over, *([current] if current is not None else [])):
            if overlap.group is fact.group:
                overlap.periods = [
                    (fact.into if node is fact.node else node, period)
                    for node, period in overlap.periods
                ]
        self._over = [overlap for overlap in self._over if _split(overlap) is not None]
        if current is not None and len(fact.group.masters) > 1:
            current.take(fact.group.masters)
            self._current[fact.group.id] = current

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give what is over and what goes on; the same nodes again soon is one situation."""
        del at
        going = [replace(one, ongoing=True) for one in self._current.values()]
        begun = {one.group.id: one for one in going if _split(one) is None}
        joined: dict[str, list[Split]] = {}
        for split in filter(None, map(_split, (*self._over, *going))):
            before = joined.setdefault(split.group.id, [])
            if before and _same(before[-1], split):
                before[-1] = _join(before[-1], split)
            else:
                before.append(split)
        for name, splits in joined.items():
            for split in splits:
                yield _finding(split, _rests(split, begun.get(name)), self._config)


def _masters(group: Group) -> list[Node]:
    """Return who is MASTER; where strangers crowd in, who advertised more than once."""
    return [n for n in group.masters if n.is_steady] if group.is_crowded else group.masters


def _split(overlap: Overlap) -> Split | None:
    """Return what an election does not explain of an overlap, judged by each pair."""
    crowded = overlap.group.is_crowded
    known = [(n, r) for n, r in overlap.periods if n.is_steady or not crowded]
    real = {
        id(node): node
        for (one, a), (other, b) in combinations(known, 2)
        if one is not other
        and together(a, b) > election_ns((one, other))
        and not unrelated(one, other)
        for node in (one, other)
    }
    periods = [(node, period) for node, period in known if id(node) in real]
    stretches = several(period for _, period in periods)
    if not stretches:
        return None
    nodes = {node.id: node for node, _ in periods}
    return Split(overlap.group, nodes, stretches, periods, overlap.evidence, overlap.ongoing)


def _same(before: Split, split: Split) -> bool:
    """Tell whether the same nodes are MASTER at once again before anybody would call it over."""
    return before.nodes.keys() == split.nodes.keys() and split.start <= _rests(before)


def _rests(split: Split, begun: Overlap | None = None) -> Nanos:
    """Return until when the same again is part of it, or shows where it has `begun`.

    Who hears nothing claims again after a backup's wait, and may have heard one advertisement in
    between. And they were MASTER at once for most of the time until then: else each stretch is a
    situation of its own.
    """
    pause = 2 * max(traits.takeover(node).latest for node in split.nodes.values())
    rests = min(split.end + pause, split.start + 2 * split.total)
    if begun is None:
        return rests
    nodes = [node for node, _ in begun.periods]
    start = sorted(period.start for _, period in begun.periods)[:2][-1]
    beat = max(traits.interval(node).latest for node in nodes)
    return start + election_ns(nodes) + 2 * beat if start <= rests else rests


def _join(before: Split, split: Split) -> Split:
    evidence = Evidence()
    for frame in (*before.evidence.frames, *split.evidence.frames):
        evidence.add(frame)
    evidence.count = before.evidence.count + split.evidence.count
    return Split(
        before.group,
        before.nodes,
        [*before.stretches, *split.stretches],
        [*before.periods, *split.periods],
        evidence,
        split.ongoing,
    )


def _periods(node: Node, split: Split) -> list[MasterPeriod]:
    return list({id(period): period for one, period in split.periods if one is node}.values())


def _held(node: Node, split: Split) -> str:
    """Say what a node advertises, how often it was MASTER meanwhile and for how long in all."""
    times, total = held(_periods(node, split), split.start, split.end)
    often = "" if times == 1 else f" {times} times,"
    return f"{node.id} ({priority(node)}) was MASTER{often} for {span_text(total)}"


def _finding(split: Split, rests: Nanos, config: Config) -> Finding:
    nodes = list(split.nodes.values())
    best = min(nodes, key=lambda n: (n.advbase, n.advskew))
    together = "both" if len(nodes) == 2 else "all"
    word = f"have {together} been" if split.ongoing else f"were {together}"
    times = len(split.stretches)
    often = f" in {times} stretches," if times > 1 else ""
    shares = [held(_periods(node, split), split.start, split.end).total for node in nodes]
    at_once = "" if min(shares) >= split.total else ", two or more of them at once"
    negative = explained(nodes, split.start, split.end)
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.99,
        group=split.group.id,
        nodes=tuple(split.nodes),
        start=split.start,
        end=split.end,
        frames=split.evidence.frames,
        frame_count=split.evidence.count,
        summary=(
            f"{named(node.id for node in nodes)} {word} MASTER{at_once} for "
            f"{span_text(split.total)}"
        ),
        explanation=(
            f"More than one advertised,{often} {since(split.start, split.end)}: "
            f"{named(_held(node, split) for node in nodes)}. "
            f"An election explains at most {seconds_text(election_ns(nodes), digits=2)}. "
            + (
                negative[0]
                if negative
                else f"If they heard and authenticated each other, {best.id} would stay MASTER and "
                "the rest would step down at its next advertisement."
            )
        ),
        remedy=(
            negative[1]
            if negative
            else "Remove the cause; then one of them steps down by itself within one interval."
        )
        + _declared(split, config),
        ongoing=split.ongoing,
        rests=rests,
    )


def _declared(split: Split, config: Config) -> str:
    """Name the lines of files that keep a node from accepting advertisements."""
    expected = config.expects(split.group.vlan, split.group.vhid)
    if expected is None:
        return ""
    lines = {n.id: expected.lines_of(Setting.DEAFENS, n.addresses) for n in split.nodes.values()}
    told = [
        f" {where} keeps {name} from accepting advertisements."
        for name, where in lines.items()
        if where
    ]
    return "".join(told)


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
    plain="{who} each acted as the host in charge of {address}",
)
