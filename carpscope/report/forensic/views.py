"""What a page shows, as values: templates render these and compute nothing.

`Budget` says how much a page may hold; where it is too little for everything, the model
says what it left out.
"""

from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Finding
from carpscope.report.forensic import figures
from carpscope.report.forensic.checks import ReceiverTest
from carpscope.report.forensic.request import Request
from carpscope.report.tree import Field


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of each a page holds."""

    findings: int = 400
    decisive: int = 48
    """Frames with hex and tree, over all findings."""
    events: int = 200
    master_periods: int = 300
    strokes: int = 1_500
    """Advertisements per row, intervals per plot."""
    groups: int = 20
    beats: int = 60
    logs: int = 400

    def halved(self) -> "Budget":
        """Return a smaller one."""
        return Budget(
            max(self.findings // 2, 5),
            max(self.decisive // 2, 2),
            max(self.events // 2, 10),
            max(self.master_periods // 2, 10),
            max(self.strokes // 2, 50),
            max(self.groups // 2, 2),
            max(self.beats // 2, 5),
            max(self.logs // 2, 10),
        )


@dataclass(slots=True)
class Decisive:
    """A frame shown whole."""

    anchor: str
    frame: str
    line: str
    corrected: str
    """Its time on the reference clock, where another clock stamped it; else empty."""
    hex: list[str]
    tree: list[Field]
    checks: list[ReceiverTest]


@dataclass(slots=True)
class Instance:
    """One finding, as one of several of its kind."""

    anchor: str
    group: str
    nodes: str
    when: str
    sure: str
    summary: str
    frames: list[tuple[str, str]]
    """Each with where the appendix shows it, if it does."""
    more: int
    """Frames beside these."""
    identity: str


@dataclass(slots=True)
class FindingKind:
    """The findings of one code within an incident."""

    first: Finding
    title: str
    expected: str
    observed: str
    look_alikes: str
    sources: str
    causes: str
    instances: list[Instance]


@dataclass(slots=True)
class IncidentView:
    """An incident as the page shows it."""

    anchor: str
    number: int
    summary: str
    severity: str
    when: str
    groups: str
    nodes: str
    remedy: str
    attackers: str
    identity: str
    kinds: list[FindingKind]


@dataclass(slots=True)
class TimeRow:
    """A line of the time line."""

    time: str
    local: str
    where: str
    kind: str
    text: str
    frames: str
    link: str


@dataclass(slots=True)
class NodeRow:
    """A node in a table."""

    name: str
    system: str
    sure: str
    because: str
    priority: str
    signs: str
    macs: str
    adverts: int
    state: str


@dataclass(slots=True)
class GroupSection:
    """A group as the page shows it."""

    id: str
    anchor: str
    title: str
    addresses: str
    nodes: list[NodeRow]
    master_periods: list[tuple[str, str, str, str, str]]
    """Node, from, to, how long, how it ended."""
    timeline: figures.Timeline
    intervals: list[figures.Intervals]
    matrix: list[tuple[str, list[tuple[str, str]]]]
    """Sender, and for each receiver the relation and why."""
    members: list[str]
    replays: list[tuple[str, str, str, str]]
    """Node and machine, when, hypothesis, outcome."""
    beats: list[tuple[str, str, str, str, str]]
    """What contradicts: node, seen, expected, verdict, frame."""


@dataclass(slots=True)
class Model:
    """Everything that is shown."""

    request: Request
    severity: str
    verdict: str
    examined: str
    account: list[str]
    undecided: list[str]
    method: list[str]
    rows: list[TimeRow] = field(default_factory=list)
    rows_left: int = 0
    incidents: list[IncidentView] = field(default_factory=list)
    overview: list[tuple[str, ...]] = field(default_factory=list)
    """Every group in a line: name, addresses, nodes, who was MASTER at the end, incidents."""
    groups: list[GroupSection] = field(default_factory=list)
    """Those that are drawn, the worst first."""
    frames: list[Decisive] = field(default_factory=list)
    anchors: dict[int, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
