"""A claim beside other masters: the overlap that it begins, and whom the claimant has missed."""

from carpscope.core.units import SECOND, Nanos
from carpscope.timeline.contest import CONTESTS_KEPT, NODES_KEPT, Contest, missed, provoked
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

LURE: Nanos = 5 * SECOND
"""For this long after a replayed or forged advertisement, claims are no evidence of deafness."""


def rival(group: Group, node: Node, rivals: list[Node], at: Nanos, ref: int) -> None:
    """Open a contest, or join the one that goes on."""
    contest = group.contest
    if contest is None:
        if len(group.contests) < CONTESTS_KEPT:
            group.contests.append(Contest(at, at, {}))
        contest = group.contests[-1]
        contest.open = True
    for one in (*rivals, node):
        if len(contest.nodes) < NODES_KEPT:
            contest.nodes[one.id] = one
    lured = at - group.deceived_at < LURE or provoked(node, rivals, at)
    for other in rivals:
        if not lured and missed(node, other, at):
            contest.ignore(node, other, ref)
