"""A verdict as Nagios and Icinga plugins give it: a status and one line with perfdata."""

from carpscope.core.text import shown
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


def verdict(taken: Snapshot) -> tuple[int, str]:
    """Return the status and the line. What cannot be seen is UNKNOWN, unless worse is known."""
    status = CODES[Status(taken.status)]
    found = [one for one in taken.known if one.counts]
    if status == UNKNOWN:
        silent = [_place(group) for group in taken.groups if group.status == Status.UNKNOWN.value]
        whose = f"nobody is heard of {', '.join(silent[:GROUPS_NAMED])}" if silent else ""
        why = "; ".join(taken.unknown) or whose or "no CARP advertisement heard"
        return UNKNOWN, unknown(why) + f" | {_perfdata(taken)}"
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
    return status, f"CARP {_WORDS[status]} - {_plain(told)} | {_perfdata(taken)}"


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


def _perfdata(taken: Snapshot) -> str:
    """Give the numbers; U is the plugins' word for one that is unknown."""
    nodes = sum(len(group.nodes) for group in taken.groups)
    dropped = sum(i.dropped + i.interface_dropped for i in taken.interfaces)
    known = [group for group in taken.groups if group.is_known]
    masters: int | str = sum(len(group.masters) for group in known)
    found: int | str = len(taken.known)
    if taken.unknown:
        masters, found = (masters if known else "U"), (found or "U")
    return (
        f"groups={len(taken.groups)} nodes={nodes} masters={masters} "
        f"findings={found};0;0 advertisements={taken.adverts}c dropped={dropped}c"
    )
