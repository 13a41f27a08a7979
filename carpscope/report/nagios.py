"""A verdict as Nagios and Icinga plugins give it: a status and one line with perfdata."""

from carpscope.core.text import shown
from carpscope.detect.finding import Severity
from carpscope.report.snapshot import GroupView, Snapshot

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_STATUS = {
    Severity.CRITICAL: CRITICAL,
    Severity.ERROR: CRITICAL,
    Severity.WARNING: WARNING,
    Severity.INFO: OK,
}


def verdict(taken: Snapshot) -> tuple[int, str]:
    """Return the status and the line. What cannot be seen is UNKNOWN, unless worse is known."""
    found = taken.known
    status = max((_STATUS[one.severity] for one in found), default=OK)
    if status != CRITICAL and (taken.unknown or not (taken.groups or found)):
        why = "; ".join(taken.unknown) or "no CARP advertisement heard"
        return UNKNOWN, unknown(why) + f" | {_perfdata(taken)}"
    if found:
        told = f"{found[0].code} {found[0].summary}"
        if len(found) > 1:
            told += f" (and {len(found) - 1} more)"
    else:
        told = "; ".join(
            f"{group.id} {_who(group)} MASTER" if group.is_known else f"{group.id} unknown"
            for group in taken.groups[:4]
        )
        if len(taken.groups) > 4:
            told += f"; {len(taken.groups) - 4} more groups"
    return status, f"CARP {_WORDS[status]} - {_plain(told)} | {_perfdata(taken)}"


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
