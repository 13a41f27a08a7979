"""The master changes four or more times within thirty advbase seconds.

What it means
    Each change moves the addresses: connections break, and stateful firewalls with them.

How it is seen
    Claims that become masters, the first election not counted, nor a claim that loses at
    once to a master that stays.

False alarms
    A rolling restart or a test changes the master a few times, but hardly four times in
    half a minute.

What to do
    Look at the finding that causes this one. Where there is none: a link that goes up and
    down, a loop that returns a node's own advertisements, one address family filtered in a
    dual-stack vhid, an advbase too short for a lossy or loaded network.

Sources
    The rule is carpscope's own; the reasons are interop facts of each implementation.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from carpscope.core.units import MILLISECOND, SECOND, Nanos, span_text
from carpscope.detect.finding import Evidence, Finding, Severity, renamed
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import listed, since
from carpscope.timeline.facts import Claimed, Fact, Forgotten, Joined, Left
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

CHANGES = 4
SITUATIONS_KEPT = 200
BRIEF: Nanos = 250 * MILLISECOND
SETTLED = 8
"""Times advbase, seconds: after that it is known whether a claimant lost at once."""
CLAIMS_KEPT = 64
RECENT_KEPT = 64


@dataclass(slots=True)
class _Gain:
    at: Nanos
    frame: int
    node: Node
    window: Nanos
    """Within how long it counts together with others."""


@dataclass(slots=True)
class _State:
    group: Group
    first: bool = True
    claims: deque[_Gain] = field(default_factory=lambda: deque(maxlen=CLAIMS_KEPT))
    """Those of which it is not known yet whether they last."""
    recent: deque[_Gain] = field(default_factory=lambda: deque(maxlen=RECENT_KEPT))
    start: Nanos | None = None
    end: Nanos = 0
    changes: int = 0
    nodes: dict[str, None] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


class Flapping:
    """Counts changes of master in every group."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing."""
        del context
        self._states: dict[str, _State] = {}
        self._over: list[Finding] = []

    def see(self, fact: Fact) -> None:
        """Take claims; take those back that come to nothing."""
        if isinstance(fact, Claimed):
            state = self._states.setdefault(fact.group.id, _State(fact.group))
            window = 30 * SECOND * max(fact.node.advbase, 1)
            if state.first:
                state.first = False
                return
            state.claims.append(_Gain(fact.at, fact.frame, fact.node, window))
            while fact.at - state.claims[0].at > SETTLED * window // 30:
                self._over = [*self._over, *_count(state, state.claims.popleft())]
                self._over = self._over[-SITUATIONS_KEPT:]
        elif isinstance(fact, Forgotten):
            if fact.node is None:
                self._states.pop(fact.group.id, None)
        elif isinstance(fact, Joined):
            self._joined(fact)
        elif isinstance(fact, Left) and fact.at - fact.reign.start < BRIEF:
            found = self._states.get(fact.group.id)
            if found is not None and fact.others:
                kept = (claim for claim in found.claims if claim.frame != fact.reign.first)
                found.claims = deque(kept, maxlen=CLAIMS_KEPT)

    def _joined(self, fact: Joined) -> None:
        """Let what remains a change be where a time as MASTER began."""
        group, names = fact.group.id, (fact.node.id, fact.into.id)
        self._over = [renamed(one, *names) if one.group == group else one for one in self._over]
        state = self._states.get(group)
        if state is None:
            return
        began = {reign.first for reign in fact.into.reigns}
        both = (fact.node, fact.into)
        kept = (one for one in state.claims if one.node not in both or one.frame in began)
        state.claims = deque((_moved(one, fact) for one in kept), maxlen=CLAIMS_KEPT)
        state.recent = deque((_moved(one, fact) for one in state.recent), maxlen=RECENT_KEPT)
        if fact.node.id in state.nodes:
            del state.nodes[fact.node.id]
            state.nodes[fact.into.id] = None

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give what is over and what goes on."""
        yield from self._over
        for state in self._states.values():
            now = _copy(state)
            for claim in state.claims:
                yield from _count(now, claim)
            if now.start is not None:
                finding = _finding(now)
                finding.ongoing = at - now.end < 10 * SECOND
                yield finding


def _moved(gain: _Gain, fact: Joined) -> _Gain:
    return replace(gain, node=fact.into) if gain.node is fact.node else gain


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


def _count(state: _State, gain: _Gain) -> Iterator[Finding]:
    """Count a change of master that has lasted; give the finding that it shows to be over."""
    if state.group.is_crowded and not gain.node.is_steady:
        return  # whoever was invented for one advertisement is no master
    if state.start is not None and gain.at - state.end > gain.window:
        yield _finding(state)
        state.start, state.changes, state.evidence = None, 0, Evidence()
        state.nodes = {}
    state.recent.append(gain)
    while gain.at - state.recent[0].at > gain.window:
        state.recent.popleft()
    if len(state.recent) < CHANGES:
        return
    new = list(state.recent) if state.start is None else [state.recent[-1]]
    if state.start is None:
        state.start = new[0].at
    for one in new:
        state.changes += 1
        state.nodes[one.node.id] = None
        state.evidence.add(one.frame)
    state.end = gain.at


def _finding(state: _State) -> Finding:
    assert state.start is not None
    length = span_text(state.end - state.start)
    return Finding(
        RULE.code,
        RULE.label,
        RULE.severity,
        0.95,
        state.group.id,
        tuple(state.nodes),
        state.start,
        state.end,
        state.evidence.frames,
        state.evidence.count,
        f"the master changed {state.changes} times within {length}",
        f"{state.changes} changes {since(state.start, state.end)}, among {listed(state.nodes)}.",
        "Remove the cause; where nothing else is found, watch the link state and the load of "
        "the node that comes and goes, and raise advbase.",
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
)
