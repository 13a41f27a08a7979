"""Whose a log is, which group a line is about, and how the host's clock stands.

A line says its group by a vhid and an interface (`9@ix0_vlan20`): of several groups with that
vhid the one on that VLAN. What could be about several groups is about none, and no clock is
taken from it.
"""

import re
import statistics
from collections.abc import Callable, Iterable, Sequence

from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.report.hostlog.entry import Entry, EntryKind
from carpscope.report.hostlog.read import LogFile
from carpscope.timeline.group import Group
from carpscope.timeline.node import MasterPeriod, Node

CLOCK_LINES = 256
"""Changes of state from which a clock is taken."""
SEARCH: Nanos = 10 * SECOND
"""A host's clock is assumed to be right to this; the offset is taken from what fits."""
TOLERANCE: Nanos = 500 * MILLISECOND
COARSE: Nanos = 1 * SECOND
"""What a line without fractions of a second may be off."""
_VLAN = re.compile(r"(?:vlan|[._])(\d{1,4})$")
"""ix0_vlan20, igb1.20, vlan20: an interface that is named by its VLAN."""


@dataclass(slots=True)
class LogMember:
    """A node in a group."""

    group: Group
    node: Node


def slack(entry: Entry) -> Nanos:
    """Return by how much a line's time may be off."""
    return TOLERANCE + (COARSE if entry.coarse else 0)


@dataclass(slots=True)
class Scope:
    """Whom the lines of a log can be about."""

    members: Sequence[LogMember]
    vhids: dict[str, int | None] = field(default_factory=dict)
    """Those of interfaces, where the log has them."""
    bare: frozenset[str] = frozenset()
    """The carp interfaces whose vhid nobody says."""
    places: dict[int, set[str]] = field(default_factory=dict)
    """On which interfaces the log tells of a vhid."""

    @classmethod
    def of(cls, log: LogFile, members: Sequence[LogMember]) -> "Scope":
        """Read what a log says of its interfaces."""
        vhids = {
            e.interface: e.vhid for e in log.entries if e.kind is EntryKind.STATUS and e.interface
        }
        bare, places = set(), dict[int, set[str]]()
        for entry in log.entries:
            if entry.kind is not EntryKind.STATE or not entry.interface:
                continue
            if entry.vhid is not None:
                places.setdefault(entry.vhid, set()).add(entry.interface)
            elif entry.interface not in vhids:
                bare.add(entry.interface)
        return cls(members, vhids, frozenset(bare), places)

    def about(self, entry: Entry) -> tuple[list[LogMember], str]:
        """Return whom a line can be about, and why that is nobody."""
        vhid = entry.vhid if entry.vhid is not None else self.vhids.get(entry.interface)
        fits = [m for m in self.members if vhid is None or m.group.vhid == vhid]
        if vhid is None and len(self.bare) > len(self.members):
            return [], _several(sorted(self.bare))
        if not fits:
            return [], f"no advertisement of vhid {vhid} in the captures is known to be this host's"
        tag = _VLAN.search(entry.interface)
        number = int(tag[1]) if tag is not None else 0
        # a capture on the VLAN itself has no tags: there the number says nothing
        near = [m for m in fits if not number or not m.group.vlan or m.group.vlan[-1] == number]
        if not near:
            return [], f"no advertisement of vhid {vhid} on VLAN {number} is there"
        places = self.places.get(vhid or 0, set())
        if len(places) > len(near) and not any(m.group.vlan for m in near):
            return [], _several([f"vhid {vhid} on {place}" for place in sorted(places)])
        return near, ""


def _several(names: Sequence[str]) -> str:
    return f"the log tells of {' and '.join(names)}, and which of them is captured is not known"


def owner(log: LogFile, groups: Sequence[Group], config: Config) -> tuple[list[LogMember], str]:
    """Find whose log it is; a host may be a node of several groups, by several addresses."""
    everyone = [LogMember(group, node) for group in groups for node in group.members]
    found, known_by = _named_or_fitting(log, everyone, config)
    cards = {m.node.own_mac for m in found if m.node.own_mac is not None}
    nodes = {id(m.node) for m in found}
    same = [m for m in everyone if m.node.own_mac in cards and id(m.node) not in nodes]
    if same:
        others = ", ".join(dict.fromkeys(m.node.id for m in same))
        known_by += f"; {others} is the same network card"
    return [*found, *same], known_by


def _named_or_fitting(
    log: LogFile, everyone: Sequence[LogMember], config: Config
) -> tuple[list[LogMember], str]:

    def named(text: str) -> list[LogMember]:
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


def strangers(
    log: LogFile, members: Sequence[LogMember], groups: Sequence[Group], config: Config
) -> dict[str, str]:
    """Return the hosts whose lines are not of the log's owner, and why each is not.

    A collector's file has lines of several hosts. Which one the owner is, its name or address
    tells; one host alone may be called anything that is not the name of another node.
    """
    hosts = {entry.host: _label(entry.host) for entry in log.entries if entry.host.strip("-")}
    own = {_label(log.owner)} if log.owner else set()
    own = own.union(*(_names(member.node, config) for member in members))
    nodes = {id(member.node) for member in members}
    others = (node for group in groups for node in group.members if id(node) not in nodes)
    known: set[str] = set[str]().union(*(_names(node, config) for node in others))
    if own & set(hosts.values()):
        known = set(hosts.values()) - own
    elif len(set(hosts.values())) > 1:
        told = " and ".join(sorted(hosts))
        return dict.fromkeys(
            hosts, f"the log has lines of {told}, and which is this node is unknown"
        )
    return {host: f"it is a line of {host}" for host, label in hosts.items() if label in known}


def _names(node: Node, config: Config) -> set[str]:
    name = config.name_of(node.addresses)
    return {*map(ip_text, node.addresses), _label(name or node.id)}


def _label(host: str) -> str:
    """Return a host's name without its domain; an address as it is."""
    is_address = ":" in host or not host.replace(".", "").strip("0123456789")
    return host if is_address else host.partition(".")[0].lower()


def _clear(scores: dict[str, tuple[int, Nanos]], ranked: list[str]) -> bool:
    """Tell whether the first fits better than the second, not by accident."""
    (count, away), (other, farther) = scores[ranked[0]], scores[ranked[1]]
    # where both change in step, the one whose clock would be right by far
    return count > other or (away <= TOLERANCE and farther > 3 * TOLERANCE)


def _fitting(found: Iterable[Entry], member: LogMember) -> tuple[int, Nanos]:
    """Count lines that a node's MASTER periods explain with one clock offset; return its size."""
    pairs = [
        (entry.at - period.start, entry)
        for entry in found
        if entry.at is not None
        and Scope([member]).about(entry)[0]
        and (period := nearest(entry.at, member.node)) is not None
    ]
    if not pairs:
        return 0, SEARCH
    offset = statistics.median_low(difference for difference, _ in pairs)
    fits = [entry for difference, entry in pairs if abs(difference - offset) <= slack(entry)]
    return len(fits), abs(offset)


def claims(log: LogFile) -> list[Entry]:
    """Return the lines that say that a vhid became MASTER."""
    return [
        e
        for e in log.entries
        if e.kind is EntryKind.STATE and e.after == "MASTER" and e.at is not None
    ]


def nearest(at: Nanos, node: Node) -> MasterPeriod | None:
    """Find the MASTER period that begins nearest to a time."""
    best = min(node.master_periods, key=lambda period: abs(period.start - at), default=None)
    return best if best is not None and abs(best.start - at) <= SEARCH else None


def clock_offset(
    found: Iterable[Entry], scope: Scope, beat: Callable[[Node], Nanos]
) -> Nanos | None:
    """Return the host's clock minus the wire's, from lines whose group is known.

    It is what most lines say, two of them at least: one line alone that is off may be of a clock
    that is off, or wrong, and then nothing tells which.
    """
    states = [entry for entry in found if entry.kind is EntryKind.STATE][:CLOCK_LINES]
    told = [
        (entry, entry.at, fits[0].node)
        for entry in states
        if entry.at is not None and len(fits := scope.about(entry)[0]) == 1
    ]
    claimed = [
        (entry, at - period.start)
        for entry, at, node in told
        if entry.after == "MASTER" and (period := nearest(at, node)) is not None
    ]

    def backers(offset: Nanos) -> int:
        stepped = sum(
            any(
                r.seen - slack(entry) <= at - offset <= r.until + slack(entry) + beat(node)
                for r in node.master_periods
            )
            for entry, at, node in told
            if entry.before == "MASTER" or entry.after == "BACKUP"
        )
        return stepped + sum(abs(off - offset) <= slack(entry) for entry, off in claimed)

    ranked = sorted(((-backers(off), abs(off), off, slack(e)) for e, off in claimed))
    if not ranked:
        return None
    most, away, best, allowed = ranked[0]
    if -most < 2 and away > allowed:
        return None
    return round(statistics.median(off for e, off in claimed if abs(off - best) <= slack(e)))
