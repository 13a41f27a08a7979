"""A claim while others are MASTER: the contest it begins, and whose advertisements it missed."""

from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.timeline.contest import CONTESTS_KEPT, NODES_KEPT, Contest, missed, provoked
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node


def rival(group: Group, node: Node, rivals: list[Node], at: Nanos, ref: int) -> None:
    """Begin a contest with a claim, or add the claimant to the one that goes on."""
    contest = group.contest
    if contest is None:
        if len(group.contests) < CONTESTS_KEPT:
            group.contests.append(Contest(at, at, {}))
        contest = group.contests[-1]
        contest.open = True
    for one in (*rivals, node):
        if len(contest.nodes) < NODES_KEPT:
            contest.nodes[one.id] = one
    # after a replayed or forged advertisement a claim is no evidence of deafness
    is_answer = at - group.spoofed_at < timers.AFTERMATH or provoked(node, rivals, at)
    for other in rivals:
        unheard = [] if is_answer else missed(node, other, at)
        if unheard:
            contest.ignore(node, other, ref, unheard[0])
