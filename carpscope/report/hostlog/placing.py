"""Log lines beside the wire: whose log it is, how its clock stands, who is right.

A line that says MASTER is followed by the node's first advertisement; one that says
BACKUP by none. Where a capture covers the time and shows something else, they contradict
each other, and the line says so with the frame. A log whose owner nobody names belongs to
the node whose changes it tells best, if there is one such node.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from carpscope.config import Config
from carpscope.core.units import MILLISECOND, SECOND, Nanos, clock, span_text
from carpscope.report.document import frame_name
from carpscope.report.hostlog.entry import Entry, Kind
from carpscope.report.hostlog.placed import LogView, Placed
from carpscope.report.hostlog.read import LogFile
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node, Reign
from carpscope.timeline.relations import relations
from carpscope.wire.carp import interval_ns

SEARCH: Nanos = 10 * SECOND
"""A host's clock is assumed to be right to this; the offset is taken from what fits."""
TOLERANCE: Nanos = 500 * MILLISECOND
COARSE: Nanos = 1 * SECOND
"""What a line without fractions of a second may be off."""


@dataclass(slots=True)
class _Scene:
    """The wire, as a log is held against it."""

    groups: Sequence[Group]
    first: Nanos
    last: Nanos
    names: list[str]


@dataclass(slots=True)
class _Member:
    group: Group
    node: Node


def place(
    log: LogFile,
    groups: Sequence[Group],
    config: Config,
    first: Nanos,
    last: Nanos,
    names: list[str],
) -> LogView:
    """Hold one log against the wire."""
    scene = _Scene(groups, first, last, names)
    members, known_by = _owner(log, groups, config)
    node = members[0].node.id if members else None
    view = LogView(log.name, log.sha256, log.size, log.lines, node, known_by, notes=[*log.notes])
    view.offset = _offset(log, members)
    if any(entry.at is None for entry in log.entries):
        view.notes.append("lines without a time cannot be placed on the timeline")
    matched: set[int] = set()
    vhids = {e.interface: e.vhid for e in log.entries if e.kind is Kind.STATUS and e.interface}
    for entry in log.entries:
        member = _member(entry, members, vhids)
        view.entries.append(_judge(entry, member, view, scene, matched))
    if any(entry.kind is Kind.STATE and entry.at is not None for entry in log.entries):
        view.silent = list(_silent(log, members, view, scene, matched))
    return view


def _owner(log: LogFile, groups: Sequence[Group], config: Config) -> tuple[list[_Member], str]:
    """Find whose log it is; a node may be a member of several groups."""
    everyone = [_Member(group, node) for group in groups for node in group.members]

    def named(text: str) -> list[_Member]:
        return [
            m
            for m in everyone
            if text in (m.node.id, config.name_of(m.node.addresses) or m.node.id)
        ]

    if log.owner:
        found = named(log.owner)
        return found, "as said with --log" if found else f"no node is called {log.owner}"
    for host in dict.fromkeys(entry.host for entry in log.entries if entry.host):
        if found := named(host):
            return found, f"its lines name the host {host}"
    scores: dict[str, tuple[int, Nanos]] = {}
    for member in everyone:
        count, away = _fitting(log, member.node)
        before, nearest = scores.get(member.node.id, (0, SEARCH))
        scores[member.node.id] = (before + count, min(nearest, away))
    ranked = sorted(scores, key=lambda node: (-scores[node][0], scores[node][1]))
    if ranked and scores[ranked[0]][0] and (len(ranked) == 1 or _clear(scores, ranked)):
        found = [m for m in everyone if m.node.id == ranked[0]]
        return found, "its changes to MASTER fit this node's best"
    return [], "name it with --log NODE=FILE"


def _clear(scores: dict[str, tuple[int, Nanos]], ranked: list[str]) -> bool:
    """Tell whether the first fits better than the second, not by accident."""
    (count, away), (other, farther) = scores[ranked[0]], scores[ranked[1]]
    # where both change in step, the one whose clock would be right by far
    return count > other or (away <= TOLERANCE and farther > 3 * TOLERANCE)


def _fitting(log: LogFile, node: Node) -> tuple[int, Nanos]:
    """Count the lines that a node's reigns explain with one clock offset; return its size."""
    pairs = [
        (entry.at - reign.start, entry)
        for entry in _claims(log)
        if entry.at is not None and (reign := _nearest(entry.at, node)) is not None
    ]
    if not pairs:
        return 0, SEARCH
    offset = statistics.median_low(difference for difference, _ in pairs)
    fits = [entry for difference, entry in pairs if abs(difference - offset) <= _slack(entry)]
    return len(fits), abs(offset)


def _claims(log: LogFile) -> list[Entry]:
    return [
        e for e in log.entries if e.kind is Kind.STATE and e.after == "MASTER" and e.at is not None
    ]


def _nearest(at: Nanos | None, node: Node) -> Reign | None:
    """Find the reign that begins nearest to a time."""
    if at is None:
        return None
    best = min(node.reigns, key=lambda reign: abs(reign.start - at), default=None)
    return best if best is not None and abs(best.start - at) <= SEARCH else None


def _offset(log: LogFile, members: list[_Member]) -> Nanos | None:
    found = []
    for entry in _claims(log):
        assert entry.at is not None
        starts = [reign.start for m in members if (reign := _nearest(entry.at, m.node)) is not None]
        if starts:
            nearest = min(starts, key=lambda start: abs(start - (entry.at or 0)))
            found.append(entry.at - nearest)
    return round(statistics.median(found)) if found else None


def _member(entry: Entry, members: list[_Member], vhids: dict[str, int | None]) -> _Member | None:
    """Find which group a line is about; None where it could be several."""
    vhid = entry.vhid if entry.vhid is not None else vhids.get(entry.interface)
    fits = [m for m in members if vhid is None or m.group.vhid == vhid]
    return fits[0] if len(fits) == 1 else None


def _judge(
    entry: Entry, member: _Member | None, view: LogView, scene: _Scene, matched: set[int]
) -> Placed:
    if member is None:
        several = "it could be about several groups" if view.node else "whose log it is, is unknown"
        return Placed(entry, view.node, None, "cannot tell", several)
    group, node = member.group, member.node
    verdict, because = "cannot tell", "the line has no time"
    if entry.kind is Kind.STATUS:
        verdict, because = _status(entry, node, view)
    elif entry.at is not None:
        at = entry.at - (view.offset or 0)
        if not scene.first <= at <= scene.last:
            because = "no capture covers its time"
        elif entry.kind is Kind.STATE and entry.after == "MASTER":
            verdict, because = _claimed(entry, at, node, scene, matched)
        elif entry.kind is Kind.STATE:
            verdict, because = _stepped_down(entry, at, node)
        elif entry.kind is Kind.DEMOTION:
            verdict, because = _demoted(entry, at, node)
        elif entry.kind is Kind.REFUSED:
            verdict, because = _refused(group, node)
        else:
            verdict, because = _rivals(at, group)
    return Placed(entry, node.id, group.id, verdict, because)


def _slack(entry: Entry) -> Nanos:
    return TOLERANCE + (COARSE if entry.coarse else 0)


def _beat(node: Node) -> Nanos:
    return max(interval_ns(node.advbase, node.advskew), SECOND)


def _claimed(
    entry: Entry, at: Nanos, node: Node, scene: _Scene, matched: set[int]
) -> tuple[str, str]:
    slack = _slack(entry)
    for reign in node.reigns:
        if at - slack <= reign.start <= at + slack + _beat(node):
            matched.add(reign.first)
            frame = frame_name(reign.first, scene.names)
            when = clock(reign.start, digits=6)
            return "agrees", f"it begins to advertise at {when} (frame {frame})"
    if any(r.start < at - slack and at <= r.seen for r in node.reigns):
        return "contradicts", "it had been advertising already, and had not stopped"
    if at + slack + 2 * _beat(node) > scene.last:
        return "cannot tell", "the capture ends too soon after it"
    return "contradicts", "no advertisement of it follows"


def _stepped_down(entry: Entry, at: Nanos, node: Node) -> tuple[str, str]:
    slack, beat = _slack(entry), _beat(node)
    for reign in node.reigns:
        end = reign.end if reign.end is not None else reign.seen
        if reign.start - slack <= at and reign.seen - slack <= at <= end + slack + beat:
            return "agrees", f"its last advertisement is at {clock(reign.seen)}"
    going = [r for r in node.reigns if r.start < at - slack and r.seen > at + slack + beat]
    if going:
        later = going[0].seen
        return "contradicts", f"it goes on advertising until {clock(later)}"
    if entry.before == "MASTER":
        return "contradicts", "it was not advertising before it"
    return "agrees", "it is not advertising then"


def _demoted(entry: Entry, at: Nanos, node: Node) -> tuple[str, str]:
    slack = _slack(entry) + _beat(node)
    for change in node.changes:
        if change.what in ("demote", "advskew") and abs(change.at - at) <= slack:
            return "agrees", (
                f"its {change.what} goes from {change.before} to {change.after} at "
                f"{clock(change.at)}"
            )
    return "cannot tell", "a demotion shows on the wire only where it changes what a MASTER sends"


def _refused(group: Group, node: Node) -> tuple[str, str]:
    senders = [
        r.sender.id
        for r in relations(group)
        if r.receiver is node and r.relation in ("rejects", "deaf")
    ]
    if senders:
        return "agrees", f"it does not accept {', '.join(senders)}"
    return "cannot tell", "what it refused does not show"


def _rivals(at: Nanos, group: Group) -> tuple[str, str]:
    for contest in group.contests:
        if contest.start - 2 * SECOND <= at <= contest.end + 2 * SECOND:
            return "agrees", f"{' and '.join(contest.nodes)} advertise at once then"
    return "contradicts", "only one node advertises then"


def _status(entry: Entry, node: Node, view: LogView) -> tuple[str, str]:
    shapes = {(node.advbase, node.advskew)}
    for change in node.changes:
        if change.what == "advbase":
            shapes.add((change.before, node.advskew))
        elif change.what == "advskew":
            shapes.add((node.advbase, change.before))
    wanted = (entry.advbase, entry.advskew)
    if wanted not in shapes:
        seen = ", ".join(f"{base}/{skew}" for base, skew in sorted(shapes))
        return "contradicts", f"it advertises {seen}"
    told = f"it advertises {entry.advbase}/{entry.advskew}"
    if entry.at is None:
        return "agrees", f"{told}; when this was the output does not say"
    at = entry.at - (view.offset or 0)
    is_master = any(
        r.start - SECOND <= at <= (r.end if r.end is not None else r.seen) + SECOND
        for r in node.reigns
    )
    if is_master == (entry.after == "MASTER"):
        return "agrees", f"{told}, and {'is' if is_master else 'is not'} MASTER then"
    return "contradicts", f"on the wire it {'is' if is_master else 'is not'} MASTER then"


def _silent(
    log: LogFile, members: list[_Member], view: LogView, scene: _Scene, matched: set[int]
) -> list[str]:
    """Say which reigns the log covers and does not mention."""
    if log.first is None or log.last is None:
        return []
    found = []
    for member in members:
        for reign in member.node.reigns:
            at = reign.start + (view.offset or 0)
            covered = log.first + COARSE <= at <= log.last - COARSE
            from_the_start = reign.start <= scene.first + 2 * _beat(member.node)
            if covered and not from_the_start and reign.first not in matched:
                frame = frame_name(reign.first, scene.names)
                found.append(
                    f"{member.node.id} begins to advertise as MASTER of {member.group.id} at "
                    f"{clock(reign.start)} (frame {frame}), for "
                    f"{span_text(reign.seen - reign.start)}; the log covers the time and does "
                    "not say so"
                )
    return found[:100]
