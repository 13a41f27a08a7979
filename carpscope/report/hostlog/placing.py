"""Log lines beside the wire: whose log it is, how its clock stands, who is right.

A line that says MASTER is followed by the node's first advertisement; one that says
BACKUP by none. Where a capture covers the time and shows something else, they contradict
each other, and the line says so with the frame; what would have been seen and was not is "not
on the wire", and what these captures could not have shown is "not decidable".
"""

from collections.abc import Sequence

from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import SECOND, Nanos, clock, span_text
from carpscope.core.values import dataclass, field, replace
from carpscope.report.finding import frame_name
from carpscope.report.hostlog.demotions import DemotionLines
from carpscope.report.hostlog.entry import Entry, EntryKind
from carpscope.report.hostlog.placed import LogView, Placed, Says
from carpscope.report.hostlog.read import LogFile
from carpscope.report.hostlog.whose import (
    COARSE,
    LogMember,
    Scope,
    claims,
    clock_offset,
    nearest,
    owner,
    slack,
    strangers,
)
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.relations import at_the_end
from carpscope.wire.carp import interval_ns

MINUTE: Nanos = 60 * SECOND
_ZONE_STEP = 15 * MINUTE
_ZONE_MOST = 14 * 60 * MINUTE
_FITS_LEAST, _FITS_MOST = 2, 32
"""Lines that must fit another zone before it is believed, and that are looked at."""


@dataclass(slots=True)
class _Scene:
    """The wire, as a log is held against it."""

    groups: Sequence[Group]
    first: Nanos
    last: Nanos
    names: list[str]


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
    members, known_by = owner(log, groups, config)
    node = members[0].node.id if members else None
    view = LogView(log.name, log.sha256, log.size, log.lines, node, known_by, notes=[*log.notes])
    view.unread, view.unread_count = log.unread.lines, log.unread.count
    foreign = strangers(log, members, groups, config)
    everything, log = (
        log.entries,
        replace(log, entries=[entry for entry in log.entries if entry.host not in foreign]),
    )
    if any(entry.at is None for entry in log.entries):
        view.notes.append("lines without a time cannot be placed on the timeline")
    hearing = _Hearing(view, scene, members, Scope.of(log, members))
    hearing.shift = _other_zone(log, hearing)
    view.offset = clock_offset(_shifted(log.entries, hearing.shift), hearing.scope, _beat)
    timed = [(e, at) for e in log.entries if (at := hearing.time_of(e)) is not None]
    hearing.demotions = DemotionLines(timed, members)
    for entry in everything:
        view.entries.append(hearing.judge(entry, foreign.get(entry.host, "")))
    if any(entry.kind is EntryKind.STATE and entry.at is not None for entry in log.entries):
        view.silent = list(_silent(log, hearing))
    return view


def _shifted(found: list[Entry], shift: Nanos) -> list[Entry]:
    """Read lines that do not say their zone as those of another one."""
    return [
        entry if entry.has_zone or entry.at is None else replace(entry, at=entry.at - shift)
        for entry in found
    ]


def _other_zone(log: LogFile, hearing: "_Hearing") -> Nanos:
    """Find whether lines without a zone are of another one than they were read in.

    None of them fits where it stands, and all that claim fit one whole number of quarters of
    an hour away: two lines at least, so that it is no accident.
    """
    bare = [entry for entry in claims(log) if not entry.has_zone][:_FITS_MOST]
    if len(bare) < _FITS_LEAST or _matching(bare, hearing, 0):
        return 0
    for quarter in range(1, _ZONE_MOST // _ZONE_STEP + 1):
        for shift in (quarter * _ZONE_STEP, -quarter * _ZONE_STEP):
            if _matching(bare, hearing, shift) == len(bare):
                hours = f"{'+' if shift > 0 else '-'}{abs(shift) // (60 * MINUTE):02}"
                minutes = abs(shift) // MINUTE % 60
                hearing.view.notes.append(
                    f"its lines without a zone fit the wire {hours}:{minutes:02} from where "
                    "--log-zone puts them, and nowhere else; they are read so"
                )
                return shift
    return 0


def _matching(found: list[Entry], hearing: "_Hearing", shift: Nanos) -> int:
    count = 0
    for entry in _shifted(found, shift):
        fits, _ = hearing.scope.about(entry)
        at = entry.at
        if at is not None and any(nearest(at, m.node) is not None for m in fits):
            count += 1
    return count


@dataclass(slots=True)
class _Hearing:
    """One log while its lines are judged."""

    view: LogView
    scene: _Scene
    members: list[LogMember]
    scope: Scope
    shift: Nanos = 0
    matched: dict[tuple[str, int], Entry] = field(default_factory=dict)
    """Which line told of a MASTER period, by group and first frame; of several the first."""
    demotions: DemotionLines | None = None

    def time_of(self, entry: Entry) -> Nanos | None:
        """Return a line's time on the wire's clock."""
        if entry.at is None:
            return None
        shift = 0 if entry.has_zone else self.shift
        return entry.at - shift - (self.view.offset or 0)

    def judge(self, entry: Entry, foreign: str = "") -> Placed:
        """Say what the wire says to one line; `foreign` is why it is not of the log's owner."""
        if foreign:
            return self._placed(entry, None, Says.UNDECIDABLE, foreign)
        if not self.members:
            return self._placed(entry, None, Says.UNDECIDABLE, "whose log it is, is unknown")
        at = self.time_of(entry)
        if at is None and entry.kind is not EntryKind.STATUS:
            return self._placed(entry, None, Says.UNDECIDABLE, "the line has no time")
        covered = at is None or self.scene.first <= at <= self.scene.last
        if not covered and entry.kind is not EntryKind.STATUS:
            return self._placed(entry, None, Says.UNDECIDABLE, "no capture covers its time")
        if entry.kind is EntryKind.DEMOTION:
            # of a whole FreeBSD, and of an interface group of OpenBSD
            assert at is not None
            assert self.demotions is not None
            says, because = self.demotions.judge(entry, at)
            return self._placed(entry, self._only(self.members), says, because)
        fits, why = self.scope.about(entry)
        if not fits:
            return self._placed(entry, None, Says.UNDECIDABLE, why)
        found = {member.group.id: _judge(entry, at, member, self) for member in fits}
        if len({says for says, _ in found.values()}) > 1:
            several = f"it could be about {' or '.join(found)}, which differ"
            return self._placed(entry, None, Says.UNDECIDABLE, several)
        says, because = next(iter(found.values()))
        return self._placed(entry, self._only(fits), says, because)

    def _only(self, members: list[LogMember]) -> str | None:
        return members[0].group.id if len(members) == 1 else None

    def _placed(self, entry: Entry, group: str | None, says: Says, because: str) -> Placed:
        return Placed(entry, self.view.node, group, says, because, self.time_of(entry))


def _judge(
    entry: Entry, at: Nanos | None, member: LogMember, hearing: _Hearing
) -> tuple[Says, str]:
    group, node, scene = member.group, member.node, hearing.scene
    if entry.kind is EntryKind.STATUS:
        return _status(entry, at, node, scene)
    assert at is not None
    match entry.kind:
        case EntryKind.STATE if entry.after == "MASTER":
            return _claimed(entry, at, member, hearing)
        case EntryKind.STATE:
            return _stepped_down(entry, at, node)
        case EntryKind.REFUSED:
            return _refused(group, node)
        case EntryKind.BLOCKED:
            return _blocked(entry, at, group, node)
        case EntryKind.COUNTER:
            return _counted(entry, group, node)
        case _:
            return _rivals(at, group)


def _beat(node: Node) -> Nanos:
    return max(interval_ns(node.advbase, node.advskew), SECOND)


def _claimed(entry: Entry, at: Nanos, member: LogMember, hearing: _Hearing) -> tuple[Says, str]:
    off, node, scene = slack(entry), member.node, hearing.scene
    for period in node.master_periods:
        if at - off <= period.start <= at + off + _beat(node):
            earlier = hearing.matched.setdefault((member.group.id, period.first), entry)
            if (
                earlier.before
                and entry.before
                and (earlier.at, earlier.after) != (entry.at, entry.after)
            ):
                return Says.UNDECIDABLE, f"line {earlier.line} tells of the change that it could be"
            frame = frame_name(period.first, scene.names)
            when = clock(period.start, digits=6)
            return Says.AGREES, f"it begins to advertise at {when} (frame {frame})"
    near = nearest(at, node)
    if hearing.view.offset is None and near is not None and (away := at - near.start):
        told = f"it fits where the host's clock is {away / SECOND:+.1f} s off"
        return Says.UNDECIDABLE, f"{told}, and nothing else shows whether it is"
    if any(r.start < at - off and at <= r.seen for r in node.master_periods):
        return Says.CONTRADICTS, "it had been advertising already, and had not stopped"
    if at + off + 2 * _beat(node) > scene.last:
        return Says.UNDECIDABLE, "the capture ends too soon after it"
    return Says.MISSING, "no advertisement of it follows"


def _stepped_down(entry: Entry, at: Nanos, node: Node) -> tuple[Says, str]:
    off, beat = slack(entry), _beat(node)
    for period in node.master_periods:
        end = period.until
        if period.start - off <= at and period.seen - off <= at <= end + off + beat:
            return Says.AGREES, f"its last advertisement is at {clock(period.seen)}"
    going = [r for r in node.master_periods if r.start < at - off and r.seen > at + off + beat]
    if going:
        later = going[0].seen
        return Says.CONTRADICTS, f"it goes on advertising until {clock(later)}"
    if entry.before == "MASTER":
        return Says.MISSING, "it was not advertising before it"
    return Says.AGREES, "it is not advertising then"


def _refused(group: Group, node: Node) -> tuple[Says, str]:
    senders = [
        r.sender.id
        for r in at_the_end(group)
        if r.receiver is node and r.relation in ("rejects", "deaf")
    ]
    if senders:
        return Says.AGREES, f"it does not accept {', '.join(senders)}"
    return Says.UNDECIDABLE, "what it refused does not show"


def _rivals(at: Nanos, group: Group) -> tuple[Says, str]:
    for contest in group.contests:
        if contest.start - 2 * SECOND <= at <= contest.end + 2 * SECOND:
            return Says.AGREES, f"{' and '.join(contest.nodes)} advertise at once then"
    return Says.MISSING, "only one node advertises then"


def _status(entry: Entry, at: Nanos | None, node: Node, scene: _Scene) -> tuple[Says, str]:
    shapes = {(node.advbase, node.advskew)}
    for change in node.changes:
        if change.what == "advbase":
            shapes.add((change.before, node.advskew))
        elif change.what == "advskew":
            shapes.add((node.advbase, change.before))
    wanted = (entry.advbase, entry.advskew)
    if wanted not in shapes:
        seen = ", ".join(f"{base}/{skew}" for base, skew in sorted(shapes))
        return Says.CONTRADICTS, f"it advertises {seen}"
    told = f"it advertises {entry.advbase}/{entry.advskew}"
    if at is None:
        return Says.AGREES, f"{told}; when this was the output does not say"
    if not scene.first <= at <= scene.last:
        return Says.UNDECIDABLE, f"{told}; no capture covers the time of the output"
    is_master = any(r.start - SECOND <= at <= r.until + SECOND for r in node.master_periods)
    if is_master == (entry.after == "MASTER"):
        return Says.AGREES, f"{told}, and {'is' if is_master else 'is not'} MASTER then"
    return Says.CONTRADICTS, f"on the wire it {'is' if is_master else 'is not'} MASTER then"


def _blocked(entry: Entry, at: Nanos, group: Group, node: Node) -> tuple[Says, str]:
    """A line of a packet filter proves that an advertisement arrived, and was not let in."""
    for other in group.members:
        if other is node or entry.source not in map(ip_text, other.addresses):
            continue
        beat = _beat(other) + slack(entry)
        if any(r.start - beat <= at <= r.seen + beat for r in other.master_periods):
            return Says.AGREES, f"{other.id} advertises then: it arrived there and was blocked"
        return Says.MISSING, f"{other.id} is not advertising then"
    return Says.MISSING, f"no node of the group advertises from {entry.source}"


def _counted(entry: Entry, group: Group, node: Node) -> tuple[Says, str]:
    gained = f"{entry.by:,} more"
    if entry.since is not None and entry.at is not None:
        gained += f" within {span_text(entry.at - entry.since)}"
    if "authentication" in entry.reason:
        says, because = _refused(group, node)
        return says, f"{gained}; {because}"
    if "TTL" in entry.reason:
        far = [n.id for n in group.members if n is not node and any(ttl != 255 for ttl in n.ttl)]
        if far:
            return Says.AGREES, f"{gained}; {', '.join(far)} sends with another TTL than 255"
        return Says.MISSING, f"{gained}; all that is captured has TTL 255"
    return Says.UNDECIDABLE, f"{gained}; which packets these were does not show"


def _silent(log: LogFile, hearing: _Hearing) -> list[str]:
    """Say which MASTER periods the log covers and does not mention."""
    if log.first is None or log.last is None:
        return []
    found = []
    view, scene = hearing.view, hearing.scene
    for member in hearing.members:
        for period in member.node.master_periods:
            at = period.start + (view.offset or 0) + hearing.shift
            covered = log.first + COARSE <= at <= log.last - COARSE
            from_the_start = period.start <= scene.first + 2 * _beat(member.node)
            told = (member.group.id, period.first) in hearing.matched
            if covered and not from_the_start and not told:
                frame = frame_name(period.first, scene.names)
                found.append(
                    f"{member.node.id} begins to advertise as MASTER of {member.group.id} at "
                    f"{clock(period.start)} (frame {frame}), for "
                    f"{span_text(period.seen - period.start)}; the log covers the time and does "
                    "not say so"
                )
    return found[:100]
