"""A FreeBSD whose demotion is below zero: it stays MASTER beside one that it hears.

FreeBSD up to 13.0 does not stop at 0. It compares the negative number and advertises its lower
eight bits, so the others see an advskew above 240 and take over, and it goes on. Everywhere
else 240 is the most that FreeBSD advertises (FreeBSD ip_carp.c DEMOTE_ADVSKEW; PR 259528, D32759).
"""

from collections.abc import Iterable

from carpscope.core.units import Nanos
from carpscope.detect.words import listed
from carpscope.protocol import timers
from carpscope.timeline.contest import negative_skew
from carpscope.timeline.node import Node


def advertised(node: Node, start: Nanos, end: Nanos) -> int | None:
    """Return the advskew of a demotion below zero that a node advertised in a stretch of time."""
    skews = [change for change in node.changes if change.what == "advskew"]
    edges = [*(change.at for change in skews), node.last]
    values = [*(change.before for change in skews[:1]), *(change.after for change in skews)]
    held = zip(values or [node.advskew], [node.first, *edges[:-1]], edges, strict=True)
    return next(
        (
            skew
            for skew, since, until in held
            if negative_skew(node, skew) is not None
            and since <= end
            and until >= start
            # what it took back before its next one was due, another said in its name
            and (until == node.last or until - since >= timers.too_soon(node.advbase, skew))
        ),
        None,
    )


def explained(nodes: Iterable[Node], start: Nanos, end: Nanos) -> tuple[str, str] | None:
    """Return why such a node stays MASTER and what to do, None where there is none."""
    found = {node.id: (node, advertised(node, start, end)) for node in nodes}
    below = [(node, skew) for node, skew in found.values() if skew is not None]
    if not below:
        return None
    told = listed(
        f"{node.id} advertised advskew {skew} and compared {negative_skew(node, skew)}"
        for node, skew in below
    )
    names = listed(node.id for node, _ in below)
    return (
        (
            f"{told}: FreeBSD advertises at most 240, and what is above is a demotion below zero. "
            f"The others see a slower master and take over; {names} compares the negative number "
            "and stays. So both go on although each may well hear the other."
        ),
        (
            f"Raise the demotion of {names} to zero or more: `sysctl net.inet.carp.demotion` shows "
            "it, and writing N to it adds N. FreeBSD does not go below zero since 13.1."
        ),
    )
