"""A VRRP router uses the number of a CARP group on the same segment.

What it means
    VRRP and CARP derive the same virtual MAC 00:00:5e:00:01:id from the number. Where both
    send from it, switches see one MAC on two ports and move it back and forth; frames for the
    shared addresses go to whoever spoke last. The elections do not disturb each other much,
    which hides it. Where one of them sends from other MACs (ucarp from 00:00:5e:00:00:id,
    keepalived without use_vmac from its card's own), no MAC is shared: each still has to read
    and drop the other's advertisements.

How it is seen
    Two or more sound VRRP advertisements (right checksum, TTL 255) whose VRID equals a vhid
    seen on the same VLAN, sent to all routers or from the virtual MAC of that number. Protocol
    112 and the group 224.0.0.18 are the same; version, length and the octet that is CARP's
    authlen tell them apart.

False alarms
    The same number on another VLAN is legal. VRRP that is sent to its peers alone, from the
    cards' own MACs, is a remark only. One pair of which one node speaks CARP and the other
    VRRP for one address is a torn group (CS110) and is not told here. VRRP over IPv6 uses
    00:00:5e:00:02:id and does not collide, except FreeBSD 15's.

What to do
    Give one of them another number. Ask the provider too: their routers often use VRID 1.

Sources
    RFC 9568 section 7.3, FreeBSD ip_carp.c (the same prefix), frames measured
    with keepalived beside ucarp.
"""

from collections.abc import Iterator

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.standing import vips
from carpscope.detect.words import listed, since
from carpscope.timeline.facts import Fact, Foreign
from carpscope.timeline.group import Group, group_id
from carpscope.wire.carp import virtual_mac

ROUTER_LIMIT = 16
"""Sources named per number; a flood of spoofed ones is counted, not kept."""
SITUATION_LIMIT = 8192
ADVERTS_MIN = 2
"""One advertisement of somebody who is known from nothing else proves nothing."""


@dataclass(slots=True)
class _Routers:
    start: Nanos
    end: Nanos
    to_group: bool = False
    versions: set[int] = field(default_factory=set)
    sources: dict[bytes, None] = field(default_factory=dict)
    addresses: dict[bytes, None] = field(default_factory=dict)
    macs: dict[bytes, None] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


class VridConflict:
    """Remembers VRRP numbers per VLAN and compares them with the groups at the end."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see which groups there are."""
        self._context = context
        self._routers: dict[tuple[tuple[int, ...], int], _Routers] = {}

    def see(self, fact: Fact) -> None:
        """Take VRRP advertisements."""
        if isinstance(fact, Foreign) and fact.is_sound:
            key = (fact.vlan, fact.vrid)
            routers = self._routers.get(key)
            if routers is None:
                if len(self._routers) >= SITUATION_LIMIT:
                    return
                routers = self._routers[key] = _Routers(fact.at, fact.at)
            routers.end = fact.at
            routers.to_group |= fact.to_group
            routers.versions.add(fact.version)
            for kept, more in (
                (routers.sources, (fact.source,)),
                (routers.addresses, fact.addresses),
                (routers.macs, (fact.mac,) if fact.mac is not None else ()),
            ):
                for one in more:
                    if len(kept) < ROUTER_LIMIT:
                        kept[one] = None
            routers.evidence.add(fact.frame)

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give a finding for each number used by both."""
        del at
        for group in self._context.groups:
            routers = self._routers.get((group.vlan, group.vhid))
            if routers is None or routers.evidence.count < ADVERTS_MIN:
                continue
            if not set(vips(group, self._context.config)).isdisjoint(routers.addresses):
                continue  # one pair in two protocols: a torn group
            yield _finding(group, routers)


def _finding(group: Group, routers: _Routers) -> Finding:
    who = listed(ip_text(source) for source in routers.sources)
    version = " and ".join(f"v{v}" for v in sorted(routers.versions))
    mac = virtual_mac(group.vhid)
    told = (
        f"{routers.evidence.count} VRRP advertisements with VRID {group.vhid} on the same "
        f"segment, {since(routers.start, routers.end)}"
    )
    ours = {node.mac for node in group.members}
    is_shared = mac in routers.macs and mac in ours
    if is_shared:
        told += (
            f", from the same virtual MAC {mac_text(mac)} as {group_id(group.vlan, group.vhid)}. "
            "Switches learn one MAC on two ports."
        )
    else:
        theirs = listed(mac_text(m) for m in routers.macs) or "MACs that were not captured"
        own = listed(mac_text(m) for m in ours if m is not None) or "MACs that were not captured"
        told += f", from {theirs}, while the CARP nodes send from {own}: no MAC is shared."
    collides = routers.to_group or mac in routers.macs
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity if collides else Severity.INFO,
        confidence=0.97,
        group=group.id,
        nodes=tuple(ip_text(source) for source in routers.sources),
        start=routers.start,
        end=routers.end,
        frames=routers.evidence.frames,
        frame_count=routers.evidence.count,
        summary=(f"VRRP {version} from {who} uses the number {group.vhid} of this CARP group"),
        explanation=told,
        remedy=(
            f"Change the VRID of {who}, or this group's vhid, to a number nobody uses."
            if collides
            else "Nothing has to be changed; numbers that differ are easier to read."
        ),
    )


RULE = Rule(
    "CS507",
    "vrrp_vrid_conflict",
    "VRRP uses the same number",
    Severity.WARNING,
    VridConflict,
    (Foreign,),
    plain="routers on the same network use the same number for another protocol",
)
