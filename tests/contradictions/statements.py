"""What one output says of a run, as values, and where two of them contradict each other.

An output that does not say something leaves it None: nothing contradicts that.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from carpscope.core.units import MILLISECOND, Nanos, seconds_text

SAME: Nanos = 1 * MILLISECOND
"""Pages and screens print milliseconds."""


class Period(NamedTuple):
    """For how long a node was MASTER."""

    start: Nanos
    end: Nanos | None
    """None where the output does not say when it ended."""


class Said(NamedTuple):
    """A finding, as far as an output tells it."""

    code: str
    group: str | None
    nodes: tuple[str, ...] | None
    start: Nanos
    end: Nanos | None


@dataclass(slots=True)
class GroupSays:
    """What is said of one group."""

    nodes: frozenset[str] | None = None
    masters: frozenset[str] | None = None
    """Who is MASTER at the end."""
    periods: Mapping[str, tuple[Period, ...]] | None = None
    counts: Mapping[str, int] | None = None
    """How often each node became MASTER."""
    authentication: Mapping[str, str] | None = None
    hears: Mapping[tuple[str, str], str] | None = None
    """What the second makes of the first's advertisements, at the end."""
    status: str | None = None


@dataclass(slots=True)
class Statements:
    """Everything that one output says."""

    source: str
    groups: dict[str, GroupSays] = field(default_factory=dict)
    findings: list[Said] | None = None
    incidents: int | None = None
    events: Counter[tuple[str, str]] | None = None
    """How often each kind of event happened in each group."""
    account: list[str] = field(default_factory=list)
    """What a page says first, by paragraphs."""
    is_calm: bool | None = None
    """Whether it says that nothing is wrong."""
    status: str | None = None
    worst: str | None = None
    """The code and the group of what is worst at the end; empty where nothing is."""
    silences: list[tuple[str, Nanos]] | None = None
    """By group: how long nobody was MASTER, of each time that is told as a finding."""


def differences(one: Statements, other: Statements) -> Iterator[str]:
    """Return where two outputs contradict each other."""
    names = f"{one.source}, {other.source}"
    if one.groups.keys() != other.groups.keys():
        yield f"{names}: groups {sorted(one.groups)}, {sorted(other.groups)}"
    for group in one.groups.keys() & other.groups.keys():
        for text in _of_group(one.groups[group], other.groups[group]):
            yield f"{names}: {group}: {text}"
    if one.findings is not None and other.findings is not None:
        for text in _of_findings(one.findings, other.findings):
            yield f"{names}: {text}"
    for what in ("incidents", "events", "is_calm", "status", "worst"):
        a, b = getattr(one, what), getattr(other, what)
        if a is not None and b is not None and a != b:
            yield f"{names}: {what} {a!r}, {b!r}"


def _of_group(one: GroupSays, other: GroupSays) -> Iterator[str]:
    for what in ("nodes", "masters", "counts", "status"):
        a, b = getattr(one, what), getattr(other, what)
        if a is not None and b is not None and a != b:
            yield f"{what} {_plain(a)}, {_plain(b)}"
    for what in ("authentication", "hears"):
        a, b = getattr(one, what) or {}, getattr(other, what) or {}
        for key in a.keys() & b.keys():
            if a[key] != b[key]:
                yield f"{what} of {key} {a[key]!r}, {b[key]!r}"
    if one.periods is None or other.periods is None:
        return
    for node in one.periods.keys() | other.periods.keys():
        mine, its = one.periods.get(node, ()), other.periods.get(node, ())
        if len(mine) != len(its):
            yield f"{node} was MASTER {len(mine)} times, {len(its)} times"
            continue
        for first, second in zip(mine, its, strict=True):
            if not _same(first.start, second.start) or not _same(first.end, second.end):
                yield f"{node} was MASTER {_span(*first)}, {_span(*second)}"


def _of_findings(mine: list[Said], its: list[Said]) -> Iterator[str]:
    rest = list(its)
    left = []
    for said in mine:
        found = next((one for one in rest if _is_one(said, one)), None)
        if found is None:
            left.append(said)
        else:
            rest.remove(found)
    for text, alone in (("only the first says", left), ("only the second says", rest)):
        for said in alone:
            yield f"{text} {said.code} {said.group} {said.nodes} {_span(said.start, said.end)}"


def _is_one(one: Said, other: Said) -> bool:
    return (
        one.code == other.code
        and (one.group is None or other.group is None or one.group == other.group)
        and (one.nodes is None or other.nodes is None or one.nodes == other.nodes)
        and _same(one.start, other.start)
        and _same(one.end, other.end)
    )


def _same(one: Nanos | None, other: Nanos | None) -> bool:
    """Tell whether two times are one; a time of day is compared with the time of day."""
    if one is None or other is None:
        return True
    apart = abs(one - other) % (86400 * 1000 * MILLISECOND)
    return min(apart, 86400 * 1000 * MILLISECOND - apart) <= SAME


def _span(start: Nanos, end: Nanos | None) -> str:
    last = "" if end is None else f" to {seconds_text(end % (86400 * 1000 * MILLISECOND))}"
    return f"from {seconds_text(start % (86400 * 1000 * MILLISECOND))}{last}"


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def kinds(texts: list[str]) -> Counter[str]:
    """Count contradictions by what they are between."""
    return Counter(text.split(":")[0] for text in texts)
