"""Two nodes that prove to be one: a capture that began between the two families of a pair.

The IPv6 half of a pair comes right behind the IPv4 half (`Group.pairs`). Where the IPv4 half of
the first pair is missing, the IPv6 address was taken for a node of its own until the next pair.
Then everything kept of it is given to the node that it belongs to: addresses, MASTER period,
contests, history.
"""

from collections import deque

from carpscope.timeline.contest import Contest
from carpscope.timeline.group import Group
from carpscope.timeline.node import MasterPeriod, Node


def join(group: Group, gone: Node, into: Node) -> None:
    """Give `into` everything that is known of `gone`, and remove `gone` from the group."""
    for address in gone.addresses:
        group.nodes[address] = into
        into.addresses.append(address)
    _mastership(group, gone, into)
    gone.master_periods = []
    _memory(gone, into)
    for pair in [pair for pair in group.hearing.pairs if gone.id in pair]:
        del group.hearing.pairs[pair]
    group.contests[:] = [one for one in group.contests if _is_left(one, gone, into)]
    contest = group.contest
    if contest is not None and len(group.masters) < 2:
        contest.open = False
    sent = (one._replace(node=into) if one.node is gone else one for one in group.history)
    group.history = deque(sent, maxlen=group.history.maxlen)
    for last in (group.last, *group.ipv4):
        if last is not None and last.node is gone:
            last.node = into


def _mastership(group: Group, gone: Node, into: Node) -> None:
    """Let the MASTER period of `into` begin where that of `gone` began."""
    if gone.is_master:
        group.masters.remove(gone)
        if not into.is_master:
            group.masters.append(into)
            into.due = max(into.due, gone.due)
    master_periods: list[MasterPeriod] = []
    for period in sorted((*gone.master_periods, *into.master_periods), key=lambda one: one.start):
        if master_periods and (
            master_periods[-1].end is None or period.start <= (master_periods[-1].end or 0)
        ):
            _extend(master_periods[-1], period)
        else:
            master_periods.append(period)
    into.master_periods = master_periods


def _extend(period: MasterPeriod, other: MasterPeriod) -> None:
    """Extend a MASTER period to the end of another that began in it."""
    if period.end is not None and (other.end is None or other.end > period.end):
        period.end, period.ended_by = other.end, other.ended_by
    if other.seen > period.seen:
        period.seen, period.last = other.seen, other.last
    period.adverts += other.adverts


def _memory(gone: Node, into: Node) -> None:
    into.first = min(into.first, gone.first)
    into.adverts += gone.adverts
    into.own_mac = into.own_mac or gone.own_mac
    into.bow_outs += gone.bow_outs
    into.max_advskew = max(into.max_advskew, gone.max_advskew)
    into.saw_demote = into.saw_demote or gone.saw_demote
    into.traffic_class += gone.traffic_class
    into.ttl += gone.ttl
    into.refused_at[:0] = gone.refused_at
    into.changes[:0] = gone.changes
    for version, at in gone.last_of.items():
        if version not in into.last_of:
            into.last_of[version], into.last_from[version] = at, gone.last_from.get(version, 0)
    for version, habit in gone.counters.items():
        into.counters.setdefault(version, habit)
    for address, at in gone.announced.items():
        into.announced.setdefault(address, at)
    track, other = into.authentication, gone.authentication
    track.spans[:0] = other.spans
    track.waiting = sorted((*other.waiting, *track.waiting))
    track.folded += other.folded
    into.na_virtual += gone.na_virtual
    into.na_card += gone.na_card
    into.na_router += gone.na_router


def _is_left(contest: Contest, gone: Node, into: Node) -> bool:
    """Replace one node of a contest by the other; return whether two nodes are left in it."""
    if contest.nodes.pop(gone.id, None) is not None:
        contest.nodes[into.id] = into
        contest.forget(gone.id)
    return len(contest.nodes) > 1
