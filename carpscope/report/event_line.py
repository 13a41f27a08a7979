"""A live run as lines: one an event, the state on demand, and tcpdump's summary at the end."""

from collections.abc import Iterator
from typing import Protocol, TextIO

from carpscope.core.text import shown
from carpscope.core.units import clock, span_text
from carpscope.core.zone import Zone, beside
from carpscope.detect.finding import Severity
from carpscope.report.record import WITHDRAWN, EventRecord
from carpscope.report.snapshot import GroupView, Snapshot

_SIGNS = {
    Severity.CRITICAL: "✗",
    Severity.ERROR: "✗",
    Severity.WARNING: "!",
    Severity.INFO: " ",
}


def event_line(record: EventRecord, zone: Zone | None = None) -> str:
    """Give one event as a line; nothing in it that a terminal would obey."""
    sign = _SIGNS[record.severity]
    if record.action == "closed":
        sign = " " if record.body.get("why") == WITHDRAWN else "✓"
    where = f"{record.interface} " if record.interface else ""
    told = f"{clock(record.at, digits=3)}{beside(zone, record.at)} {sign} {where}{record.text}"
    if record.kind in ("finding", "incident") and record.action == "updated":
        told += " (still)"
    told_in_full = record.kind in ("finding", "incident") and record.action == "opened"
    if told_in_full and "remedy" in record.body:
        told += f" — {record.body['remedy']}"
    return shown(told)


class EventLines:
    """Prints records."""

    attempts = 1
    name = "standard output"

    def __init__(self, stream: TextIO, zone: Zone | None = None) -> None:
        """Take where to print, and a zone to tell beside UTC."""
        self._stream, self._zone = stream, zone

    def send(self, record: EventRecord) -> None:
        """Print one; what is told as another record is left to that."""
        if record.is_part:
            return
        self._stream.write(event_line(record, self._zone) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is ours."""


def state_lines(taken: Snapshot) -> Iterator[str]:
    """Give the state: groups and nodes, what is open, what was lost."""
    yield from map(shown, _state(taken))


def _state(taken: Snapshot) -> Iterator[str]:
    yield f"{clock(taken.at, digits=0)} UTC, watching for {span_text(taken.at - taken.started)}"
    for group in taken.groups:
        yield from _group_lines(group, taken)
    for found in taken.stories:
        since = clock(found.start, digits=0)
        code = f"{found.code} {found.severity.value} since {since}"
        yield f"  {found.where}: {found.summary} ({code})"
    for why in taken.unknown:
        yield f"  unknown how things stand: {why}"
    if not taken.stories and not taken.unknown:
        yield "  nothing wrong"


def _group_lines(group: GroupView, taken: Snapshot) -> Iterator[str]:
    name = f" {group.name}" if group.name else ""
    yield f"  {group.interface} {group.id}{name}"
    for node in group.nodes:
        who = f"{node.name} ({node.id})" if node.name else node.id
        state = "MASTER for" if node.is_master else "silent for"
        if not group.is_known:
            state = "unknown, heard last before"
        demoted = f", demoted {node.demote}" if node.demote else ""
        yield (
            f"    {who}: {state} {span_text(taken.at - node.since)}, advertises "
            f"{node.advbase}/{node.advskew}{demoted}, {node.adverts:,} advertisements, "
            f"{node.authentication}"
        )


class _Written(Protocol):
    written: int


class _Recorder(Protocol):
    @property
    def lost(self) -> int: ...
    @property
    def writer(self) -> _Written: ...


def summary_lines(taken: Snapshot, packets: int, recorder: _Recorder | None) -> Iterator[str]:
    """Say what tcpdump says at its end, and what is open."""
    yield from map(shown, _summary(taken, packets, recorder))


def _summary(taken: Snapshot, packets: int, recorder: _Recorder | None) -> Iterator[str]:
    yield f"{packets:,} packets captured, {taken.adverts:,} CARP advertisements"
    for interface in taken.interfaces:
        name = f"{interface.name}: " if len(taken.interfaces) > 1 else ""
        yield f"{name}{interface.received:,} packets received by filter"
        yield f"{name}{interface.dropped:,} packets dropped by kernel"
        if interface.skipped:
            yield f"{name}{interface.skipped:,} packets not looked at, in a flood"
        if interface.interface_dropped:
            yield f"{name}{interface.interface_dropped:,} packets dropped by interface"
    if recorder is not None:
        lost = f", {recorder.lost:,} lost" if recorder.lost else ""
        yield f"{recorder.writer.written:,} packets written{lost}"
    for outlet in taken.outlets:
        if outlet.lost:
            why = f" ({outlet.problem})" if outlet.problem else ""
            yield f"{outlet.lost:,} events lost by {outlet.name}{why}"
    for why in taken.unknown:
        yield f"unknown how things stand: {why}"
    masters = [f"{node.name or node.id} is MASTER of {group.id}" for group in taken.groups
               for node in group.masters]  # fmt: skip
    if masters:
        yield "; ".join(masters[:8])
    for found in taken.stories:
        yield f"open: {found.where}: {found.summary} ({found.code})"
