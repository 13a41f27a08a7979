"""Whose a log is, which group a line is about, and how the host's clock stands.

A line says its group by a vhid and an interface (`9@ix0_vlan20`): of several groups with that
vhid the one on that VLAN. What could be about several groups is about none, and no clock is
taken from it.
"""

import re
import statistics
from collections.abc import Iterable, Sequence

from carpscope.config import Config
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass
from carpscope.report.hostlog.entry import Entry, Kind
from carpscope.report.hostlog.read import LogFile
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node, Reign

SEARCH: Nanos = 10 * SECOND
"""A host's clock is assumed to be right to this; the offset is taken from what fits."""
TOLERANCE: Nanos = 500 * MILLISECOND
COARSE: Nanos = 1 * SECOND
"""What a line without fractions of a second may be off."""
_VLAN = re.compile(r"(?:vlan|[._])(\d{1,4})$")
"""ix0_vlan20, igb1.20, vlan20: an interface that is named by its VLAN."""


@dataclass(slots=True)
class Member:
    """A node in a group."""

    group: Group
    node: Node


def slack(entry: Entry) -> Nanos:
    """Return by how much a line's time may be off."""
    return TOLERANCE + (COARSE if entry.coarse else 0)


def about(
    entry: Entry,
    members: Sequence[Member],
    vhids: dict[str, int | None],
    bare: frozenset[str] = frozenset(),
) -> tuple[list[Member], str]:
    """Return whom a line can be about, and why that is nobody.

    `vhids` are those of interfaces, where the log has them; `bare` the carp interfaces whose
    vhid nobody says.
    """
    vhid = entry.vhid if entry.vhid is not None else vhids.get(entry.interface)
    fits = [m for m in members if vhid is None or m.group.vhid == vhid]
    if vhid is None and len(bare) > len(members):
        named = " and ".join(sorted(bare))
        return [], f"the log tells of {named}, and which of them is captured is not known"
    if not fits:
        return [], f"no advertisement of vhid {vhid} in the captures is known to be this host's"
    tag = _VLAN.search(entry.interface)
    if tag is None or int(tag[1]) == 0:
        return fits, ""
    number = int(tag[1])
    # a capture on the VLAN itself has no tags: there the number says nothing
    near = [m for m in fits if not m.group.vlan or m.group.vlan[-1] == number]
    return near, "" if near else f"no advertisement of vhid {vhid} on VLAN {number} is there"


def owner(log: LogFile, groups: Sequence[Group], config: Config) -> tuple[list[Member], str]:
    """Find whose log it is; a host may be a node of several groups, by several addresses."""
    everyone = [Member(group, node) for group in groups for node in group.members]
    found, known_by = _named_or_fitting(log, everyone, config)
    cards = {m.node.own_mac for m in found if m.node.own_mac is not None}
    nodes = {id(m.node) for m in found}
    same = [m for m in everyone if m.node.own_mac in cards and id(m.node) not in nodes]
    if same:
        others = ", ".join(dict.fromkeys(m.node.id for m in same))
        known_by += f"; {others} is the same network card"
    return [*found, *same], known_by


def _named_or_fitting(
    log: LogFile, everyone: Sequence[Member], config: Config
) -> tuple[list[Member], str]:

    def named(text: str) -> list[Member]:
        return [
            m
            for m in everyone
            if text in (m.node.id, config.name_of(m.node.addresses) or m.node.id)
        ]

    if log.owner:
        found = named(log.owner)
        return found, "as said with --log" if found else f"no node is called {log.owner}"
    for host in dict.fromkeys(entry.host for entry in log.entries if entry.host):
        if found := named(host):
            return found, f"its lines name the host {host}"
    scores: dict[str, tuple[int, Nanos]] = {}
    for member in everyone:
        count, away = _fitting(claims(log), member)
        before, nearest = scores.get(member.node.id, (0, SEARCH))
        scores[member.node.id] = (before + count, min(nearest, away))
    ranked = sorted(scores, key=lambda node: (-scores[node][0], scores[node][1]))
    if ranked and scores[ranked[0]][0] and (len(ranked) == 1 or _clear(scores, ranked)):
        found = [m for m in everyone if m.node.id == ranked[0]]
        return found, "its changes to MASTER fit this node's best"
    return [], "name it with --log NODE=FILE"


def _clear(scores: dict[str, tuple[int, Nanos]], ranked: list[str]) -> bool:
    """Tell whether the first fits better than the second, not by accident."""
    (count, away), (other, farther) = scores[ranked[0]], scores[ranked[1]]
    # where both change in step, the one whose clock would be right by far
    return count > other or (away <= TOLERANCE and farther > 3 * TOLERANCE)


def _fitting(found: Iterable[Entry], member: Member) -> tuple[int, Nanos]:
    """Count the lines that a node's reigns explain with one clock offset; return its size."""
    pairs = [
        (entry.at - reign.start, entry)
        for entry in found
        if entry.at is not None
        and about(entry, [member], {})[0]
        and (reign := nearest(entry.at, member.node)) is not None
    ]
    if not pairs:
        return 0, SEARCH
    offset = statistics.median_low(difference for difference, _ in pairs)
    fits = [entry for difference, entry in pairs if abs(difference - offset) <= slack(entry)]
    return len(fits), abs(offset)


def claims(log: LogFile) -> list[Entry]:
    """Return the lines that say that a vhid became MASTER."""
    return [
        e for e in log.entries if e.kind is Kind.STATE and e.after == "MASTER" and e.at is not None
    ]


def nearest(at: Nanos, node: Node) -> Reign | None:
    """Find the reign that begins nearest to a time."""
    best = min(node.reigns, key=lambda reign: abs(reign.start - at), default=None)
    return best if best is not None and abs(best.start - at) <= SEARCH else None


def clock_offset(
    found: Iterable[Entry],
    members: Sequence[Member],
    vhids: dict[str, int | None],
    bare: frozenset[str],
) -> Nanos | None:
    """Return the host's clock minus the wire's, from lines whose group is known."""
    differences = []
    for entry in found:
        fits, _ = about(entry, members, vhids, bare)
        if entry.at is None or len(fits) != 1:
            continue
        reign = nearest(entry.at, fits[0].node)
        if reign is not None:
            differences.append(entry.at - reign.start)
    return round(statistics.median(differences)) if differences else None
