"""A group has one node that comes up, and nobody to take over.

What it means
    If that node crashes its addresses are gone.

How it is seen
    The group has one member that comes up, although the same nodes share other groups, or
    other nodes that were given are on the segment. Where a line that is refused is the reason,
    that is told instead.

False alarms
    A vhid that is meant for one node only.

What to do
    Write the vhid on the other node as well, with another advskew.

Sources
    carp(4).
"""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.declared.split_group import split_numbers
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.rules.cs611_sync_conflict import spoiled
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.model import DeclaredNode


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Look for groups of one."""
    split = split_numbers(settings)
    synced = spoiled(settings)
    shares = _sharing(settings)
    for group in settings.cluster.groups:
        names = {one.name for one in group.up}
        down = [one for one in group.members if one.vhid.down is not None]
        if len(names) != 1 or len({one.name for one in group.members if one not in down}) > 1:
            continue
        if group.conflicts or (group.segment.id, group.number) in split or group.number in synced:
            continue
        (name,) = names
        near = {node for node, _ in group.segment.ports} - names
        if not near and not shares.get(name):
            continue
        if any(
            trouble.vhid == group.number
            for node in settings.cluster.nodes
            if node.name != name
            for trouble in node.troubles
        ):
            continue
        others = sorted(near | shares.get(name, set()))
        if any(_may_have_it(settings.cluster.node(one)) for one in others):
            continue
        yield settled(
            RULE.code,
            RULE.label,
            RULE.severity,
            group.id,
            [name],
            [*(one.vhid.down for one in down if one.vhid.down), *(one.vhid.at for one in group.up)],
            f"{group.id}: only {name} {'runs' if down else 'has'} it, nobody takes over",
            *_told(group, name, others, down),
        )


def _told(
    group: DeclaredGroup, name: str, others: list[str], down: list[Member]
) -> tuple[str, str]:
    """Say why, and what to do."""
    if down:
        lines = listed(str(one.vhid.down) for one in down)
        return f"On {listed(one.name for one in down)} the interface is down: {lines}.", (
            f"Write `up` instead of `down`: {lines}."
        )
    are = "is" if len(others) == 1 else "are"
    told = (
        f"{listed(others)} {are} on the segment or in other groups with {name}, and none of them "
        f"has vhid {group.number} here."
    )
    at = group.up[0].vhid.at
    return told, f"Write vhid {group.number} on another node as well, as in {at}."


def _may_have_it(node: DeclaredNode) -> bool:
    """Tell whether a node may have the vhid in a way that is not in its files."""
    return node.is_partial or any(one.number is None for one in node.vhids)


def _sharing(settings: DeclaredContext) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for group in settings.cluster.groups:
        names = {one.name for one in group.up}
        for name in names:
            found.setdefault(name, set()).update(names - {name})
    return found


RULE = Rule(
    "CS609",
    "no_backup",
    "Nobody can take over",
    Severity.WARNING,
    examine=examine,
)
