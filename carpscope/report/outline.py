"""How all groups stand: one line a state, worst first, and how often one took over from another.

Two hundred groups are a screen: each state says how many, and by their shared addresses which;
of those that are well, who is MASTER of how many.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.text import Text

from carpscope.config import Config
from carpscope.core.text import plural
from carpscope.core.units import span_text
from carpscope.detect.events import Event
from carpscope.detect.standing import Places, Standing, Status
from carpscope.detect.words import listed, named
from carpscope.timeline.group import Group
from carpscope.timeline.mastership import is_master

SIGNS = {
    Status.FAILED: ("✗", "bold red"),
    Status.DEGRADED: ("!", "yellow"),
    Status.UNKNOWN: ("?", "yellow"),
    Status.HEALTHY: ("✓", "green"),
}
"""Worst first."""
MASTERS_NAMED = 3


def states(
    groups: Sequence[Group], standing: Standing, places: Places, config: Config, width: int
) -> list[Text]:
    """Give a line for each state that a group is in."""
    by_state: dict[Status, list[Group]] = {}
    for group in groups:
        by_state.setdefault(standing.of(group.id), []).append(group)
    lines = []
    for status, (sign, style) in SIGNS.items():
        of = by_state.get(status, [])
        if not of:
            continue
        line = Text(f"  {sign} ", style=style).append(f"{len(of):,} {status.value}")
        line = Text().append_text(line)
        line.append(" " * max(2, 18 - line.cell_len))
        if status is Status.HEALTHY:
            told = _masters(of, config)
            excused = [group for group in of if standing.in_maintenance(group.id)]
            told += f"; {len(excused):,} in maintenance" if excused else ""
        else:
            told = _which([places.of(group.id) for group in of], width - line.cell_len)
        line.append(told)
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return lines


def _which(names: Sequence[str], room: int) -> str:
    """Name as many as there is room for, and count the rest."""
    for count in range(len(names), 0, -1):
        more = len(names) - count
        told = ", ".join(names[:count]) + (f" and {more:,} more" if more else "")
        if len(told) <= room:
            return told
    return names[0]


def _masters(groups: Iterable[Group], config: Config) -> str:
    """Say who is MASTER of how many."""
    counts = Counter(
        config.name_of(node.addresses) or node.id
        for group in groups
        for node in group.known
        if is_master(node)
    )
    told = [f"{node} MASTER of {count:,}" for node, count in counts.most_common(MASTERS_NAMED)]
    more = len(counts) - MASTERS_NAMED
    return ", ".join(told) + (f" and {more:,} more nodes" if more > 0 else "")


def failovers(events: Iterable[Event], groups: Iterable[Group], places: Places) -> str:
    """Say how often a backup took over from a silent master and how long nobody was MASTER.

    `192.0.2.10 (vhid 1): 1 failover, 4.2 s without a MASTER; 192.0.2.1 silent to the end`; empty
    where none did.
    """
    found = [event for event in events if event.label == "failover"]
    if not found:
        return ""
    of = list(dict.fromkeys(event.group for event in found))
    took = [event.end - event.start for event in found]
    longest = span_text(max(took))
    told = f"{plural(len(found), 'failover')}, {longest} without a MASTER"
    if len(found) > 1:
        told = f"{len(found):,} failovers, up to {longest} without a MASTER"
        told += f", {span_text(sum(took))} in all"
    silent = [
        node.id
        for group in groups
        if group.id in of
        for node in group.known
        if node.master_periods and node.master_periods[-1].ended_by == "silent"
    ]
    if silent:
        told += f"; {named(dict.fromkeys(silent))} silent to the end"
    where = listed(places.of(one) for one in of) if len(of) < 3 else plural(len(of), "group")
    return f"{where}: {told}"
