"""A verdict as Nagios and Icinga plugins give it: a status and one line with perfdata."""

from carpscope.core.text import shown
from carpscope.detect.finding import Severity
from carpscope.report.snapshot import Snapshot

OK, WARNING, CRITICAL, UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_STATUS = {
    Severity.CRITICAL: CRITICAL,
    Severity.ERROR: CRITICAL,
    Severity.WARNING: WARNING,
    Severity.INFO: OK,
}


def verdict(taken: Snapshot) -> tuple[int, str]:
    """Return the status and the line."""
    if not taken.groups and not taken.open:
        return UNKNOWN, unknown("no CARP advertisement heard") + f" | {_perfdata(taken)}"
    status = max((_STATUS[found.severity] for found in taken.open), default=OK)
    if taken.open:
        told = f"{taken.open[0].code} {taken.open[0].summary}"
        if len(taken.open) > 1:
            told += f" (and {len(taken.open) - 1} more)"
    else:
        told = "; ".join(
            f"{group.id} {' '.join(n.name or n.id for n in group.masters) or 'nobody'} MASTER"
            for group in taken.groups[:4]
        )
        if len(taken.groups) > 4:
            told += f"; {len(taken.groups) - 4} more groups"
    return status, f"CARP {_WORDS[status]} - {_plain(told)} | {_perfdata(taken)}"


def unknown(why: str) -> str:
    """Give the line where nothing could be found out."""
    return f"CARP UNKNOWN - {_plain(why)}"


def _plain(text: str) -> str:
    """Leave out what would end the text or the line."""
    return shown(text).replace("|", "?")


def _perfdata(taken: Snapshot) -> str:
    nodes = sum(len(group.nodes) for group in taken.groups)
    masters = sum(len(group.masters) for group in taken.groups)
    dropped = sum(i.dropped + i.interface_dropped for i in taken.interfaces)
    return (
        f"groups={len(taken.groups)} nodes={nodes} masters={masters} "
        f"findings={len(taken.open)};0;0 advertisements={taken.adverts}c dropped={dropped}c"
    )
