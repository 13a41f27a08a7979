"""HA sync of the GUI will spoil the pair.

What it means
    The sync writes the primary's shared addresses into the other node, with 100 added to each
    advskew. If both nodes do it, the skews climb to 254; if an interface's key names another
    network there, the addresses land on the wrong segment; from 240 on, the copy counts as
    much as the original.

How it is seen
    synchronizetoip is set and addresses are among what is synced (OPNsense: virtualip in
    syncitems; pfSense: synchronizevirtualip).

False alarms
    An advskew from 154 to 239 is none: the copy has 254 and counts as 240.

What to do
    Let only the primary synchronize, name the interfaces in the same order on both nodes, and
    keep the primary's advskew below 240.

Sources
    OPNsense rc.filter_synchronize, get_vip_config_section(); pfSense filter_synchronize.
"""

from collections.abc import Iterator
from typing import NamedTuple

from carpscope.core.address import ip_text
from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.cluster import own_networks
from carpscope.settings.model import DeclaredNode, Where

CLAMP = 240


class _Fault(NamedTuple):
    nodes: list[str]
    where: list[Where]
    text: str
    remedy: str
    numbers: set[int]


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Look at the nodes that synchronize."""
    for fault in _faults(settings):
        yield settled(
            RULE.code,
            RULE.label,
            RULE.severity,
            "",
            fault.nodes,
            fault.where,
            fault.text,
            f"{listed(map(str, fault.where))} says so. The sync writes the shared addresses into "
            "the other node with 100 added to each advskew, at most 254.",
            fault.remedy,
        )


def spoiled(settings: DeclaredContext) -> set[int]:
    """Return the vhids that a sync spoils."""
    return {number for fault in _faults(settings) for number in fault.numbers}


def _faults(settings: DeclaredContext) -> Iterator[_Fault]:
    nodes = [one for one in settings.cluster.nodes if one.sync is not None]
    both: set[frozenset[str]] = set()
    for node in nodes:
        other = _target(settings, node)
        if other is None or node.sync is None:
            continue
        pair = frozenset((node.name, other.name))
        back = _target(settings, other) if other.sync is not None else None
        if back is node and pair not in both and other.sync is not None:
            both.add(pair)
            numbers = {n for one in (node, other) for n in _numbers(one)}
            yield _Fault(
                sorted(pair),
                [node.sync.where, other.sync.where],
                f"{node.name} and {other.name} synchronize their addresses to each other",
                f"Empty synchronizetoip on the backup: {other.sync.where}.",
                numbers,
            )
        yield from _keys(node, other)
        yield from _skews(node, other)


def _target(settings: DeclaredContext, node: DeclaredNode) -> DeclaredNode | None:
    assert node.sync is not None
    for other in settings.cluster.nodes:
        if other is node:
            continue
        own = [one.address for i in other.interfaces.values() for one in i.own]
        if node.sync.to in [ip_text(address) for address in own]:
            return other
    rest = [one for one in settings.cluster.nodes if one is not node and one.gui_interfaces]
    return rest[0] if len(rest) == 1 else None


def _numbers(node: DeclaredNode) -> set[int]:
    vips = () if node.sync is None else node.sync.vips
    return {number for number, _, _, _ in vips if number is not None}


def _keys(node: DeclaredNode, other: DeclaredNode) -> Iterator[_Fault]:
    assert node.sync is not None
    wrong: dict[str, tuple[list[Where], set[int]]] = {}
    for number, key, _, where in node.sync.vips:
        here, there = node.gui_interfaces.get(key), other.gui_interfaces.get(key)
        if here is None or (there is None and not other.gui_interfaces):
            continue
        mine = set(own_networks(node.interface(here)))
        its = set(own_networks(other.interface(there))) if there is not None else set()
        if there is None or (mine and its and not mine & its):
            places, numbers = wrong.setdefault(key, ([], set()))
            places.append(where)
            if number is not None:
                numbers.add(number)
    if wrong:
        keys = listed(wrong)
        yield _Fault(
            [node.name, other.name],
            [place for places, _ in wrong.values() for place in places],
            f"the sync of {node.name} writes {keys} to another network of {other.name}",
            f"Assign the interfaces on both nodes so that {keys} is the same network.",
            {number for _, numbers in wrong.values() for number in numbers},
        )


def _skews(node: DeclaredNode, other: DeclaredNode) -> Iterator[_Fault]:
    assert node.sync is not None
    high = [
        (number, where)
        for number, _, skew, where in node.sync.vips
        if skew is not None and skew >= CLAMP
    ]
    if high:
        yield _Fault(
            [node.name, other.name],
            [where for _, where in high],
            f"advskew of {node.name} is {CLAMP} or more, so the copy on {other.name} counts as "
            "much",
            f"Write an advskew below {CLAMP}: {listed(str(where) for _, where in high)}.",
            {number for number, _ in high if number is not None},
        )


RULE = Rule(
    "CS611",
    "sync_conflict",
    "HA sync will spoil the pair",
    Severity.WARNING,
    examine=examine,
)
