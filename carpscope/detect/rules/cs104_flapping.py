"""The master changes four or more times within thirty advbase seconds.

What it means
    Each change moves the addresses: connections break, and stateful firewalls with them.

How it is seen
    Elections: from a claim until one node alone is MASTER again. Overlaps, bow-outs and losing
    claims of one election count as one change; the first election is not counted, nor a claim
    that loses at once to a master that stays.

False alarms
    A rolling restart or a test changes the master a few times, but hardly four times in
    half a minute.

What to do
    Look at the finding that causes this one. Where there is none: a link that goes up and
    down, a loop that returns a node's own advertisements, one address family filtered in a
    dual-stack vhid, a hook that configures the vhid again when its node becomes MASTER.

Sources
    The rule is carpscope's own; the reasons are interop facts of each implementation.
"""

from collections import deque
from collections.abc import Iterator

from carpscope.core.units import Nanos, span_text
from carpscope.core.values import dataclass, field, replace
from carpscope.detect.events import by_demotion
from carpscope.detect.finding import Evidence, Finding, Severity, renamed
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import listed, since, times
from carpscope.protocol import timers
from carpscope.timeline import traits
from carpscope.timeline.facts import Claimed, Fact, Forgotten, Joined, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import MasterPeriod, Node

CHANGES = 4
SITUATIONS_KEPT = 200
CLAIMS_KEPT = 64
RECENT_KEPT = 64


@dataclass(slots=True)
class _Election:
    """From the claim that begins it until one node alone is MASTER."""

    at: Nanos
    frame: int
    last: Nanos
    """Its latest claim."""
    claims: list[tuple[Node, MasterPeriod]]
    before: MasterPeriod | None
    """The time as MASTER of who alone was MASTER when it began, and still was."""
    is_first: bool
    winner: Node | None = None

    @property
    def changed(self) -> bool:
        """Tell whether it counts: the first does not, nor a claim that a master that stays takes
        back at once."""
        if self.is_first or self.winner is None:
            return False
        if any(node is self.winner for node, _ in self.claims):
            return True
        return any(period.until - period.start > _at_once(node) for node, period in self.claims)

    @property
    def window(self) -> Nanos:
        """Return within how long it counts together with others."""
        advbase = max(node.advbase for node, _ in self.claims)
        return timers.flapping(advbase)


@dataclass(slots=True)
class _State:
    group: Group
    election: _Election | None = None
    recent: deque[_Election] = field(default_factory=lambda: deque(maxlen=RECENT_KEPT))
    start: Nanos | None = None
    end: Nanos = 0
    changes: int = 0
    nodes: dict[str, Node] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


class Flapping:
    """Counts changes of master in every group."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing."""
        del context
        self._states: dict[str, _State] = {}
        self._over: list[Finding] = []

    def see(self, fact: Fact) -> None:
        """Take claims and departures."""
        if isinstance(fact, Claimed):
            self._claimed(fact)
        elif isinstance(fact, Left):
            state = self._states.get(fact.group.id)
            if state is not None and state.election is not None and len(fact.others) == 1:
                state.election.winner = fact.others[0][0]
        elif isinstance(fact, Joined):
            self._joined(fact)
        elif isinstance(fact, Forgotten) and fact.node is None:
            self._states.pop(fact.group.id, None)

    def _claimed(self, fact: Claimed) -> None:
        state = self._states.setdefault(fact.group.id, _State(fact.group))
        election, node, period = state.election, fact.node, fact.node.master_periods[-1]
        others = [master for master in fact.group.masters if master is not node]
        open_still = election is not None and election.winner is None and others
        if election is not None and (open_still or fact.at - election.last <= _at_once(node)):
            election.last = fact.at
            if len(election.claims) < CLAIMS_KEPT:
                election.claims.append((node, period))
        else:
            if election is not None:
                self._over = [*self._over, *_count(state, election)][-SITUATIONS_KEPT:]
            before = others[0].master_period if len(others) == 1 else None
            election = state.election = _Election(
                fact.at, fact.frame, fact.at, [(node, period)], before, election is None
            )
        election.winner = None if others else node

    def _joined(self, fact: Joined) -> None:
        """Let what remains a change be where a time as MASTER began."""
        group, names = fact.group.id, (fact.node.id, fact.into.id)
        self._over = [renamed(one, *names) if one.group == group else one for one in self._over]
        state = self._states.get(group)
        if state is None:
            return
        began = {period.first for period in fact.into.master_periods}
        both = (fact.node, fact.into)
        for one in (*state.recent, *([state.election] if state.election is not None else [])):
            one.claims = [
                (fact.into if node is fact.node else node, period)
                for node, period in one.claims
                if node not in both or period.first in began
            ]
            one.winner = fact.into if one.winner is fact.node else one.winner
        state.recent = deque((one for one in state.recent if one.claims), maxlen=RECENT_KEPT)
        if state.election is not None and not state.election.claims:
            state.election = None
        if fact.node.id in state.nodes:
            del state.nodes[fact.node.id]
            state.nodes[fact.into.id] = fact.into

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give what is over and what goes on."""
        yield from self._over
        for state in self._states.values():
            now = _copy(state)
            if state.election is not None:
                yield from _count(now, state.election)
            if now.start is not None:
                finding, window = _finding(now), now.recent[-1].window
                finding.ongoing = at - now.end < window // 3
                finding.rests = now.end + window + 1
                yield finding


def _at_once(node: Node) -> Nanos:
    """Return how long after another's claim its own belongs to the same election, and how long
    it lasts where it loses at once: it acts late on what it hears, over the slowest path."""
    return max(traits.reaction(node), timers.PATH)


def _copy(state: _State) -> _State:
    evidence = replace(
        state.evidence, first=list(state.evidence.first), last=list(state.evidence.last)
    )
    return replace(
        state,
        recent=deque(state.recent, maxlen=RECENT_KEPT),
        nodes=dict(state.nodes),
        evidence=evidence,
    )


def _count(state: _State, election: _Election) -> Iterator[Finding]:
    """Count an election that is over; give the finding that it shows to be over."""
    if not election.changed:
        return
    if state.group.is_crowded and not all(node.is_steady for node, _ in election.claims):
        return  # whoever was invented for one advertisement is no master
    if not any(
        node.is_known for node in (*(n for n, _ in election.claims), election.winner) if node
    ):
        return
    if state.start is not None and election.at - state.end > election.window:
        yield _finding(state)
        state.start, state.changes, state.evidence = None, 0, Evidence()
        state.nodes = {}
    state.recent.append(election)
    while election.at - state.recent[0].at > election.window:
        state.recent.popleft()
    if len(state.recent) < CHANGES:
        return
    new = list(state.recent) if state.start is None else [state.recent[-1]]
    if state.start is None:
        state.start = new[0].at
    for one in new:
        state.changes += 1
        for node, _ in one.claims:
            state.nodes[node.id] = node
        if one.winner is not None:
            state.nodes[one.winner.id] = one.winner
        state.evidence.add(one.frame)
    state.end = election.at


def _bouncing(state: _State) -> list[tuple[Node, int]]:
    """Return who fell silent right after its own claims though nobody else stopped it, and how
    often: what runs there when it becomes MASTER stops it."""
    assert state.start is not None
    found = []
    for node in state.nodes.values():
        within = [r for r in node.master_periods if state.start <= r.start <= state.end]
        again = sum(one.adverts == 1 and one.ended_by == "silent" for one in within[:-1])
        if again >= CHANGES // 2 and again * 2 > len(within):
            found.append((node, again))
    return found


def _demoted(state: _State) -> list[tuple[Node, int]]:
    """Return whose demotion rose again and again, and how often: others took over for that."""
    assert state.start is not None
    since = state.start - timers.PATH
    found = []
    for node in state.nodes.values():
        rises = sum(
            one.after > one.before and (one.what == "demote" or by_demotion(one))
            for one in node.changes
            if since <= one.at <= state.end
        )
        if rises >= CHANGES // 2:
            found.append((node, rises))
    return found


def _finding(state: _State) -> Finding:
    assert state.start is not None
    length = span_text(state.end - state.start)
    bouncing, demoted = _bouncing(state), _demoted(state)
    why = "".join(
        f" {node.id} fell silent {times(often)} right after its own claim, and nobody better "
        "advertised then."
        for node, often in bouncing
    ) + "".join(
        f" The demotion of {node.id} rose {times(often)} meanwhile, so that another had to take "
        "over, and fell again."
        for node, often in demoted
    )
    remedy = (
        f"Look at what runs on {listed(node.id for node, _ in bouncing)} when it becomes MASTER: "
        "a hook or script that configures the vhid, its addresses or the interface again stops "
        "it; its log names each change of state."
        if bouncing
        else f"Find out what demotes {listed(node.id for node, _ in demoted)} again and again: a "
        "link of a carp interface that goes down, pfsync that loses its peer, a script (FreeBSD "
        "logs each change with its reason; OpenBSD: ifconfig -g carp)."
        if demoted
        else "Remove the cause; where nothing else is found, watch the link state and the load "
        "of the node that comes and goes."
    )
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.95,
        group=state.group.id,
        nodes=tuple(state.nodes),
        start=state.start,
        end=state.end,
        frames=state.evidence.frames,
        frame_count=state.evidence.count,
        summary=f"the master changed {state.changes} times within {length}",
        explanation=(
            f"{state.changes} changes {since(state.start, state.end)}, among "
            f"{listed(state.nodes)}.{why}"
        ),
        remedy=remedy,
    )


RULE = Rule(
    "CS104",
    "flapping",
    "The master keeps changing",
    Severity.ERROR,
    Flapping,
    (Claimed, Left, Forgotten, Joined),
    (
        "looped_advert",
        "one_way_link",
        "partition",
        "advbase_mismatch",
        "equal_skew_tie",
        "ucarp_kernel_address_incompat",
        "address_set_mismatch",
        "passphrase_mismatch",
        "authentication_mismatch",
        "forged_skew",
        "replayed_advert",
    ),
    plain="{address} kept moving between {who}",
)
