"""A verdict as Nagios and Icinga plugins give it: a status, one line with perfdata, long output."""

from carpscope.core.text import shown
from carpscope.detect.finding import Severity
from carpscope.detect.standing import Status
from carpscope.report.snapshot import GroupView, Snapshot

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
CODES = {
    Status.HEALTHY: OK,
    Status.DEGRADED: WARNING,
    Status.FAILED: CRITICAL,
    Status.UNKNOWN: UNKNOWN,
}
"""As plugins count, and metrics."""
GROUPS_NAMED = 4
LONG_MAX = 4000
"""Characters after the first line: Nagios keeps 8 KiB of all."""


def verdict(taken: Snapshot) -> tuple[int, str]:
    """Return the status and the text. What cannot be seen is UNKNOWN, unless worse is known."""
    status, line = _first(taken)
    return status, "\n".join((f"{line} | {_perfdata(taken, status)}", *_long(taken)))


def _first(taken: Snapshot) -> tuple[int, str]:
    """Give the line that is sent to people."""
    status = CODES[Status(taken.status)]
    found = [one for one in taken.known if one.counts]
    if status == UNKNOWN:
        silent = [_place(group) for group in taken.groups if group.status == Status.UNKNOWN.value]
        whose = f"nobody is heard of {', '.join(silent[:GROUPS_NAMED])}" if silent else ""
        why = "; ".join(taken.unknown) or whose or "no CARP advertisement heard"
        return UNKNOWN, unknown(why)
    if found:
        told = f"{found[0].where}: {found[0].summary} ({found[0].code})"
        if len(found) > 1:
            told += f" (and {len(found) - 1} more)"
    else:
        told = "; ".join(
            f"{_place(group)} {_who(group)} MASTER"
            if group.is_known
            else f"{_place(group)} unknown"
            for group in taken.groups[:GROUPS_NAMED]
        )
        if len(taken.groups) > GROUPS_NAMED:
            told += f"; {len(taken.groups) - GROUPS_NAMED} more groups"
    if excused := [one for one in taken.known if not one.counts]:
        told += f"; in maintenance: {excused[0].where}"
    return status, f"CARP {_WORDS[status]} - {_plain(told)}"


def _long(taken: Snapshot) -> list[str]:
    """Give what a page of details shows: everything that is wrong, and how each group stands."""
    lines = []
    for one in taken.known:
        note = "" if one.counts else " (in maintenance)"
        lines += [f"{one.code} {one.severity.value}{note} {one.where}: {one.summary}"]
        if one.remedy:
            lines += [f"  Do: {one.remedy}"]
    for group in taken.groups:
        nodes = ", ".join(f"{node.name or node.id} {node.state}".rstrip() for node in group.nodes)
        lines += [f"{_place(group)}: {group.status}; {nodes if group.is_known else 'unknown'}"]
    kept: list[str] = []
    room = LONG_MAX
    for number, line in enumerate(map(_plain, lines)):
        room -= len(line) + 1
        if room < 0:
            return [*kept, f"and {len(lines) - number} more lines"]
        kept.append(line)
    return kept


def _place(group: GroupView) -> str:
    return f"{group.vips[0]} ({group.id})" if group.vips else group.id


def _who(group: GroupView) -> str:
    return " ".join(node.name or node.id for node in group.masters) or "nobody"


def unknown(why: str) -> str:
    """Give the line where nothing could be found out."""
    return f"CARP UNKNOWN - {_plain(why)}"


def _plain(text: str) -> str:
    """Leave out what would end the text or the line."""
    return shown(text).replace("|", "?")


def _perfdata(taken: Snapshot, status: int) -> str:
    """Give the numbers; U is the plugins' word for one that is unknown.

    Thresholds of findings are those of the status. A check begins to count when it starts, so
    none of these is a continuous counter, which would be marked c.
    """
    nodes = sum(len(group.nodes) for group in taken.groups)
    dropped = sum(i.dropped + i.interface_dropped for i in taken.interfaces)
    known = [group for group in taken.groups if group.is_known]
    masters: int | str = sum(len(group.masters) for group in known)
    ranks = [one.severity.rank for one in taken.known if one.counts]
    critical: int | str = sum(rank >= Severity.ERROR.rank for rank in ranks)
    warning: int | str = ranks.count(Severity.WARNING.rank)
    if not known and (taken.unknown or status == UNKNOWN):
        masters = "U"
    if status == UNKNOWN:
        critical = warning = "U"
    return (
        f"groups={len(taken.groups)} nodes={nodes} masters={masters} "
        f"critical={critical};;0;0 warning={warning};0;;0 "
        f"advertisements={taken.adverts} dropped={dropped}"
    )
