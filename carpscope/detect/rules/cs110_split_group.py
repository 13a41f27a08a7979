"""Nodes of one cluster advertise in different groups, so each part has a MASTER of its own.

What it means
    They share an address and not the group: the vhid differs on one node, or one of them
    tags its frames and the other does not, or one speaks CARP and the other VRRP. Neither
    ever hears a rival, each is MASTER, and both answer for the address: hosts send to
    whoever spoke last.

How it is seen
    The same shared address (signed, listed by the configuration or by VRRP, announced) in
    two groups at the same time, advertised by different nodes. On different VLANs their own
    addresses lie in one network as well.

False alarms
    OpenBSD's balancing has one address in two vhids of both nodes on purpose: then both
    vhids use one group MAC 01:00:5e:00:01:XX, or each node advertises in both. A mirror
    port that delivers frames with and without their tag shows one node twice. Networks of
    different customers that use the same addresses on different VLANs are told apart by
    their passphrases, where these are known. Networks of a tunnel (VXLAN, Geneve, …) are
    never compared with each other: each may be a tenant's.

What to do
    Give all nodes of the cluster the same vhid, VLAN and protocol.

Sources
    carp(4): the virtual host ID must be the same on all members; LoadMaster's manual, "HA
    Virtual ID"; FreeBSD 15 carp(4), carpver.
"""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.standing import vips
from carpscope.detect.words import addresses, listed, since
from carpscope.timeline.facts import Fact, Foreign
from carpscope.timeline.group import Group
from carpscope.timeline.mastership import is_master
from carpscope.timeline.node import Node
from carpscope.wire.carp import is_group_mac
from carpscope.wire.segment import networks

PARTS_KEPT = 4096
ROUTERS_KEPT = 16
ADVERTS_MIN = 2
"""One advertisement of somebody who is known from nothing else proves nothing."""

Vlan = tuple[int, ...]


@dataclass(slots=True)
class _Routers:
    """The VRRP routers of one number that list the same addresses."""

    vlan: Vlan
    vrid: int
    start: Nanos
    end: Nanos
    interval: Nanos
    sources: dict[bytes, None] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(slots=True)
class _Part:
    """What serves an address: a group, or VRRP routers."""

    name: str
    group: Group | None
    vlan: Vlan
    sources: frozenset[bytes]
    nodes: tuple[str, ...]
    spells: list[tuple[Nanos, Nanos]]
    frames: tuple[int, ...]
    is_held: bool
    """Whether it has a MASTER at the end."""


class SplitGroup:
    """Compares groups, which nothing else does."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see which groups there are."""
        self._context = context
        self._routers: dict[tuple[Vlan, int, tuple[bytes, ...]], _Routers] = {}

    def see(self, fact: Fact) -> None:
        """Take VRRP advertisements."""
        if not isinstance(fact, Foreign) or not fact.is_sound or not fact.addresses:
            return
        key = (fact.vlan, fact.vrid, fact.addresses[:ROUTERS_KEPT])
        routers = self._routers.get(key)
        if routers is None:
            if len(self._routers) >= PARTS_KEPT:
                return
            routers = _Routers(fact.vlan, fact.vrid, fact.at, fact.at, fact.interval)
            self._routers[key] = routers
        routers.end = fact.at
        if len(routers.sources) < ROUTERS_KEPT:
            routers.sources[fact.source] = None
        routers.evidence.add(fact.frame)

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give each address that two parts serve, of all that the same parts serve one finding."""
        by_address: dict[bytes, list[_Part]] = {}
        for group in self._context.groups[:PARTS_KEPT]:
            if any(node.master_periods for node in group.nodes.values()):
                held = vips(group, self._context.config)
                part = _of_group(group, at) if held else None
                for address in held if part is not None else ():
                    by_address.setdefault(address, []).append(part)  # type: ignore[arg-type]
        for (_, _, held), routers in self._routers.items():
            if routers.evidence.count >= ADVERTS_MIN:
                for address in held:
                    if address in by_address:
                        by_address[address].append(_of_routers(routers, at))
        torn: dict[tuple[str, ...], tuple[list[_Part], list[bytes]]] = {}
        for address, parts in by_address.items():
            for one, other in _pairs(parts):
                if self._is_torn(one, other):
                    names = (one.name, other.name)
                    torn.setdefault(names, ([one, other], []))[1].append(address)
        for (one, other), held_by in torn.values():
            yield _finding(one, other, held_by)

    def _is_torn(self, one: _Part, other: _Part) -> bool:
        if one.sources & other.sources or _overlap(one, other) is None:
            return False
        if networks(one.vlan) != networks(other.vlan):
            return False  # two networks of a tunnel: tenants that need not know of each other
        ours, theirs = one.group, other.group
        if ours is None or theirs is None:
            return one.vlan == other.vlan
        if _balances(ours) and _balances(theirs):
            return False
        if one.vlan != other.vlan:
            return _alike(ours, theirs) is not False and _near(one.sources, other.sources)
        return True


def _pairs(parts: list[_Part]) -> Iterator[tuple[_Part, _Part]]:
    for index, one in enumerate(parts[:ROUTERS_KEPT]):
        for other in parts[index + 1 : ROUTERS_KEPT]:
            if one.group is not None or other.group is not None:
                yield one, other


def _of_group(group: Group, at: Nanos) -> _Part | None:
    nodes = [node for node in group.known if node.master_periods]
    if not nodes:
        return None
    spells = [
        (r.start, r.end if r.end is not None else at) for node in nodes for r in node.master_periods
    ]
    frames = [f for node in nodes[:4] for f in (node.master_periods[0].first, node.last_frame)]
    return _Part(
        f"vhid {group.vhid}{_on(group.vlan)}",
        group,
        group.vlan,
        frozenset(address for node in nodes for address in node.addresses),
        tuple(node.id for node in nodes),
        spells,
        tuple(frames),
        any(is_master(node) for node in nodes),
    )


def _of_routers(routers: _Routers, at: Nanos) -> _Part:
    last = routers.end + 3 * routers.interval  # RFC 9568 6.1, Active_Down_Interval
    return _Part(
        f"VRRP number {routers.vrid}{_on(routers.vlan)}",
        None,
        routers.vlan,
        frozenset(routers.sources),
        tuple(ip_text(source) for source in routers.sources),
        [(routers.start, min(last, at))],
        routers.evidence.frames[:4],
        last >= at,
    )


def _on(vlan: Vlan) -> str:
    return f" on VLAN {'.'.join(map(str, vlan))}" if vlan else ""


def _overlap(one: _Part, other: _Part) -> tuple[Nanos, Nanos] | None:
    """Return from when to when both had a MASTER."""
    ours, theirs = _joined(one.spells), _joined(other.spells)
    shared: list[tuple[Nanos, Nanos]] = []
    while ours and theirs:
        start, end = max(ours[-1][0], theirs[-1][0]), min(ours[-1][1], theirs[-1][1])
        if start < end:
            shared.append((start, end))
        later = ours if ours[-1][0] > theirs[-1][0] else theirs
        later.pop()  # what begins later shares nothing with what lies before the other
    return (shared[-1][0], shared[0][1]) if shared else None


def _joined(spells: list[tuple[Nanos, Nanos]]) -> list[tuple[Nanos, Nanos]]:
    """Return the same times in order, none overlapping another."""
    joined: list[tuple[Nanos, Nanos]] = []
    for start, end in sorted(spells):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _balances(group: Group) -> bool:
    return any(is_group_mac(node.mac) for node in group.members)


def _near(ours: frozenset[bytes], theirs: frozenset[bytes]) -> bool:
    """Tell whether nodes have addresses in one network (/24, /64, or both link-local)."""
    nets = [{a[:3] if len(a) == 4 else a[:8] for a in side} for side in (ours, theirs)]
    return bool(nets[0] & nets[1])


def _alike(ours: Group, theirs: Group) -> bool | None:
    """Tell whether both are signed with one passphrase; None where that is not known."""
    keys = [_keys(group.known) for group in (ours, theirs)]
    return bool(keys[0] & keys[1]) if all(keys) else None


def _keys(nodes: list[Node]) -> set[int]:
    recipes = [node.authentication.recipe for node in nodes]
    return {recipe.key.number for recipe in recipes if recipe is not None}


def _finding(one: _Part, other: _Part, held: list[bytes]) -> Finding:
    span = _overlap(one, other)
    assert span is not None
    groups = [part.group.id for part in (one, other) if part.group is not None]
    alike = one.group is not None and other.group is not None and _alike(one.group, other.group)
    shared = addresses(held[:8]) + (f" and {len(held) - 8} more" if len(held) > 8 else "")
    key = " Both sign with one passphrase." if alike else ""
    sides = [f"{listed(part.nodes[:4])} as {part.name}" for part in (one, other)]
    return Finding(
        RULE.code,
        RULE.label,
        RULE.severity,
        0.97 if alike else 0.9,
        groups[0],
        (*one.nodes, *other.nodes),
        *span,
        tuple(sorted({*one.frames, *other.frames})),
        len({*one.frames, *other.frames}),
        f"{' and '.join(sides)} both serve {shared}, each part with a MASTER of its own",
        f"{shared} belongs to {one.name} and to {other.name}, which both had a MASTER "
        f"{since(*span)}. Nodes of different groups never yield to each other, and each answers "
        f"for the address.{key}",
        _remedy(one, other),
        ongoing=one.is_held and other.is_held,
        others=tuple(groups[1:]),
    )


def _remedy(one: _Part, other: _Part) -> str:
    nodes = [listed(part.nodes[:4]) for part in (one, other)]
    if one.group is None or other.group is None:
        return (
            f"Let {nodes[0]} and {nodes[1]} speak the same protocol: on FreeBSD 15 set the same "
            "carpver for this vhid on both."
        )
    if one.vlan != other.vlan:
        return (
            f"Put {nodes[0]} and {nodes[1]} on one VLAN: look at the carp interface's parent on "
            "each, and at how the switch tags both ports."
        )
    return (
        f"Give {nodes[0]} and {nodes[1]} one vhid: {one.group.vhid} or {other.group.vhid} on "
        "both, not one of each."
    )


RULE = Rule(
    "CS110",
    "split_group",
    "One cluster in two groups",
    Severity.CRITICAL,
    SplitGroup,
    (Foreign,),
    plain="hosts that should back each other up for {address} are set up as separate groups",
)
