"""Two unrelated CARP groups use one vhid on one segment.

What it means
    Both send from the virtual MAC 00:00:5e:00:01:vhid. Switches see it on two ports and
    move it back and forth; each cluster may be healthy by itself, and still frames for
    either go to whoever spoke last. Each counts the other's advertisements as refused.

How it is seen
    Nodes of one vhid whose own addresses lie in different networks, and who announce or
    sign different addresses in different networks.

False alarms
    One group that spans networks would share an address or a network. Networks are taken
    as /24 and /64, since masks are not on the wire.

What to do
    Give one of the clusters another vhid. Providers' clusters count too.

Sources
    The virtual MAC is made of the vhid alone: FreeBSD, OpenBSD, NetBSD ip_carp.c.
"""

from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import addresses, listed
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.kinship import unrelated
from carpscope.timeline.node import Node


class VhidConflict:
    """Looks for nodes of one vhid that nothing else connects."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: who announces and signs what is known at the end."""

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give one finding for each group."""
        del at
        for group in self._context.groups:
            members = group.known[:16]
            first = next(
                (
                    (one, other)
                    for index, one in enumerate(members)
                    for other in members[index + 1 :]
                    if unrelated(one, other)
                ),
                None,
            )
            if first is not None:
                yield _finding(group, members, *first)


def _finding(group: Group, members: list[Node], one: Node, other: Node) -> Finding:
    others = [node for node in members if unrelated(one, node)]
    mine = [node for node in members if node not in others]
    told = []
    for side in (mine, others):
        held = dict.fromkeys(address for node in side for address in node.announced)
        told.append(f"{listed(node.id for node in side)} for {addresses(held)}")
    return Finding(
        RULE.code,
        RULE.label,
        RULE.severity,
        0.85,
        group.id,
        tuple(node.id for node in (*mine, *others)),
        max(one.first, other.first),
        min(max(n.last for n in mine), max(n.last for n in others)),
        tuple(sorted({reign.first for node in members for reign in node.reigns[:4]})),
        sum(node.adverts for node in members),
        f"two unrelated clusters use vhid {group.vhid}: {listed(told)}",
        "Their own addresses and the ones they share lie in different networks, yet both send "
        f"from the virtual MAC of vhid {group.vhid}.",
        f"Give one of the clusters another vhid ({listed(n.id for n in others)} or "
        f"{listed(n.id for n in mine)}).",
    )


RULE = Rule("CS205", "vhid_conflict", "Two clusters share a vhid", Severity.ERROR, VhidConflict)
