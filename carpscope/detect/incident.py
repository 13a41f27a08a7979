"""Incidents: the findings of one cause, told as one.

Findings of one group that explain each other are one, so are several broken links of one node,
and so is what the same hosts suffer in the same way at the same time in several groups: one
broken port is one incident, however many groups run over it. Screen, page, document, live and
outputs ask here.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from carpscope.config import Config
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.detect.engine import rules
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.words import listed, named
from carpscope.protocol import timers
from carpscope.timeline.group import Group, vhid_of

LINKS = frozenset(("partition", "one_way_link"))
"""What does not arrive: all of one node at one time have one cause."""

MANY = 32
"""Incidents alike: a sender that has been made up for each, or a segment that failed."""

Item = TypeVar("Item")
Called = Callable[[str], str]
"""Gives what people call a node."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Findings of one cause; each finding is in one incident."""

    identity: str
    summary: str
    remedy: str
    severity: Severity
    start: Nanos
    end: Nanos
    ongoing: bool
    nodes: tuple[str, ...]
    groups: tuple[str, ...]
    findings: tuple[Finding, ...]
    """The cause first."""

    @property
    def head(self) -> Finding:
        """Return the worst of what it is: the headline."""
        return max(self.findings, key=lambda f: (f.severity.rank, -self.findings.index(f)))

    @property
    def root(self) -> Finding:
        """Return what causes the rest."""
        return self.findings[0]

    @property
    def vhids(self) -> tuple[int, ...]:
        """Return the numbers of its groups."""
        return tuple(n for n in (vhid_of(group) for group in self.groups) if n is not None)


def called(groups: Iterable[Group], config: Config) -> Called:
    """Return what gives a node's name, as the configuration has it, by its id."""
    if not config.names:
        return str
    names = {
        node.id: name
        for group in groups
        for node in group.nodes.values()
        if (name := config.name_of(node.addresses)) is not None
    }
    return lambda node: names.get(node, node)


def incidents(
    findings: Sequence[Finding],
    called: Called = str,
    names: Mapping[int, str] | None = None,
    *,
    in_time: bool = True,
) -> list[Incident]:
    """Put findings together, the worst that is true now first.

    Without `in_time` they stand in files: equal mistakes in several groups then have no moment in
    common and each its own lines to change, so only what one explains of the other is joined.
    `names` has, by the id of its object, what a finding is known by where that is not its
    identity: a live run knows it from its opening on.
    """
    parts = _explained(findings, names or {})
    if in_time:
        parts = _joined(parts, _one_node_cut)
        parts = _joined(parts, _alike(called))
        parts = _joined(parts, _many(parts))
    found = [_incident(part, called, names or {}) for part in parts]
    return sorted(found, key=urgency if in_time else _severity)


def _severity(incident: Incident) -> int:
    return -incident.severity.rank


def urgency(incident: Incident) -> tuple[bool, int, Nanos, str]:
    """Order by what is true now, how bad it is, and since when."""
    is_minor = incident.severity.rank < Severity.WARNING.rank
    over = not incident.ongoing or is_minor
    return over, -incident.severity.rank, incident.start, incident.identity


def _explained(findings: Sequence[Finding], names: Mapping[int, str]) -> list[list[Finding]]:
    """Put causes and what they explain together."""
    by_identity = {names.get(id(f), f.identity): index for index, f in enumerate(findings)}
    home = list(range(len(findings)))
    for index, finding in enumerate(findings):
        for cause in finding.caused_by:
            if cause in by_identity:
                _tie(home, index, by_identity[cause])
    return _gathered(findings, home)


def _joined(
    parts: list[list[Finding]], key: Callable[[list[Finding]], Sequence[object]]
) -> list[list[Finding]]:
    """Join parts that have a key in common, of those that happen at one time."""
    home = list(range(len(parts)))
    latest: dict[object, int] = {}
    order = sorted(range(len(parts)), key=lambda i: _start(parts[i]))
    for index in order:
        for one in key(parts[index]):
            before = latest.get(one)
            if before is not None and _at_once(parts[before], parts[index]):
                _tie(home, index, before)
            else:
                latest[one] = index
    return [[f for part in joined for f in part] for joined in _gathered(parts, home)]


def _one_node_cut(part: list[Finding]) -> list[object]:
    """A broken link belongs to each of its ends."""
    root = part[0]
    return [(root.group, node) for node in root.nodes] if root.label in LINKS else []


def _alike(called: Called) -> Callable[[list[Finding]], list[object]]:
    """The same hosts, in the same way: in several groups."""

    def key(part: list[Finding]) -> list[object]:
        head = max(part, key=lambda f: f.severity.rank)
        root = part[0]
        cause = "link" if root.label in LINKS or root is head else root.label
        hosts = tuple(sorted({_host(node, called) for f in part for node in f.nodes}))
        return [(head.label, cause, hosts)]

    return key


def _many(parts: Sequence[list[Finding]]) -> Callable[[list[Finding]], list[object]]:
    """The same in so many groups at once, whoever is in them: what befalls all has one cause."""
    counts = Counter(_kind(part) for part in parts)

    def key(part: list[Finding]) -> list[object]:
        kind = _kind(part)
        return [kind] if counts[kind] >= MANY else []

    return key


def _kind(part: list[Finding]) -> tuple[str, str]:
    head = max(part, key=lambda f: f.severity.rank)
    return head.label, part[0].label


def _host(node: str, called: Called) -> str:
    """Return what tells hosts apart in several networks: their name, else their number in it."""
    name = called(node)
    if name != node:
        return name
    return node.rpartition(":")[2] if ":" in node else node.rpartition(".")[2]


def _at_once(one: list[Finding], other: list[Finding]) -> bool:
    """Tell whether two happen at one time: backups notice within one wait of each other."""
    near = abs(_start(one) - _start(other)) <= timers.AFTERMATH
    return near and _start(other) <= _end(one) + timers.AFTERMATH


def _start(part: list[Finding]) -> Nanos:
    return min(finding.start for finding in part)


def _end(part: list[Finding]) -> Nanos:
    return max(finding.end for finding in part)


def _tie(home: list[int], one: int, other: int) -> None:
    home[_root(home, one)] = _root(home, other)


def _root(home: list[int], index: int) -> int:
    while home[index] != index:
        home[index] = home[home[index]]
        index = home[index]
    return index


def _gathered(items: Sequence[Item], home: list[int]) -> list[list[Item]]:
    parts: dict[int, list[Item]] = {}
    for index, item in enumerate(items):
        parts.setdefault(_root(home, index), []).append(item)
    return list(parts.values())


def _incident(part: list[Finding], called: Called, names: Mapping[int, str]) -> Incident:
    known = {names.get(id(finding), finding.identity) for finding in part}
    roots = [f for f in part if known.isdisjoint(f.caused_by)] or part
    rest = [f for f in part if f not in roots]
    ordered = (*roots, *rest)
    head = max(ordered, key=lambda f: f.severity.rank)
    groups = tuple(dict.fromkeys(group for f in ordered for group in f.groups if group))
    first = min(ordered, key=lambda f: (f.start, f.code, f.group, f.identity))
    made = hashlib.sha256(first.identity.encode()).hexdigest()[:12]
    worst = max(f.severity.rank for f in ordered)
    return Incident(
        f"incident-{made}",
        _summary(ordered, head, groups, called),
        ordered[0].remedy,
        head.severity,
        _start(part),
        _end(part),
        any(f.ongoing and f.severity.rank == worst for f in ordered),
        tuple(dict.fromkeys(node for f in ordered for node in f.nodes)),
        groups,
        ordered,
    )


def _summary(
    part: tuple[Finding, ...], head: Finding, groups: tuple[str, ...], called: Called
) -> str:
    """Say it in one line: the finding's own words where there is one group."""
    root = part[0]
    if len({f.group for f in part}) == 1 and sum(f.label == root.label for f in part) == 1:
        return head.summary
    who = _names(part, called)
    count = groups[0] if len(groups) == 1 else f"{len(groups)} groups"
    if any(f.label == "partition" for f in part):
        return f"{who} cut off from each other: {count}"
    if root.label == "one_way_link":
        return f"{root.summary.split(', while ')[0]}: {count}"
    title = next((rule.title for rule in rules() if rule.label == head.label), head.label)
    return f"{title}: {who}, {count}"


def _names(part: Iterable[Finding], called: Called) -> str:
    """Name every host once: of one that has many addresses, the first."""
    hosts: dict[str, str] = {}
    for finding in part:
        for node in finding.nodes:
            hosts.setdefault(_host(node, called), called(node))
    names = list(dict.fromkeys(hosts.values()))
    return listed(names) if len(names) < 3 else named(names)
