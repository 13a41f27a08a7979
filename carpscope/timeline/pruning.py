"""Dropping what is kept of groups and nodes, within the budgets of `timeline.limits`.

All lists of one kind share one budget over all groups and nodes. Where the sum exceeds it, the
longest lists lose their oldest entries until it fits, so a node with a short list loses nothing
because of others with long ones.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from carpscope.core.units import Nanos
from carpscope.timeline.authentication import AuthenticationTrack
from carpscope.timeline.contest import Contest
from carpscope.timeline.group import ALONE_KEPT, Group, GroupKey
from carpscope.timeline.limits import Limits
from carpscope.timeline.node import Node
from carpscope.timeline.strangers import Due

SPANS_MIN = 8
"""Entries of a list that always stay: the latest ones describe the present."""


def silent(groups: dict[GroupKey, Group], limits: Limits, now: Nanos) -> list[tuple[Group, Node]]:
    """Return the nodes without an advertisement for `limits.silent`, in a live run."""
    longest = limits.silent
    if longest is None:
        return []
    return [
        (group, node)
        for group in groups.values()
        for node in group.members
        if now - node.last > longest
    ]


def drop(group: Group, node: Node) -> None:
    """Remove a node from its group, and from its masters."""
    for source in [source for source, one in group.nodes.items() if one is node]:
        del group.nodes[source]
    pairs = group.hearing.pairs
    for pair in [pair for pair in pairs if node.id in pair]:
        del pairs[pair]
    for contest in group.contests:
        if contest.nodes.pop(node.id, None) is not None:
            contest.forget(node.id)
    group.contests[:] = [contest for contest in group.contests if len(contest.nodes) > 1]
    if group.last is not None and group.last.node is node:
        group.last = None
    group.ipv4 = [one for one in group.ipv4 if one.node is not node]


def trim(groups: dict[GroupKey, Group], limits: Limits, now: Nanos) -> int:
    """Bring every kind of list within its budget; return how many nodes there are."""
    present = list(groups.values())
    nodes = [node for group in present for node in group.members]
    tracks = [node.authentication for node in nodes]
    for group in present:
        group.recent.forget(now)
        _contests(group, limits, now)
    _signatures(present, tracks, limits)
    heard = [one for group in present for one in group.hearing.pairs.values()]
    cap = share(map(len, heard), limits.notes)
    for one in heard if cap is not None else ():
        one.shrink(cap or 0)
    _pairs([contest for group in present for contest in group.contests], limits.pairs)
    _lists([track.resigned for track in tracks], limits.signed)
    _lists([node.master_periods for node in nodes], limits.master_periods, limits.each)
    _lists([node.changes for node in nodes], limits.changes, limits.each)
    _lists([track.spans for track in tracks], limits.spans, limits.each)
    _waiting(tracks, limits.waiting)
    _tables([group.announced for group in present], limits.announced)
    _tables([node.announced for node in nodes], limits.announced)
    return len(nodes)


def share(sizes: Iterable[int], budget: int) -> int | None:
    """Return how long a list may be so that all fit into a budget; None where they do."""
    ordered = sorted(sizes)
    left, lists = budget, len(ordered)
    if sum(ordered) <= budget:
        return None
    for size in ordered:
        if size * lists > left:
            return left // lists
        left -= size
        lists -= 1
    return None


def _signatures(
    groups: Sequence[Group], tracks: Sequence[AuthenticationTrack], limits: Limits
) -> None:
    """Bound signatures and histories; logs keep as many rows as these may still take."""
    keys = share((len(group.signatures) for group in groups), limits.signatures)
    signed = share((track.signed_size for track in tracks), limits.signed)
    sent = share((group.history_size for group in groups), limits.history)
    for group in groups if keys is not None else ():
        group.signatures.shrink(keys or 0)
    for track in tracks if signed is not None else ():
        track.shrink(signed or 0)
    for group in groups if sent is not None else ():
        group.shrink(sent or 0)
    most = max(cap for cap in (keys, signed, sent, ALONE_KEPT) if cap is not None)
    if keys is not None and signed is not None:
        for group in groups:
            group.log.keep(most)


def _tables(found: "Sequence[dict[bytes, Any]]", budget: int) -> None:
    cap = share(map(len, found), budget)
    for one in found if cap is not None else ():
        for key in list(one)[: max(0, len(one) - (cap or 0))]:
            del one[key]


def _lists(found: "Sequence[list[Any]]", budget: int, each: int | None = None) -> None:
    cap = share(map(len, found), budget)
    if cap is None and each is None:
        return
    kept = max(SPANS_MIN, min(n for n in (cap, each) if n is not None))
    for one in found:
        del one[:-kept]


def _waiting(found: Sequence[AuthenticationTrack], budget: int) -> None:
    """Fold the middle of each list: the ends decide where a passphrase was changed in between."""
    cap = share((len(track.waiting) for track in found), budget)
    for track in found if cap is not None else ():
        excess = len(track.waiting) - max(cap or 0, SPANS_MIN)
        if excess > 0:
            track.fold((len(track.waiting) - excess) // 2, excess)


def _contests(group: Group, limits: Limits, now: Nanos) -> None:
    if limits.contest_age is None:
        return
    group.contests[:] = [
        contest
        for contest in group.contests[-limits.contests :]
        if contest.open or now - contest.end < limits.contest_age
    ]


def _pairs(found: Sequence[Contest], budget: int) -> None:
    cap = share((len(contest.ignored) for contest in found), budget)
    for contest in found if cap is not None else ():
        for pair in list(contest.ignored)[cap or 0 :]:
            del contest.ignored[pair]
            del contest.ignored_count[pair]
            del contest.since[pair]


def let_go_of_past(due: Due) -> None:
    """Remove nodes that are not MASTER any more from the table of deadlines."""
    for one in due:
        one[3].watched = one[3].is_master
    due[:] = [one for one in due if one[3].watched]
    heapq.heapify(due)
