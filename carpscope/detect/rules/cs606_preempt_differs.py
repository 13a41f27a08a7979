"""Some nodes of a cluster preempt and some do not.

What it means
    The node that should be MASTER does not take its role back, or takes it back for some
    groups only, because the others decide otherwise.

How it is seen
    net.inet.carp.preempt of sysctl.conf (a sysctl.conf without it means 0), what the GUI sets
    at its start, and `-P` of ucarp, of all nodes that share a group and come up.

False alarms
    A value that is set by hand after the start.

What to do
    Set net.inet.carp.preempt=1 on every node, or on none.

Sources
    carp(4), ucarp(8); OPNsense 90-carp; pfSense interfaces.inc.
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.cluster import Member


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Compare the nodes that share groups."""
    for members, groups in _clusters(settings):
        known: dict[bool, list[Member]] = {}
        for member in members:
            if member.preempt is not None:
                known.setdefault(member.preempt, []).append(member)
        if len(known) < 2:
            continue
        does, does_not = (
            listed(dict.fromkeys(one.name for one in known[flag])) for flag in (True, False)
        )
        off = known[False][0]
        where = [one.node.preempt_where or one.vhid.at for some in known.values() for one in some]
        place = off.node.preempt_where or off.vhid.at
        words = "-P" if off.is_ucarp else "net.inet.carp.preempt=1"
        if off.node.gui:
            words = "System > High Availability > Settings, Disable preempt not checked"
        yield settled(
            RULE.code,
            RULE.label,
            RULE.severity,
            groups[0] if len(groups) == 1 else "",
            [one.name for one in members],
            where,
            f"{does} preempts, {does_not} does not",
            f"After a crash the node with the lowest advskew takes its role back only if it "
            f"preempts itself: {does_not} does not.",
            f"Write on every node the same, as in {place.path}: {words}.",
        )


def _clusters(settings: DeclaredContext) -> Iterator[tuple[list[Member], list[str]]]:
    """Give nodes that share groups, with the members by which they do."""
    parts: list[tuple[set[str], list[Member], list[str]]] = []
    for group in settings.cluster.groups:
        names = {one.name for one in group.up}
        if len(names) < 2:
            continue
        merged = (names, list(group.up), [group.id])
        rest = []
        for part in parts:
            if part[0] & merged[0]:
                merged = (part[0] | merged[0], part[1] + merged[1], part[2] + merged[2])
            else:
                rest.append(part)
        parts = [*rest, merged]
    for _, members, groups in parts:
        yield members, groups


RULE = Rule(
    "CS606",
    "preempt_differs",
    "Some nodes preempt and some do not",
    Severity.WARNING,
    examine=examine,
)
