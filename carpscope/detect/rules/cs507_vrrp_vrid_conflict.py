"""A VRRP router uses the number of a CARP group on the same segment.

What it means
    VRRP and CARP derive the same virtual MAC 00:00:5e:00:01:id from the number. Switches
    see that MAC on two ports and move it back and forth; frames for the shared addresses
    go to whoever spoke last. The elections do not disturb each other much, which hides it.

How it is seen
    VRRP advertisements whose VRID equals a vhid seen on the same VLAN. Protocol 112, the
    group 224.0.0.18 and the MAC are the same; version, length and the octet that is CARP's
    authlen tell them apart.

False alarms
    The same number on another VLAN is legal. ucarp alone does not use the virtual MAC for
    traffic (its advertisements come from 00:00:5e:00:00:id), so beside ucarp the conflict
    is less harmful; it becomes real once a kernel node joins. VRRP over IPv6 uses
    00:00:5e:00:02:id and does not collide, except FreeBSD 15's.

What to do
    Give one of them another number. Ask the provider too: their routers often use VRID 1.

Sources
    RFC 9568 section 7.3, FreeBSD ip_carp.c (the same prefix), wire-format facts measured
    with keepalived beside ucarp.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import Nanos
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import listed, since
from carpscope.timeline.facts import Fact, Foreign
from carpscope.timeline.group import group_id
from carpscope.wire.carp import virtual_mac

ROUTER_LIMIT = 16
"""Sources named per number; a flood of spoofed ones is counted, not kept."""
SITUATION_LIMIT = 8192


@dataclass(slots=True)
class _Routers:
    start: Nanos
    end: Nanos
    versions: set[int] = field(default_factory=set)
    sources: dict[bytes, None] = field(default_factory=dict)
    macs: set[bytes] = field(default_factory=set)
    evidence: Evidence = field(default_factory=Evidence)


class VridConflict:
    """Remembers VRRP numbers per VLAN and compares them with the groups at the end."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see which groups there are."""
        self._context = context
        self._routers: dict[tuple[tuple[int, ...], int], _Routers] = {}

    def see(self, fact: Fact) -> None:
        """Take VRRP advertisements."""
        if isinstance(fact, Foreign):
            key = (fact.vlan, fact.vrid)
            routers = self._routers.get(key)
            if routers is None:
                if len(self._routers) >= SITUATION_LIMIT:
                    return
                routers = self._routers[key] = _Routers(fact.at, fact.at)
            routers.end = fact.at
            routers.versions.add(fact.version)
            if len(routers.sources) < ROUTER_LIMIT:
                routers.sources[fact.source] = None
            if fact.mac is not None and len(routers.macs) < ROUTER_LIMIT:
                routers.macs.add(fact.mac)
            routers.evidence.add(fact.frame)

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give a finding for each number used by both."""
        del at
        for group in self._context.groups:
            routers = self._routers.get((group.vlan, group.vhid))
            if routers is None:
                continue
            who = listed(ip_text(source) for source in routers.sources)
            version = " and ".join(f"v{v}" for v in sorted(routers.versions))
            mac = mac_text(virtual_mac(group.vhid))
            shared = "and the same" if virtual_mac(group.vhid) in routers.macs else "which implies"
            yield Finding(
                RULE.code,
                RULE.label,
                RULE.severity,
                0.97,
                group.id,
                tuple(ip_text(source) for source in routers.sources),
                routers.start,
                routers.end,
                routers.evidence.frames,
                routers.evidence.count,
                f"VRRP {version} from {who} uses the number {group.vhid} of this CARP group",
                f"{routers.evidence.count} VRRP advertisements with VRID {group.vhid} on the same "
                f"segment, {since(routers.start, routers.end)}, {shared} virtual MAC {mac} as "
                f"{group_id(group.vlan, group.vhid)}. Switches learn one MAC on two ports.",
                f"Change the VRID of {who}, or this group's vhid, to a number nobody uses.",
            )


RULE = Rule(
    "CS507",
    "vrrp_vrid_conflict",
    "VRRP uses the same number",
    Severity.WARNING,
    VridConflict,
    (Foreign,),
)
