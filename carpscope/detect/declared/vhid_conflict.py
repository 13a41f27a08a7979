"""One vhid on one segment belongs to two clusters, or twice to one interface."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, ips, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup

LABEL = "vhid_conflict"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Look for groups of one name that have nothing in common."""
    halves: dict[str, list[DeclaredGroup]] = {}
    for group in settings.cluster.groups:
        if group.conflicts and group.up:
            halves.setdefault(group.id, []).append(group)
    for identity, groups in halves.items():
        if len(groups) < 2:
            continue
        members = [one for group in groups for one in group.up]
        parts = [
            f"{listed(dict.fromkeys(m.name for m in g.up))} for "
            f"{ips(frozenset[bytes]().union(*(m.signs for m in g.up)))}"
            for g in groups
        ]
        used = {group.number for group in settings.cluster.groups}
        free = next((n for n in range(1, 256) if n not in used), 0)
        yield settled(
            code,
            LABEL,
            Severity.ERROR,
            identity,
            [one.name for one in members],
            [one.vhid.at for one in members],
            f"{identity} belongs to two clusters: {listed(parts)}",
            "Both send from one virtual MAC and refuse each other's advertisements; switches send "
            "the frames of both to whoever sent last.",
            f"Give one of them another number, as vhid {free}, on each of its nodes: "
            f"{listed(str(one.vhid.at) for one in groups[-1].up)}.",
        )
    for node in settings.cluster.nodes:
        for vhid, where in node.doubles:
            segment = settings.cluster.segment_of(node.name, vhid.interface)
            identity = f"vhid {vhid.number} on {segment.id if segment else vhid.interface}"
            yield settled(
                code,
                LABEL,
                Severity.ERROR,
                identity,
                [node.name],
                [vhid.at, where],
                f"{node.name} defines vhid {vhid.number} twice on {vhid.interface}",
                "The kernel refuses the second carp interface with the number of the first one on "
                "the same carpdev.",
                f"Write another vhid in {where.path}, line {where.line}.",
            )
