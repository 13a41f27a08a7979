"""A demotion that a log tells, beside the changes of what the node advertises.

Direction, amount and total must all fit. FreeBSD adds the total of the whole host to every
advskew and holds the sum at 240; OpenBSD sends the count of the group in byte 4. It shows only
while the node is MASTER, and an OpenBSD tells a decrease with its next advertisement.
"""

import bisect
from collections.abc import Iterable, Sequence

from carpscope.core.units import SECOND, Nanos, clock
from carpscope.core.values import dataclass
from carpscope.report.hostlog.entry import Entry, EntryKind
from carpscope.report.hostlog.placed import Says
from carpscope.report.hostlog.whose import LogMember, slack
from carpscope.timeline.node import AdvertisedChange
from carpscope.wire.carp import interval_ns

MOST = 240
"""What FreeBSD holds the sum of advskew and demotion at."""
COUNT_MAX = 255


@dataclass(slots=True)
class _Seen:
    """What one group shows."""

    says: Says
    because: str


class DemotionLines:
    """The demotions of one log, and the changes on the wire that they explain.

    Every line takes the change that fits it before any is contradicted, so that of several
    within a second none is held against the change of another.
    """

    def __init__(self, timed: Iterable[tuple[Entry, Nanos]], members: Sequence[LogMember]) -> None:
        """Take all lines with their times on the wire's clock."""
        self._members = members
        self._fits: dict[tuple[int, str], AdvertisedChange] = {}
        """By line and group."""
        self._used: set[tuple[str, int]] = set()
        self._changes: dict[tuple[str, str], tuple[list[Nanos], list[AdvertisedChange]]] = {}
        """By group and field, with their times: a log may have thousands of lines."""
        for entry, at in timed:
            if entry.kind is EntryKind.DEMOTION:
                for member in members:
                    self._take(entry, at, member)

    def _take(self, entry: Entry, at: Nanos, member: LogMember) -> None:
        group = member.group.id
        fits = [c for c in self._near(entry, at, member) if _fits(entry, c)]
        free = [c for c in fits if (group, c.frame) not in self._used]
        if free:
            change = min(free, key=lambda change: abs(change.at - at))
            self._used.add((group, change.frame))
            self._fits[entry.line, group] = change

    def judge(self, entry: Entry, at: Nanos) -> tuple[Says, str]:
        """Hold a line against all groups of the host."""
        seen = [found for m in self._members if (found := self._in_group(entry, at, m))]
        for says in (Says.CONTRADICTS, Says.AGREES, Says.MISSING):
            fits = [found for found in seen if found.says is says]
            if fits:
                more = f", and so in {len(fits)} groups" if len(fits) > 1 else ""
                return says, fits[0].because + more
        return (
            Says.UNDECIDABLE,
            "a demotion shows on the wire only where it changes what a MASTER sends",
        )

    def _in_group(self, entry: Entry, at: Nanos, member: LogMember) -> _Seen | None:
        group = member.group.id
        if (change := self._fits.get((entry.line, group))) is not None:
            return _Seen(Says.AGREES, _shown(change))
        near = [c for c in self._near(entry, at, member) if (group, c.frame) not in self._used]
        if near:
            return _Seen(Says.CONTRADICTS, f"{_shown(near[0])}, which is not {_told(entry)}")
        off = slack(entry)
        through = any(
            r.start < at - off and r.seen > at + off + _beat(member)
            for r in member.node.master_periods
        )
        if through and _must_show(entry, at, member):
            what = _field(entry)
            return _Seen(Says.MISSING, f"it goes on as MASTER of {group}, its {what} unchanged")
        return None

    def _near(self, entry: Entry, at: Nanos, member: LogMember) -> list[AdvertisedChange]:
        key = member.group.id, _field(entry)
        if key not in self._changes:
            found = [change for change in member.node.changes if change.what == key[1]]
            self._changes[key] = [change.at for change in found], found
        times, changes = self._changes[key]
        off = slack(entry)
        first = bisect.bisect_left(times, at - off)
        return changes[first : bisect.bisect_right(times, at + off + _beat(member))]


def _field(entry: Entry) -> str:
    return "demote" if entry.system == "OpenBSD" else "advskew"


def _beat(member: LogMember) -> Nanos:
    return max(interval_ns(member.node.advbase, member.node.advskew), SECOND)


def _fits(entry: Entry, change: AdvertisedChange) -> bool:
    """Tell whether a change is what a demotion makes of what was sent before."""
    by, total = entry.by, entry.demotion or 0
    if change.what == "demote":
        if change.after != min(max(total, 0), COUNT_MAX):
            return False
        return by is None or min(total - by, COUNT_MAX) == change.before
    if by is not None and (by > 0) != (change.after > change.before) and total >= 0:
        return False
    # the advskew that is configured is what is sent without the total, where no bound hides it
    configured = _without(change.after, total)
    earlier = None if by is None else _without(change.before, total - by)
    if configured is None and earlier is not None and total > 0 and total + earlier < MOST:
        return False
    known = [value for value in (configured, earlier) if value is not None]
    return all(0 <= value <= MOST for value in known) and len(set(known)) <= 1


def _without(sent: int, total: int) -> int | None:
    """Return the advskew under a demotion; None where it is at a bound."""
    if total < 0 and sent > MOST:
        sent -= 256  # FreeBSD to 13.0: a negative skew leaves as its low byte
    if sent >= MOST or (total < 0 and sent <= 0):
        return None
    return sent - total


def _must_show(entry: Entry, at: Nanos, member: LogMember) -> bool:
    """Tell whether a MASTER would have sent something else after it."""
    what, by = _field(entry), entry.by or 0
    if what == "demote":
        return by != 0
    before = member.node.advskew
    for change in reversed(member.node.changes):
        if change.what == what and change.at > at:
            before = change.before
    return before < MOST if by > 0 else by < 0 < before < MOST


def _shown(change: AdvertisedChange) -> str:
    return f"its {change.what} goes from {change.before} to {change.after} at {clock(change.at)}"


def _told(entry: Entry) -> str:
    by = f"by {entry.by} " if entry.by is not None else ""
    return f"{by}to {entry.demotion}"
