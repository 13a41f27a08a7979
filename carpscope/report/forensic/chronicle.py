"""All that happened, in order of time: what nodes did, what was found, what hosts' logs say.

events.jsonl has every happening; the page folds what is alike in several groups at one time,
and leaves out of MASTER periods the ends that an event already tells.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos, clock, rfc3339, span_text
from carpscope.core.values import dataclass, field
from carpscope.detect.events import Event
from carpscope.protocol import timers
from carpscope.report.finding import frame_name
from carpscope.report.forensic.request import Request
from carpscope.report.line import Json

ENDED = {
    "bow-out": "left with a bow-out",
    "yielded": "heard a better one",
    "silent": "fell silent",
    "unseen": "was heard no more after the capture saw nothing for a time",
}
"""Why a MASTER period ended, where it did before the capture."""


@dataclass(slots=True)
class ScheduledEvent:
    """One thing that happened at one time."""

    at: Nanos | None
    """None: a line of a log without a time."""
    rank: int
    """Order of what happened at once."""
    record: dict[str, Json]
    """As events.jsonl has it."""
    text: str
    kind: str
    """What it is to the eye: `begins`, `ends`, `event`, a severity, `log` or `log-bad`."""
    key: tuple[str, ...]
    """What is alike in another group."""
    who: str
    group: str
    frames: tuple[int, ...] = ()
    link: str = ""
    event: Event | None = None
    lasted: Nanos | None = None
    until: Nanos | None = None
    """What `text` leaves out, since it may differ in what is alike."""


@dataclass(slots=True)
class Row:
    """A line of the page's time line."""

    first: ScheduledEvent
    alike: list[ScheduledEvent] = field(default_factory=list)

    @property
    def groups(self) -> list[str]:
        """Return which groups it is about."""
        found = [self.first, *self.alike]
        return list(dict.fromkeys(one.group for one in found if one.group))

    @property
    def text(self) -> str:
        """Say what happened, from the least to the most of how long it lasted, or until when."""
        text = self.first.text
        if lasted := sorted(one.lasted for one in self.whole if one.lasted is not None):
            told = dict.fromkeys((span_text(lasted[0]), span_text(lasted[-1])))
            text += f", for {' to '.join(told)}"
        if until := sorted(one.until for one in self.whole if one.until is not None):
            ends = dict.fromkeys((clock(until[0], digits=3), clock(until[-1], digits=3)))
            text += f", until {' to '.join(ends)}"
        return text

    @property
    def whole(self) -> list[ScheduledEvent]:
        """Return all that it stands for."""
        return [self.first, *self.alike]


def happened(request: Request) -> list[ScheduledEvent]:
    """Give all that happened in order of time; what has no time comes first."""
    found = [*_periods(request), *_events(request), *_findings(request), *_logged(request)]
    return sorted(found, key=lambda one: (-1 if one.at is None else one.at, one.rank))


def rows(request: Request) -> tuple[list[Row], int]:
    """Give what happened as lines for a person, and how many lines of logs are of another time.

    Each is told once, and of what is alike one.
    """
    axis, outside = request.axis, 0
    told = {frame for event in request.analysis.events for frame in event.frames}
    found: list[Row] = []
    latest: dict[tuple[str, ...], Row] = {}
    for one in happened(request):
        if one.at is None or (one.kind in ("begins", "ends") and told.intersection(one.frames)):
            continue
        if one.kind.startswith("log") and not axis.first <= one.at <= axis.last:
            outside += 1
            continue
        row = latest.get(one.key)
        if row is not None and _near(row, one):
            row.alike.append(one)
            continue
        latest[one.key] = row = Row(one)
        found.append(row)
    return found, outside


_WEIGHT = {"critical": 0, "error": 0, "warning": 0, "event": 1, "log-bad": 1, "log": 3, "info": 3}


def kept(found: list[Row], limit: int) -> list[Row]:
    """Keep what weighs most of too many lines, in order of time."""
    if len(found) <= limit:
        return found
    order = sorted(range(len(found)), key=lambda at: (_WEIGHT.get(found[at].first.kind, 2), at))
    return [found[at] for at in sorted(order[:limit])]


def _near(row: Row, one: ScheduledEvent) -> bool:
    assert row.first.at is not None
    assert one.at is not None
    return one.group not in row.groups and one.at - row.first.at <= timers.AFTERMATH


def _periods(request: Request) -> Iterator[ScheduledEvent]:
    names = request.names
    for group in request.groups:
        for node in group.members:
            who = request.called(node.id)
            about: dict[str, Json] = {"group": group.id, "node": node.id, "state": "MASTER"}
            for period in node.master_periods:
                record: dict[str, Json] = {
                    "timestamp": rfc3339(period.start), "kind": "begins", **about,
                    "frame": frame_name(period.first, names),
                }  # fmt: skip
                yield ScheduledEvent(
                    period.start, 0, record, "advertises as MASTER", "begins", ("begins",), who,
                    group.id, (period.first,), lasted=period.until - period.start,
                )  # fmt: skip
                record = {
                    "timestamp": rfc3339(period.until), "kind": "ends", **about,
                    "frame": frame_name(period.last, names), "ended_by": period.ended_by or None,
                }  # fmt: skip
                why = ENDED.get(period.ended_by, "")
                text = f"is MASTER no more: it {why}" if why else "is MASTER when the capture ends"
                yield ScheduledEvent(
                    period.until, 3, record, text, "ends", ("ends", why), who, group.id,
                    (period.last,),
                )  # fmt: skip


def _events(request: Request) -> Iterator[ScheduledEvent]:
    for event in request.analysis.events:
        record: dict[str, Json] = {
            "timestamp": rfc3339(event.at),
            "kind": "event",
            "label": event.label,
            "group": event.group,
            "nodes": list(event.nodes),
            "start": rfc3339(event.start),
            "end": rfc3339(event.end),
            "frames": [frame_name(ref, request.names) for ref in event.frames],
            "summary": event.summary,
        }
        took = event.end - event.start
        text = f"{event.label.replace('_', ' ')}: {event.summary}"
        text += f" ({span_text(took)})" if took else ""
        who = request.called(event.nodes[-1])
        key = ("event", event.label)
        yield ScheduledEvent(
            event.at, 1, record, text, "event", key, who, event.group, event.frames, event=event
        )


def _findings(request: Request) -> Iterator[ScheduledEvent]:
    number = {
        finding.identity: place
        for place, incident in enumerate(request.analysis.incidents, 1)
        for finding in incident.findings
    }
    for finding in request.findings:
        record: dict[str, Json] = {
            "timestamp": rfc3339(finding.start),
            "kind": "finding",
            "code": finding.code,
            "label": finding.label,
            "severity": finding.severity.value,
            "group": finding.group,
            "nodes": list(finding.nodes),
            "end": rfc3339(finding.end),
            "frames": [frame_name(ref, request.names) for ref in finding.frames],
            "summary": finding.summary,
            "identity": finding.identity,
        }
        text = f"{finding.code} {finding.summary}"
        if finding.ongoing:
            text += ", still so at the end"
        is_over = not finding.ongoing and finding.end > finding.start
        who = ", ".join(map(request.called, finding.nodes[:4]))
        place = number[finding.identity]
        yield ScheduledEvent(
            finding.start, 2, record, text, finding.severity.value,
            (finding.code, str(place), str(finding.ongoing)), who, finding.group, finding.frames,
            f"incident-{place}", until=finding.end if is_over else None,
        )  # fmt: skip


def _logged(request: Request) -> Iterator[ScheduledEvent]:
    for view in request.logs:
        for placed in view.entries:
            entry = placed.entry
            at = placed.at
            record: dict[str, Json] = {
                "timestamp": rfc3339(at) if at is not None else None,
                "kind": "log",
                "file": view.name,
                "line": entry.line,
                "node": placed.node,
                "group": placed.group,
                "text": entry.text,
                "wire": placed.verdict,
                "because": placed.because,
            }
            text = f"{view.name}:{entry.line} {entry.text[:300]} — {placed.verdict}"
            text += f": {placed.because}" if placed.because else ""
            kind = "log-bad" if placed.verdict == "contradicts" else "log"
            who = request.called(placed.node) if placed.node is not None else ""
            key = ("log", view.name, str(entry.line))
            yield ScheduledEvent(at, 4, record, text, kind, key, who, placed.group or "")
