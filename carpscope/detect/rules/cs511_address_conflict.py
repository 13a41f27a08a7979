"""Somebody else announces or answers for a shared address.

What it means
    Hosts learn one MAC for an address. Where another host than the MASTER answers for it,
    part of them sends there: connections hang or break for some and not for others, and a
    host may stay with the wrong one until its entry ages.

How it is seen
    ARP replies and announcements, neighbour advertisements, and router advertisements from
    the address, with a MAC that belongs to no node that is MASTER at that time, beside a live
    MASTER, more than once and for longer than an election takes. And two answers to each
    request for an address at the virtual MAC of a vhid that nobody advertises: two nodes are
    MASTER and silent.

False alarms
    A proxy for ARP answers for addresses of others; a host with two cards on one segment
    answers from both. A node that was MASTER may answer until its script has removed the
    address; that long is allowed for. A torn group (CS110) is told as that.

What to do
    Find the host by its MAC and take the address away from it. A ucarp that was killed did
    not run its down-script: run it, or remove the address by hand. For router
    advertisements: let radvd or rad run on the MASTER alone, or not on the shared address.

Sources
    RFC 826, RFC 4861 4.2 and 4.4; ucarp src/carp.c (the script is run on a change of state
    only); UCarp issues 19 and 26.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.commands import to_remove
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.holders import Holders, holders
from carpscope.detect.rule import Context, Rule
from carpscope.detect.standing import vips
from carpscope.detect.words import listed, since, times
from carpscope.timeline import traits
from carpscope.timeline.contest import election_ns
from carpscope.timeline.copies import COPY_WINDOW
from carpscope.timeline.facts import Announced, Answered, Asked, Fact, Foreign
from carpscope.timeline.group import Group, group_id
from carpscope.timeline.node import Node
from carpscope.wire.arp import REPLY_WITHIN
from carpscope.wire.carp import interval_ns, vhid_of_mac

Vlan = tuple[int, ...]
ADDRESSES_KEPT = 1024
CLAIMS_KEPT = 64
"""Of one address: the latest that are not judged yet."""
SITUATIONS_KEPT = 200
TWICE_MIN = 2
"""Requests with two answers: one may be chance, or a copy."""


@dataclass(frozen=True, slots=True)
class _Claim:
    at: Nanos
    frame: int
    mac: bytes
    how: str


@dataclass(slots=True)
class _Asking:
    """One address: what was asked, and what answered it."""

    asked: Nanos = -(1 << 62)
    answers: list[tuple[Nanos, int, bytes]] = field(default_factory=list)
    once: int = 0
    twice: int = 0
    start: Nanos = 0
    end: Nanos = 0
    macs: dict[bytes, None] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(slots=True)
class _Conflict:
    """One host that has an address beside the MASTER."""

    group: Group
    address: bytes
    mac: bytes
    start: Nanos
    end: Nanos
    masters: dict[str, Node] = field(default_factory=dict)
    hows: dict[str, int] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


class AddressConflict:
    """Holds claims to addresses against who is MASTER."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see who is MASTER of what."""
        self._context = context
        self._claims: dict[tuple[Vlan, bytes], deque[_Claim]] = {}
        self._asking: dict[tuple[Vlan, bytes], _Asking] = {}
        self._found: dict[tuple[str, bytes, bytes], _Conflict] = {}
        self._routers: dict[tuple[Vlan, bytes], dict[bytes, None]] = {}
        """The MACs of VRRP routers that list an address: a torn group's matter."""
        self._vrids: set[tuple[Vlan, int]] = set()
        self._copies: set[Vlan] = set()
        """Segments of which the capture has packets of ARP twice."""

    def see(self, fact: Fact) -> None:
        """Take who asks, answers and announces."""
        if isinstance(fact, Announced):
            self._claim(fact.vlan, fact.address, fact.at, fact.frame, fact.mac, "announced")
        elif isinstance(fact, Answered):
            how = "sent router advertisements from" if fact.is_router else "answered for"
            self._claim(fact.vlan, fact.address, fact.at, fact.frame, fact.mac, how)
            if not fact.is_router:
                self._answered(fact)
        elif isinstance(fact, Asked):
            self._asked(fact)
        elif isinstance(fact, Foreign) and fact.is_sound:
            if len(self._vrids) < ADDRESSES_KEPT:
                self._vrids.add((fact.vlan, fact.vrid))
            for address in fact.addresses if fact.mac is not None else ():
                if len(self._routers) < ADDRESSES_KEPT or (fact.vlan, address) in self._routers:
                    macs = self._routers.setdefault((fact.vlan, address), {})
                    if len(macs) < CLAIMS_KEPT and fact.mac is not None:
                        macs[fact.mac] = None

    def _claim(
        self, vlan: Vlan, address: bytes, at: Nanos, frame: int, mac: bytes, how: str
    ) -> None:
        claims = self._claims.get((vlan, address))
        if claims is None:
            if len(self._claims) >= ADDRESSES_KEPT:
                return
            claims = self._claims[vlan, address] = deque(maxlen=CLAIMS_KEPT)
        claims.append(_Claim(at, frame, mac, how))

    def _asked(self, fact: Asked) -> None:
        asking = self._asking.get((fact.vlan, fact.address))
        if asking is None:
            if len(self._asking) >= ADDRESSES_KEPT:
                return
            asking = self._asking[fact.vlan, fact.address] = _Asking()
        if fact.at - asking.asked <= COPY_WINDOW:
            self._copies.add(fact.vlan)
            return
        _count(asking)
        asking.asked = fact.at

    def _answered(self, fact: Answered) -> None:
        asking = self._asking.get((fact.vlan, fact.address))
        if asking is not None and fact.at - asking.asked <= REPLY_WITHIN:
            asking.answers = [*asking.answers[:3], (fact.at, fact.frame, fact.mac)]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every host that has an address of somebody else."""
        observer = self._context.observer
        in_use: dict[Vlan, set[int]] = {}
        for group in self._context.groups:
            in_use.setdefault(group.vlan, set()).add(group.vhid)
        for vlan, vrid in self._vrids:
            in_use.setdefault(vlan, set()).add(vrid)
        for group in self._context.groups:
            if not any(node.master_periods for node in group.nodes.values()):
                continue
            for address in vips(group, self._context.config):
                self._judge(group, address, frozenset(in_use[group.vlan]), at)
        for conflict in self._found.values():
            length = conflict.end - conflict.start
            if conflict.evidence.count > 1 and length > election_ns(conflict.masters.values()):
                yield _finding(conflict, observer.host_at(conflict.group.vlan, conflict.mac))
        for (vlan, address), asking in self._asking.items():
            if vlan not in self._copies:
                yield from _silent(vlan, address, asking, in_use.get(vlan, set()))

    def _judge(self, group: Group, address: bytes, in_use: frozenset[int], now: Nanos) -> None:
        """Judge the claims to an address that can be judged by now, and keep the rest."""
        claims = self._claims.get((group.vlan, address))
        if not claims:
            return
        parts = self._parts(group, address)
        waiting = []
        known = {node.own_mac for node in group.members}
        strange = {c.mac for c in claims} - known
        # a ucarp of another vhid whose card is not known yet may be who claims: a torn group
        is_sure = not any(
            traits.is_ucarp(node) and node.own_mac is None and bool(node.master_periods)
            for other in self._context.groups
            if other is not group and other.vlan == group.vlan
            for node in other.members
        )
        for claim in claims:
            who = holders(group, claim.at)
            if who.has(claim.mac, in_use) or claim.mac in parts:
                continue
            beats = (interval_ns(n.advbase, n.advskew) for n in who.masters)
            if now - claim.at <= max(beats, default=0):
                waiting.append(claim)  # its advertisement may follow
            elif who.is_live and (
                (is_sure and who.are_known(address))
                or claim.mac in known
                or (len(strange) > 1 and _is_old(claim, claims))
            ):
                self._add(group, address, claim, who)
            else:
                waiting.append(claim)  # what is known later may decide it, as in a file
        self._claims[group.vlan, address] = deque(waiting, maxlen=CLAIMS_KEPT)

    def _parts(self, group: Group, address: bytes) -> set[bytes]:
        """Return the MACs of other parts of a torn group."""
        found = set(self._routers.get((group.vlan, address), ()))
        for other in self._context.groups:
            if other is not group and other.vlan == group.vlan and address in other.announced:
                found |= {n.own_mac for n in other.members if n.own_mac is not None}
        return found

    def _add(self, group: Group, address: bytes, claim: _Claim, who: Holders) -> None:
        key = (group.id, address, claim.mac)
        conflict = self._found.get(key)
        if conflict is None:
            if len(self._found) >= SITUATIONS_KEPT:
                return
            conflict = _Conflict(group, address, claim.mac, claim.at, claim.at)
            self._found[key] = conflict
        conflict.start = min(conflict.start, claim.at)
        conflict.end = max(conflict.end, claim.at)
        conflict.masters |= {node.id: node for node in who.live if node.own_mac != claim.mac}
        conflict.hows[claim.how] = conflict.hows.get(claim.how, 0) + 1
        conflict.evidence.add(claim.frame)


def _is_old(claim: _Claim, claims: Iterable[_Claim]) -> bool:
    """Tell whether a MAC is not the one that spoke last: of strangers one may be the MASTER's."""
    return claim.mac != max(claims, key=lambda c: c.at).mac


def _count(asking: _Asking) -> None:
    """Take what answered the last request."""
    answers, asking.answers = asking.answers, []
    if len(answers) == 1:
        asking.once += 1
    elif answers:
        asking.twice += 1
        asking.start = asking.start or answers[0][0]
        asking.end = answers[-1][0]
        for _, frame, mac in answers:
            asking.macs[mac] = None
            asking.evidence.add(frame)


def _finding(conflict: _Conflict, host: bytes | None) -> Finding:
    group, address, mac = conflict.group, ip_text(conflict.address), mac_text(conflict.mac)
    node = next((n for n in group.members if n.own_mac == conflict.mac), None)
    name = node.id if node is not None else ip_text(host) if host is not None else None
    who = f"{name} ({mac})" if name else mac
    masters = listed(conflict.masters) or "another node"
    be = "were" if len(conflict.masters) > 1 else "is"
    does = listed(how for how in conflict.hows)
    claims = conflict.evidence.count
    remedy = f"Find the host at {mac} (the switch's table of MACs) and take {address} from it."
    if "sent router advertisements from" in conflict.hows:
        remedy = (
            f"Let the router advertisement daemon of {who} run only while it is MASTER, or not "
            f"with {address} as its source."
        )
    elif node is not None:
        remedy = f"On {node.id}: {to_remove(node, conflict.address)}; it is not MASTER."
    return Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.9,
        group=group.id,
        nodes=tuple(dict.fromkeys([*([name] if name else [mac]), *conflict.masters])),
        start=conflict.start,
        end=conflict.end,
        frames=conflict.evidence.frames,
        frame_count=claims,
        summary=(
            f"{who} still {does} {address}, while {masters} {be} MASTER"
            if node is not None
            else f"{who} {does} {address}, while {masters} {be} MASTER"
        ),
        explanation=(
            f"{mac} {does} {address} {times(claims)}, {since(conflict.start, conflict.end)}, "
            "and is "
            f"the MAC of no node that was MASTER then. Hosts send to whoever they heard last."
        ),
        remedy=remedy,
    )


def _silent(vlan: Vlan, address: bytes, asking: _Asking, in_use: set[int]) -> Iterator[Finding]:
    """Give two that answer for an address of a vhid that nobody advertises."""
    vhid = next((v for v in map(vhid_of_mac, asking.macs) if v is not None), None)
    if vhid is None or vhid in in_use or asking.twice < TWICE_MIN or asking.once > asking.twice:
        return
    macs = listed(mac_text(mac) for mac in asking.macs)
    yield Finding(
        code=RULE.code,
        label=RULE.label,
        severity=RULE.severity,
        confidence=0.9,
        group=group_id(vlan, vhid),
        nodes=(),
        start=asking.start,
        end=asking.end,
        frames=asking.evidence.frames,
        frame_count=asking.evidence.count,
        summary=(f"two nodes answer for {ip_text(address)}, and nobody advertises vhid {vhid}"),
        explanation=(
            f"{asking.twice} requests for {ip_text(address)} got two answers each, "
            f"{since(asking.start, asking.end)}, from {macs}; not one advertisement of vhid {vhid} "
            "was captured. Both believe that they are MASTER, and neither says so."
        ),
        remedy=(
            "Look on both nodes whether advertisements are sent at all (a firewall's rule "
            "that drops "
            "protocol 112 on its way out, a carp interface without its parent): tcpdump -ni IF "
            "'proto 112' on each."
        ),
    )


RULE = Rule(
    "CS511",
    "address_conflict",
    "Somebody else has a shared address",
    Severity.ERROR,
    AddressConflict,
    (Announced, Answered, Asked, Foreign),
    ("partition", "one_way_link", "split_group", "split_brain"),
    plain="a host that was not in charge of {address} answered for it",
)
