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
from dataclasses import dataclass, field

from carpscope.core.units import MILLISECOND, SECOND, Nanos, span_text
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import listed, since
from carpscope.timeline.facts import Claimed, Fact, Left
from carpscope.timeline.group import Group

CHANGES = 4
SITUATIONS_KEPT = 200
BRIEF: Nanos = 250 * MILLISECOND


@dataclass(slots=True)
class _Gain:
    at: Nanos
    frame: int
    node: str


@dataclass(slots=True)
class _State:
    group: Group
    first: bool = True
    recent: deque[_Gain] = field(default_factory=lambda: deque(maxlen=64))
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
            self._gained(fact)
        elif isinstance(fact, Left):
            state = self._states.get(fact.group.id)
            stays = any(m.reigns[-1].start < fact.reign.start for m in fact.group.masters)
            if state is not None and stays and fact.at - fact.reign.start < BRIEF:
                state.recent = deque(
                    (g for g in state.recent if g.frame != fact.reign.first), maxlen=64
                )

    def _gained(self, fact: Claimed) -> None:
        state = self._states.setdefault(fact.group.id, _State(fact.group))
        if state.first:
            state.first = False
            return
        window = 30 * SECOND * max(fact.node.advbase, 1)
        if state.start is not None and fact.at - state.end > window:
            self._over = [*self._over, _finding(state)][-SITUATIONS_KEPT:]
            state.start, state.changes, state.evidence = None, 0, Evidence()
        state.recent.append(_Gain(fact.at, fact.frame, fact.node.id))
        while state.recent and fact.at - state.recent[0].at > window:
            state.recent.popleft()
        if len(state.recent) < CHANGES:
            return
        new = list(state.recent) if state.start is None else [state.recent[-1]]
        if state.start is None:
            state.start = new[0].at
        for gain in new:
            state.changes += 1
            state.nodes[gain.node] = None
            state.evidence.add(gain.frame)
        state.end = fact.at

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give what is over and what goes on."""
        yield from self._over
        for state in self._states.values():
            if state.start is not None:
                finding = _finding(state)
                finding.ongoing = at - state.end < 10 * SECOND
                yield finding


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
    (Claimed, Left),
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
