"""Who is MASTER: at a time, now or at the end, for how long, and several at once.

What advertisements show of it is kept as periods (`node.Reign`) by the observer; every other
place asks here, so that a finding, a table and a bar say the same.
"""

from collections.abc import Iterable
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.timeline import traits
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node, Reign


class Held(NamedTuple):
    """How often a node was MASTER within a stretch of time, and for how long in total."""

    times: int
    total: Nanos


def is_master(node: Node) -> bool:
    """Tell whether a node is MASTER now, or was when the capture ended."""
    return bool(node.reigns) and node.reigns[-1].ended_by in ("", "capture")


def is_silent(node: Node, now: Nanos) -> bool:
    """Tell whether a MASTER has been silent for longer than any backup of it waits.

    One that nobody followed counts as MASTER until then: an advertisement may be lost.
    """
    return now - node.last > traits.takeover(node).latest


def master(group: Group) -> Node | None:
    """Return who is MASTER; None where nobody is, or more than one."""
    masters = [node for node in group.known if is_master(node)]
    return masters[0] if len(masters) == 1 else None


def held(periods: Iterable[Reign], start: Nanos, end: Nanos) -> Held:
    """Say how often and for how long one node was MASTER between two times."""
    shared = [
        min(_end(period, end), end) - max(period.start, start)
        for period in periods
        if period.start <= end and _end(period, end) >= start
    ]
    return Held(len(shared), sum(shared))


def overlap(one: Reign, other: Reign) -> Nanos:
    """Return for how long two nodes were MASTER at once; negative where they were not."""
    now = max(one.until, other.until)
    return min(_end(one, now), _end(other, now)) - max(one.start, other.start)


def several(periods: Iterable[Reign]) -> list[tuple[Nanos, Nanos]]:
    """Return when two or more of these were MASTER at once, in order of time."""
    known = list(periods)
    now = max((period.until for period in known), default=0)
    edges = [edge for one in known for edge in ((one.start, 1), (_end(one, now), -1))]
    found: list[tuple[Nanos, Nanos]] = []
    count, since, pair = 0, 0, 2
    for at, step in sorted(edges, key=lambda edge: (edge[0], -edge[1])):
        if count == pair - 1 and step == 1:
            since = at
        elif count == pair and step == -1 and at > since:
            found.append((since, at))
        count += step
    return found


def _end(period: Reign, now: Nanos) -> Nanos:
    """Return when a period ended; one that lasts does so until now."""
    return period.end if period.end is not None else max(period.seen, now)
