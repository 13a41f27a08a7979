"""Who is MASTER: at a time, now or at the end, for how long, and several at once.

The observer keeps it as periods (`node.MasterPeriod`); every other place asks the functions here,
so that a finding, a table and a drawing agree. A period that lasts is counted up to the node's
last advertisement: whether the node has stopped since is known only when the next one is overdue.
"""

from collections.abc import Iterable
from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.timeline import traits
from carpscope.timeline.group import Group
from carpscope.timeline.node import MasterPeriod, Node
from carpscope.wire.carp import interval_ns


class TimesMaster(NamedTuple):
    """How often a node was MASTER within a stretch of time, and for how long in total."""

    times: int
    total: Nanos


def is_master(node: Node) -> bool:
    """Tell whether a node is MASTER now, or was when the capture ended."""
    return bool(node.master_periods) and node.master_periods[-1].ended_by in ("", "capture")


def is_silent(node: Node, now: Nanos, resumed: Nanos = 0) -> bool:
    """Return whether a MASTER has been silent for longer than any backup of it waits.

    Until then it counts as MASTER where nobody took over: an advertisement may be lost. `resumed`
    is the time since when the capture sees frames again; silence before it is no evidence.
    """
    silence = now - max(node.last, resumed)
    due = interval_ns(node.advbase, node.advskew)  # nobody waits for less
    return silence > due and silence > traits.takeover(node).latest


def is_unheard(group: Group, now: Nanos) -> bool:
    """Return whether a group had a MASTER and no node of it advertises any more."""
    last = [node.master_periods[-1] for node in group.known if node.master_periods]
    if not last or any(is_master(node) and not is_silent(node, now) for node in group.known):
        return False
    return max(last, key=lambda master_period: master_period.until).ended_by not in (
        "bow-out",
        "yielded",
    )


def master(group: Group) -> Node | None:
    """Return who is MASTER; None where nobody is, or more than one."""
    masters = [node for node in group.known if is_master(node)]
    return masters[0] if len(masters) == 1 else None


def held(periods: Iterable[MasterPeriod], start: Nanos, end: Nanos) -> TimesMaster:
    """Return how often and for how long one node was MASTER between two times."""
    shared = [
        min(period.until, end) - max(period.start, start)
        for period in periods
        if period.start <= end and period.until >= start
    ]
    return TimesMaster(len(shared), sum(shared))


def overlap(one: MasterPeriod, other: MasterPeriod) -> Nanos:
    """Return for how long two nodes went on as MASTER at once; negative where they did not."""
    return min(one.insisted, other.insisted) - max(one.start, other.start)


def several(periods: Iterable[MasterPeriod]) -> list[tuple[Nanos, Nanos]]:
    """Return when two or more of these were MASTER at once, in order of time."""
    edges = [edge for one in periods for edge in ((one.start, 1), (one.until, -1))]
    found: list[tuple[Nanos, Nanos]] = []
    count, since, pair = 0, 0, 2
    for at, step in sorted(edges, key=lambda edge: (edge[0], -edge[1])):
        if count == pair - 1 and step == 1:
            since = at
        elif count == pair and step == -1 and at > since:
            found.append((since, at))
        count += step
    return found


def unheard(periods: Iterable[MasterPeriod]) -> list[tuple[Nanos, Nanos]]:
    """Return (start, end) of each time without a MASTER between these periods, in order of time.

    A time begins with the last advertisement before a silence, or with a bow-out, and ends with
    the next advertisement. Times in which nothing at all was captured are left out.
    """
    found: list[tuple[Nanos, Nanos]] = []
    last: tuple[Nanos, MasterPeriod] | None = None
    for one in sorted(periods, key=lambda period: period.start):
        end = one.seen if one.ended_by == "silent" else one.until
        if last is not None and one.start > last[0] and last[1].ended_by != "unseen":
            found.append((last[0], one.start))
        if last is None or end > last[0]:
            last = end, one
    return found
