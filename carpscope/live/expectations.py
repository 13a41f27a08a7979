"""Who should be there, by the configuration, as findings beside those of the detectors.

    CS251 group_missing     nobody advertises a group that is expected
    CS252 unexpected_node   a node advertises a group, and is not one of those listed

They are opened, closed and counted as any finding is. A missing group has no frames that
prove it. A node that is missing cannot be seen: a backup is silent. Once a group was heard,
its silence is a master gap (CS102) and no longer told as missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from carpscope.config import Config, ExpectedGroup
from carpscope.core.address import ip_text
from carpscope.core.units import Nanos
from carpscope.detect.finding import Finding
from carpscope.live.monitor import Monitor
from carpscope.live.pages import GROUP_MISSING, UNEXPECTED_NODE
from carpscope.timeline.group import Group, group_id
from carpscope.timeline.node import Node

STRANGERS_TOLD = 16
"""Per group: a source address costs an attacker nothing."""


@dataclass(slots=True)
class _Absence:
    """One time in which a group was not there."""

    start: Nanos
    end: Nanos | None = None


@dataclass(slots=True)
class Expectations:
    """What the configuration expects of all segments of a run."""

    monitors: Sequence[Monitor]
    since: Nanos
    """Since when everything could be heard."""
    config: Config = field(default_factory=Config)
    _absences: dict[tuple[str | None, tuple[int, ...], int], _Absence] = field(default_factory=dict)

    def findings(self, monitor: Monitor, at: Nanos) -> list[Finding]:
        """Give what concerns one segment, over or not."""
        found = []
        for expected in self.config.groups:
            missing = self._missing(expected, monitor, at)
            if missing is not None:
                found.append(missing)
            if expected.nodes and expected.interface in (None, monitor.interface):
                group = monitor.observer.groups.get((expected.vlan, expected.vhid))
                if group is not None:
                    found += _strangers(expected, group)
        return found

    def _missing(self, expected: ExpectedGroup, monitor: Monitor, at: Nanos) -> Finding | None:
        """Tell of a group nobody advertises, on the first of the segments where it may be."""
        named = [m for m in self.monitors if expected.interface in (None, m.interface)]
        if not named or named[0] is not monitor:
            return None
        groups = (m.observer.groups.get((expected.vlan, expected.vhid)) for m in named)
        heard = [group for group in groups if group is not None and group.members]
        key = (expected.interface, expected.vlan, expected.vhid)
        absence = self._absences.get(key)
        gid = group_id(expected.vlan, expected.vhid)
        if heard:
            if absence is None:
                return None
            if absence.end is None:
                absence.end = min(node.first for group in heard for node in group.members)
        elif absence is None or absence.end is not None:
            start = self.since if absence is None else at
            told = any(
                s.finding.label == "master_gap" and s.finding.group == gid
                for m in named
                for s in m.situations.open
            )
            if told or at - start < self.config.tolerances.missing_after:
                return None
            absence = self._absences[key] = _Absence(start)
        return Finding(
            GROUP_MISSING.code,
            GROUP_MISSING.label,
            GROUP_MISSING.severity,
            0.95,
            gid,
            (),
            absence.start,
            absence.end if absence.end is not None else at,
            (),
            0,
            f"{_called(expected)} is expected here, and nobody advertises it",
            "The configuration lists this group; not one advertisement of it was heard since "
            "listening began.",
            "Look whether its nodes run and their carp interfaces are up, and whether the mirror "
            "port carries their VLAN.",
            ongoing=absence.end is None,
        )


def _strangers(expected: ExpectedGroup, group: Group) -> list[Finding]:
    lengths = {len(address) for address in expected.nodes}
    wanted = set(expected.nodes)
    strangers = [
        node
        for node in group.known
        if not wanted & set(node.addresses)
        # who is listed by IPv4 alone may advertise over IPv6 as well
        and lengths & {len(address) for address in node.addresses}
    ]
    return [_stranger(expected, group, node) for node in strangers[:STRANGERS_TOLD]]


def _stranger(expected: ExpectedGroup, group: Group, node: Node) -> Finding:
    first = [reign.first for reign in node.reigns[:1]]
    return Finding(
        UNEXPECTED_NODE.code,
        UNEXPECTED_NODE.label,
        UNEXPECTED_NODE.severity,
        0.95,
        group.id,
        (node.id,),
        node.first,
        node.last,
        tuple(dict.fromkeys([*first, node.last_frame])),
        node.adverts,
        f"{node.id} advertises {_called(expected)}, and is not one of its nodes",
        "The configuration lists the nodes of this group, and none of them has this address.",
        f"If {node.id} belongs to the group, list it in carpscope.toml; else find who has this "
        "address, and whether it was given the group's passphrase.",
        ongoing=node.is_master,
    )


def _called(expected: ExpectedGroup) -> str:
    return expected.name or "this group"


def listed(finding: Finding, config: Config) -> str:
    """Return the group of the configuration that a finding is about; empty where it is about none.

    With nodes listed it has to name one of them: anybody can name the group.
    """
    for group in config.groups:
        name = group_id(group.vlan, group.vhid)
        nodes = {ip_text(address) for address in group.nodes}
        if name in finding.groups and (not nodes or not finding.nodes or nodes & {*finding.nodes}):
            return name
    return ""
