"""What a run of months forgets: whatever else would grow with time or with an attacker.

An analysis of a file keeps all of it. Live, situations are followed from look to look, so
the past is needed only as far back as a situation may reach.
"""

from carpscope.core.units import SECOND, Nanos
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.timeline.observe import Observer

REIGNS_KEPT = 200
CHANGES_KEPT = 200
SPANS_KEPT = 200
CONTESTS_KEPT = 100
RECENT: Nanos = 3600 * SECOND
"""Contests older than this belong to situations that are over; each costs at every look."""
NODES_KEPT = 64
"""Per group: a source address costs an attacker nothing."""
GROUPS_KEPT = 1024
"""A trunk has a few dozen; 255 vhids in each of 4,094 VLANs are possible to forge."""
VLANS_KEPT = 4094
SILENT: Nanos = 86_400 * SECOND
"""A node or group that was not heard for a day is no longer there."""


def prune(observer: Observer, now: Nanos) -> None:
    """Forget what is too old or too much."""
    groups = observer.groups
    for key, group in list(groups.items()):
        _group(group, now)
        heard = group.last.at if group.last is not None else 0
        if now - heard > SILENT:
            del groups[key]
    if len(groups) > GROUPS_KEPT:
        by_age = sorted(groups.items(), key=lambda item: item[1].last.at if item[1].last else 0)
        for key, _ in by_age[: len(groups) - GROUPS_KEPT]:
            del groups[key]
    observer.forget_segments(VLANS_KEPT)


def _group(group: Group, now: Nanos) -> None:
    group.contests[:] = [
        contest
        for contest in group.contests[-CONTESTS_KEPT:]
        if contest.open or now - contest.end < RECENT
    ]
    for node in group.members:
        _node(node)
    distinct = {id(node): node for node in group.nodes.values()}
    excess = len(distinct) - NODES_KEPT
    if excess > 0 or any(now - node.last > SILENT for node in distinct.values()):
        silent = sorted(
            (node for node in distinct.values() if not node.is_master), key=lambda n: n.last
        )
        gone = [n for i, n in enumerate(silent) if i < excess or now - n.last > SILENT]
        _remove(group, gone)
        excess -= len(gone)
    if excess > 0:
        _remove(group, sorted(group.masters, key=lambda n: (n.adverts, n.last))[:excess])


def _remove(group: Group, gone: list[Node]) -> None:
    names = {id(node) for node in gone}
    ids = {node.id for node in gone}
    for source in [s for s, node in group.nodes.items() if id(node) in names]:
        del group.nodes[source]
    for node in gone:
        if node in group.masters:
            node.reigns[-1].end, node.reigns[-1].ended_by = node.last, "silent"
            group.masters.remove(node)
    for pair in [p for p in group.hearing.pairs if p[0] in ids or p[1] in ids]:
        del group.hearing.pairs[pair]


def _node(node: Node) -> None:
    del node.reigns[:-REIGNS_KEPT]
    del node.changes[:-CHANGES_KEPT]
    del node.authentication.spans[:-SPANS_KEPT]
