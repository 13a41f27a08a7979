"""A state machine for each node, fed what it should have received: expected against observed.

A node's machine (`protocol.machine`) is fed the advertisements of the others under a
hypothesis: it hears all of them, some, or none. Where the machine and the frames agree,
the hypothesis explains them; where the machine would have advertised, stepped down or
stayed silent and the node did not, it is contradicted, and the machine is set to what was
captured. The hypothesis with the fewest contradictions is taken, separately for each stretch of
time: before, in and after each contest, since links may change there.

A capture does not show where in a tick a clock stands nor how loaded a host is, so times
agree within the lateness that the implementation permits itself.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import combinations, pairwise

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.protocol import node as machines
from carpscope.protocol import timers
from carpscope.protocol.events import Accepted, ReceivedAdvert, Send, State, TimerFired
from carpscope.protocol.machine import step
from carpscope.protocol.node import NEVER
from carpscope.protocol.profile import Profile, profile
from carpscope.protocol.tempo import NOMINAL
from carpscope.timeline import traits
from carpscope.timeline.group import Group, SentAdvert
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node
from carpscope.timeline.traits import is_ucarp
from carpscope.wire.carp import interval_ns

STEPS_LIMIT = 120_000
"""Advertisements fed to machines per run, about two seconds; groups beyond it are left out."""
BEATS_KEPT = 500
NEVER_YET: Nanos = -(1 << 62)
SILENT_WAKES = 16
"""The most timers that are run in a row without an advertisement. ucarp's poll() returns about once
in each advbase of its wait, so this covers usual dead ratios; a machine that sent nothing by then
never will (an IPv6 advertisement from a ucarp)."""


class ReplayVerdict(Enum):
    """How the machine explains an advertisement, or one that did not come."""

    PERIODIC = "on its own timer"
    TAKEOVER = "takes over: the master-down timer ended"
    REACTION = "reacts to what it heard"
    FIRST = "first seen"
    CHANGED = "advertises another priority"
    UNEXPECTED = "should have been silent"
    MISSING = "should have advertised"


CONTRADICTIONS = frozenset((ReplayVerdict.UNEXPECTED, ReplayVerdict.MISSING))


@dataclass(frozen=True, slots=True)
class Beat:
    """One advertisement: when it was expected, when it was captured, or one of the two."""

    verdict: ReplayVerdict
    expected: Nanos | None
    seen: Nanos | None
    frame: int | None


@dataclass(slots=True)
class Explanation:
    """The best hypothesis about a node in one stretch of time."""

    node: Node
    machine: str
    """The profile's name."""
    preempt: bool
    start: Nanos
    end: Nanos
    hears: tuple[str, ...]
    """The ids of the nodes whose advertisements it receives, by the best hypothesis."""
    agree: int
    contradict: int
    alternatives: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    """The other hypotheses and how often each is contradicted."""
    beats: list[Beat] = field(default_factory=list)

    @property
    def decides(self) -> bool:
        """Tell whether every other hypothesis is contradicted more often."""
        return all(count > self.contradict for _, count in self.alternatives)


def replay(groups: Iterable[Group]) -> dict[str, list[Explanation]]:
    """Return the explanations of nodes by group id, of groups with several, up to `STEPS_LIMIT`."""
    left = STEPS_LIMIT
    found: dict[str, list[Explanation]] = {}
    for group in groups:
        members = group.members
        if not 2 <= len(members) <= 6:
            continue
        cost = len(group.history) * len(members) * 2 ** min(len(members), 3)
        if cost > left:
            continue
        left -= cost
        found[group.id] = [one for node in members for one in explain_node(group, node)]
    return found


def explain_node(group: Group, node: Node) -> list[Explanation]:
    """Return the best hypothesis about a node for each stretch of time."""
    history = list(group.history)
    others = [other for other in group.members if other is not node]
    stretches = _stretches(group, history)
    best: list[Explanation] = []
    for name in _machines(node):
        for preempt in (True, False):
            runs = {
                hears: _Run(group, node, profile(name), preempt, hears).play(history)
                for hears in _hypotheses(others)
            }
            found = [_choose(node, name, preempt, runs, start, end) for start, end in stretches]
            found = [one for one in found if one.agree + one.contradict]
            if not best or _contradictions(found) < _contradictions(best):
                best = found
    return best


def _contradictions(found: Sequence[Explanation]) -> int:
    return sum(one.contradict for one in found)


def _machines(node: Node) -> list[str]:
    """Return the names of the profiles that a node may run, the likeliest first."""
    found = [one.name for one in traits.possible(identify(node))]
    if not found:
        return ["freebsd9", "openbsd"]
    # FreeBSDs of one range elect alike; OpenBSDs wait differently
    return found if found[0].startswith("openbsd") else found[:1]


def _hypotheses(others: Sequence[Node]) -> list[tuple[str, ...]]:
    """Return which senders it may hear: all first, then fewer; with many, all, one or none."""
    names = [other.id for other in others]
    if len(names) <= 3:
        return [h for size in range(len(names), -1, -1) for h in combinations(names, size)]
    return [tuple(names), *((name,) for name in names), ()]


def _stretches(group: Group, history: Sequence[SentAdvert]) -> list[tuple[Nanos, Nanos]]:
    """Return (start, end) of stretches; they meet at edges of contests, where links may change."""
    if not history:
        return []
    edges = [history[0].at]
    for contest in group.contests[-32:]:
        wait = max((traits.takeover(node).latest for node in contest.nodes.values()), default=0)
        for edge in (contest.start - wait, contest.end + timers.GUARD_OF_ELECTION):
            if edge > edges[-1] + timers.STALL:
                edges.append(edge)
    edges.append(history[-1].at + 1)
    return [(a, b) for a, b in pairwise(edges) if b > a]


def _choose(
    node: Node,
    name: str,
    preempt: bool,
    runs: dict[tuple[str, ...], "list[Beat]"],
    start: Nanos,
    end: Nanos,
) -> Explanation:
    """Return the hypothesis with the fewest contradictions; of equals, of most received nodes."""
    counted = []
    for hears, beats in runs.items():
        inside = beats[bisect_left(beats, start, key=_when) : bisect_left(beats, end, key=_when)]
        wrong = sum(1 for b in inside if b.verdict in CONTRADICTIONS)
        counted.append((wrong, hears, inside))
    wrong, hears, inside = min(counted, key=lambda c: c[0])
    return Explanation(
        node,
        name,
        preempt,
        start,
        end,
        hears,
        len(inside) - wrong,
        wrong,
        [(h, w) for w, h, _ in counted if h != hears],
        inside[-BEATS_KEPT:],
    )


def _when(beat: Beat) -> Nanos:
    at = beat.seen if beat.seen is not None else beat.expected
    assert at is not None
    return at


class _Run:
    """One machine over one history under one hypothesis."""

    def __init__(
        self, group: Group, node: Node, kind: Profile, preempt: bool, hears: tuple[str, ...]
    ) -> None:
        self._node = node
        self._vhid = group.vhid
        self._kind = kind
        self._preempt = preempt
        self._hears = frozenset(hears)
        self._beats: list[Beat] = []
        self._reaction = traits.reaction(node)
        self._shape = (node.advbase, node.advskew, node.demote)
        self._pair_at: Nanos = NEVER_YET
        self._due_now: Nanos = NEVER_YET
        self._grace: Nanos = NEVER_YET
        """Until then it may still speak although it has to yield: it acts late."""
        self._machine: machines.Node | None = None
        """None while nothing is known of it: not yet seen, or fallen silent against its rules."""
        self._placed: tuple[tuple[int, int, int], machines.Node] | None = None
        """The machine as MASTER, and of which advbase, advskew and demotion."""

    def play(self, history: Sequence[SentAdvert]) -> list[Beat]:
        """Feed all advertisements in order; return expected and captured ones."""
        mine = [sent for sent in history if sent.node is self._node]
        spoken = 0
        for sent in history:
            upcoming = mine[spoken].at if spoken < len(mine) else NEVER
            self._until(sent.at, upcoming)
            if sent.node is self._node:
                spoken += 1
                self._spoke(sent)
            elif sent.node.id in self._hears:
                self._heard(sent, upcoming)
        return sorted(self._beats, key=_when)

    def _tolerance(self) -> Nanos:
        """Return how much later than expected an advertisement may come."""
        late = timers.overdue(*self._shape[:2]) - interval_ns(*self._shape[:2])
        return late + self._kind.delivery_ns

    def _until(self, at: Nanos, upcoming: Nanos) -> None:
        """Run the machine's timers that end well before `at` and the node's next advertisement.

        A machine that sends then is contradicted, because no advertisement was captured, and
        dropped; so is one whose timers end `SILENT_WAKES` times without sending. So the work does
        not grow with the length of a silence.
        """
        for _ in range(SILENT_WAKES):
            if self._machine is None:
                return
            timer = self._machine.next_timer()
            if timer is None:
                return
            when, vhid, which = timer
            if when + self._tolerance() >= min(at, upcoming):
                return
            machine, effects = step(self._machine, TimerFired(when, 0, vhid, which))
            if not any(isinstance(effect, Send) for effect in effects):
                self._machine = machine  # ucarp's poll() came back with nothing to do
                continue
            self._beats.append(Beat(ReplayVerdict.MISSING, when, None, None))
            self._machine = None
        self._machine = None

    def _spoke(self, sent: SentAdvert) -> None:
        """Compare an advertisement of the node with what the machine was about to do."""
        if sent.at - self._pair_at < timers.PAIR:
            return  # the other family's half of one advertisement
        self._pair_at = sent.at
        shape = (sent.advbase, sent.advskew, sent.demote)
        if sent.at <= self._grace:
            # ucarp: a periodic one before it looked at the packet, and one as it yields
            self._beats.append(Beat(ReplayVerdict.REACTION, None, sent.at, sent.frame))
            return
        verdict, expected = self._judge(sent.at)
        if shape != self._shape:
            verdict = ReplayVerdict.CHANGED if verdict is ReplayVerdict.UNEXPECTED else verdict
            self._shape = shape
        self._beats.append(Beat(verdict, expected, sent.at, sent.frame))
        self._machine = self._as_master(sent.at)

    def _judge(self, at: Nanos) -> tuple[ReplayVerdict, Nanos | None]:
        if self._machine is None:
            return ReplayVerdict.FIRST, None
        if at == self._due_now:
            return ReplayVerdict.REACTION, at
        state = self._machine.state(self._vhid)
        due = self._due(state)
        if due is None:
            return ReplayVerdict.UNEXPECTED, None
        early = 2 * timers.HOST_LATE
        if due - early <= at:
            kind = ReplayVerdict.PERIODIC if state is State.MASTER else ReplayVerdict.TAKEOVER
            return kind, due
        return ReplayVerdict.UNEXPECTED, due

    def _due(self, state: State) -> Nanos | None:
        """Return when the machine would advertise next by its own timers, None if never."""
        assert self._machine is not None
        vhid = self._machine.vhid(self._vhid)
        assert vhid is not None
        when = vhid.ad if state is State.MASTER else min(vhid.md, vhid.md6)
        return None if when == NEVER else when

    def _heard(self, sent: SentAdvert, upcoming: Nanos) -> None:
        """Feed another node's advertisement; a claim that the machine makes must follow at once.

        `upcoming` is the node's next advertisement.
        """
        if self._machine is None:
            return  # not seen yet, or gone: nothing to contradict until it speaks
        packet = ReceivedAdvert(
            family=sent.version,
            source=sent.node.addresses[0],
            vhid=self._vhid,
            advbase=sent.advbase,
            advskew=sent.advskew,
            demote=sent.demote,
            counter=sent.counter.to_bytes(8, "big"),
            digest=bytes(20),
            identification=0,
        )
        before = self._machine.state(self._vhid)
        machine, effects = step(self._machine, Accepted(sent.at, 0, packet))
        self._machine = machine
        after = machine.state(self._vhid)
        if before is State.MASTER and after is not State.MASTER:
            self._grace = sent.at + self._reaction
        if not any(isinstance(effect, Send) for effect in effects) or after is not State.MASTER:
            return
        if upcoming - sent.at <= self._reaction + timers.HOST_LATE:
            self._due_now = upcoming  # it claims because of what it heard
        else:
            self._beats.append(Beat(ReplayVerdict.MISSING, sent.at, None, None))
            self._machine = None

    def _fresh(self) -> machines.Node:
        """Return a machine configured with the advbase and advskew that the node advertises."""
        base, skew, _ = self._shape
        families = {len(address) for address in self._node.addresses}
        setup = machines.vhid_setup(
            self._kind,
            self._vhid,
            advbase=base,
            advskew=skew,
            key=b"",
            ipv4=(bytes((192, 0, 2, 1)),) if 4 in families else (),
            ipv6=(bytes.fromhex("20010db8000000000000000000000001"),) if 16 in families else (),
        )
        own4 = next((a for a in self._node.addresses if len(a) == 4), bytes(4))
        own6 = next((a for a in self._node.addresses if len(a) == 16), bytes(16))
        return machines.node(
            machines.NodeSetup(
                name=self._node.id,
                profile=self._kind,
                tempo=NOMINAL,
                preempt=self._preempt,
                ip4=own4,
                ll6=own6,
                mac=bytes(6),
                vhids=(setup,),
                dead_ratio=3,
                is_neutral=False,
                ignores_link=False,
            )
        )._replace(demotion=self._shape[2] if self._kind.demote_byte else 0)

    def _as_master(self, at: Nanos) -> machines.Node:
        """Return a machine that is MASTER and advertised at `at`, as was captured."""
        if self._placed is None or self._placed[0] != self._shape:
            self._placed = self._shape, self._fresh().placed(self._vhid, State.MASTER)
        placed = self._placed[1]
        due = at + interval_ns(self._shape[0], self._shape[1])
        vhids = tuple(item._replace(ad=due) for item in placed.vhids)
        if is_ucarp(self._node):
            vhids = tuple(item._replace(poll=due) for item in vhids)
        return placed._replace(vhids=vhids)
