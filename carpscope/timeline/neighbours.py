"""ARP and neighbour discovery: which host holds which address at which MAC, and who announced it.

Addresses that ARP and neighbour discovery show may be what nodes sign; announcements
(gratuitous ARP, unsolicited neighbour advertisements) say which a node holds, and their
style tells implementations apart (docs/protocol/identification.md).
"""

from collections.abc import Iterable, Iterator

from carpscope.core.address import card_of, is_link_local
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.protocol import timers
from carpscope.timeline.claims import requests_and_answers
from carpscope.timeline.facts import Announced, Answered, Asked, Foreign
from carpscope.timeline.fields import foreign
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node, frame_ref
from carpscope.timeline.traits import is_ucarp
from carpscope.wire.arp import ArpView
from carpscope.wire.decode import Packet
from carpscope.wire.icmp6 import NeighbourView, RouterView
from carpscope.wire.igmp import MembershipView
from carpscope.wire.vrrp import VrrpView

VLANS_KEPT = 4096
"""Segments of which addresses are kept: one tag distinguishes 4,094."""
LEARNED_LIMIT = 256
"""Addresses learned from the capture per segment; the search uses the first of them."""

Vlan = tuple[int, ...]


@dataclass(slots=True)
class Memberships:
    """What IGMP and MLD showed on a segment."""

    joined: int = 0
    """Reports of membership of CARP's groups."""
    asked: int = 0
    """Queries, of any querier."""


class Surroundings:
    """The addresses learned per segment, and which node an announcement belongs to."""

    def __init__(self) -> None:
        """Begin empty; the observer adds groups by `follow`."""
        self._groups: dict[Vlan, dict[int, Group]] = {}
        """By VLAN and vhid: a trunk has thousands of groups, a segment few."""
        self._holding: dict[Vlan, dict[int, Group]] = {}
        """Those of them with somebody who holds addresses without advertising: few, if any."""
        self._learned: dict[Vlan, dict[bytes, int]] = {}
        """How often each address was seen."""
        self._macs: dict[Vlan, dict[bytes, bytes]] = {}
        self._vrrp: dict[tuple[Vlan, int], Nanos] = {}
        """When a VRRP router advertised last, by VLAN and number."""
        self.memberships: dict[Vlan, Memberships] = {}
        self._early: dict[tuple[Vlan, bytes], list[tuple[Nanos, bytes, bytes]]] = {}

    def foreign(self, packet: Packet, view: VrrpView) -> Foreign:
        """Take a VRRP advertisement; return its fact."""
        told = foreign(packet, view)
        key = (told.vlan, told.vrid)
        if len(self._vrrp) < VLANS_KEPT or key in self._vrrp:
            self._vrrp[key] = told.at
        return told

    def learned(self, vlan: Vlan) -> list[bytes]:
        """Return the addresses seen on a segment: those seen most often first."""
        known = self._learned.get(vlan, {})
        return sorted(known, key=lambda address: -known[address])

    def mac_of(self, vlan: Vlan, address: bytes) -> bytes | None:
        """Return the MAC that answers for an address, or that an IPv6 address is made from."""
        return self._macs.get(vlan, {}).get(address) or card_of(address)

    def host_at(self, vlan: Vlan, mac: bytes) -> bytes | None:
        """Return an address of the host with a MAC that is no shared address, or None."""
        shared = {address for group in self._on(vlan) for address in group.announced}
        known = self._macs.get(vlan, {})
        own = (address for address, one in known.items() if one == mac and address not in shared)
        return next(own, None)

    def follow(self, group: Group) -> None:
        """Take a new group."""
        self._groups.setdefault(group.vlan, {})[group.vhid] = group

    def forgot(self, group: Group) -> None:
        """Leave a group out from now on."""
        known = self._groups[group.vlan]
        del known[group.vhid]
        if not known:
            del self._groups[group.vlan]
        self._holding.get(group.vlan, {}).pop(group.vhid, None)

    def _on(self, vlan: Vlan) -> Iterable[Group]:
        return self._groups.get(vlan, {}).values()

    def see(
        self, packet: Packet, view: ArpView | NeighbourView | RouterView | MembershipView
    ) -> Iterator[Announced | Asked | Answered]:
        """Take one packet; yield its facts about addresses."""
        announced = None
        if isinstance(view, MembershipView):
            self._joined(packet, view)
        if isinstance(view, ArpView):
            announced = self.arp(packet, view)
        elif isinstance(view, NeighbourView):
            announced = self.neighbour(packet, view)
        found = (announced,) if announced is not None else tuple(requests_and_answers(packet))
        for fact in found:
            self._held(fact)
        return iter(found)

    def _joined(self, packet: Packet, view: MembershipView) -> None:
        assert packet.link is not None
        vlan = packet.link.vlan
        if vlan not in self.memberships and len(self.memberships) >= VLANS_KEPT:
            return
        seen = self.memberships.setdefault(vlan, Memberships())
        seen.asked += view.kind == "query"
        seen.joined += view.kind == "report" and view.concerns_carp

    def _held(self, fact: Announced | Asked | Answered) -> None:
        """Pass a fact on to the group whose address it concerns."""
        if isinstance(fact, Asked):
            if not fact.is_probe:
                for group in self._holding.get(fact.vlan, {}).values():
                    group.holdings.asked(fact)
            return
        mine = self._group_of(fact.vlan, fact.address, fact.mac)
        if mine is None:
            return
        members = mine.members
        last = max((node.last_before(fact.at) for node in members), default=0)
        if self._vrrp.get((fact.vlan, mine.vhid), -1) <= last:
            mine.holdings.see(fact, members, is_shared=fact.address in mine.announced)
            if mine.holdings.known:
                self._holding.setdefault(mine.vlan, {})[mine.vhid] = mine

    def arp(self, packet: Packet, view: ArpView) -> Announced | None:
        """Take an ARP packet; return the announcement, if it is one."""
        assert packet.link is not None
        vlan = packet.link.vlan
        if any(view.sender_ip):
            self._learn(vlan, view.sender_ip, view.sender_mac)
        if any(view.target_ip):
            self._learn(vlan, view.target_ip, None)
        if not view.is_announcement:
            return None
        found = self._announced(packet, view.sender_ip, view.sender_mac)
        if found.node is not None and packet.link.source is not None:
            if _is_virtual(packet.link.source):
                found.node.garp_virtual += 1
            else:
                found.node.garp_card += 1
                found.node.own_mac = packet.link.source
        return found

    def neighbour(self, packet: Packet, view: NeighbourView) -> Announced | None:
        """Take neighbour discovery; return the announcement, if it is one."""
        assert packet.link is not None
        self._learn(packet.link.vlan, view.target, view.mac if view.is_advertisement else None)
        if not view.is_announcement or view.mac is None:
            return None
        found = self._announced(packet, view.target, view.mac)
        node = found.node or self._speaker(packet)
        if node is not None:
            node.na_router += view.router
            if _is_virtual(view.mac):
                node.na_virtual += 1
            else:
                node.na_card += 1
                node.announced.setdefault(view.target, packet.frame.at)
        return found

    def _speaker(self, packet: Packet) -> Node | None:
        """Return the node that announces from its own advertising address, as NetBSD does."""
        if packet.ip is None or packet.link is None:
            return None
        source, vlan = packet.ip.source, packet.link.vlan
        found = [group.nodes[source] for group in self._on(vlan) if source in group.nodes]
        return _latest(found, packet.frame.at)

    def claimed(self, group: Group, node: Node, at: Nanos) -> None:
        """Give a ucarp the latest announcement of just before its first advertisement."""
        if not is_ucarp(node):
            return
        others = {n.own_mac for n in group.nodes.values() if n is not node}
        known = timers.LONG_SCRIPT
        before = [
            (early, vlan, address)
            for (vlan, address), found in self._early.items()
            if vlan == group.vlan
            for early in found
            if 0 <= at - early[0] <= (known if address in group.announced else timers.BEFORE_ADVERT)
            and early[1] not in others
        ]
        if not before:
            return
        early, vlan, address = max(before, key=lambda one: one[0][0])
        self._early[vlan, address].remove(early)
        when, mac, source = early
        node.own_mac = mac
        node.garp_card += source == mac
        node.announced[address] = when
        self._keep_announced(group, address)

    def _keep_announced(self, group: Group, address: bytes) -> None:
        """Keep an address as one of a group's; where there are many, those seen most often."""
        known = group.announced
        if address in known:
            return
        if len(known) >= LEARNED_LIMIT:
            counts = self._learned.get(group.vlan, {})
            least = min(known, key=lambda one: counts.get(one, 0))
            if counts.get(least, 0) >= counts.get(address, 0):
                return
            del known[least]
        known[address] = None

    def _learn(self, vlan: Vlan, address: bytes, mac: bytes | None) -> None:
        known = self._learned.get(vlan)
        if known is None:
            self._make_room()
            known = self._learned[vlan] = {}
        if address not in known and len(known) >= LEARNED_LIMIT:
            # an address seen once, long ago, is replaced first: a flood of requests hides no host
            del known[min(known, key=lambda one: known[one])]
        known[address] = known.get(address, 0) + 1
        macs = self._macs.setdefault(vlan, {})
        if mac is not None and not _is_virtual(mac):
            if address not in macs and len(macs) >= LEARNED_LIMIT:
                del macs[next(iter(macs))]
            macs[address] = mac

    def _make_room(self) -> None:
        """Drop the older half of the segments without groups once there are `VLANS_KEPT`.

        Forged VLAN tags must not fill memory. Segments with groups stay: these are bounded by
        `timeline.limits`.
        """
        if len(self._learned) < VLANS_KEPT:
            return
        strange = [vlan for vlan in self._learned if vlan not in self._groups]
        for vlan in strange[: len(strange) // 2 + 1]:
            del self._learned[vlan]
            self._macs.pop(vlan, None)

    def _announced(self, packet: Packet, address: bytes, mac: bytes) -> Announced:
        """Return the fact of an announcement, with its group and node where they are known."""
        assert packet.link is not None
        vlan, at, source = packet.link.vlan, packet.frame.at, packet.link.source
        group = self._group_of(vlan, address, mac)
        node = None
        if group is not None:
            node = _announcer(group, mac, source, at)
            if node is not None and self._vrrp.get((vlan, group.vhid), 0) > node.last_before(at):
                node = None  # a VRRP router with the same MAC has advertised since
            if node is not None or self._is_theirs(group, mac):
                self._keep_announced(group, address)
        if node is None:
            early = self._early.setdefault((vlan, address), [])
            early[:] = [*early[-3:], (at, mac, source or mac)]
            if len(self._early) > LEARNED_LIMIT:
                self._early.pop(next(iter(self._early)))
        elif address in node.announced or len(node.announced) < LEARNED_LIMIT:
            node.announced[address] = at
        ref = frame_ref(packet.frame.capture, packet.frame.number)
        return Announced(vlan, at, ref, address, mac, source, group, node)

    def _is_theirs(self, group: Group, mac: bytes) -> bool:
        """Return whether a MAC is one that only nodes of the group announce from.

        Not where all its nodes are ucarps, which announce from their card's MAC as any host does,
        and not where a VRRP router of the same number uses the virtual MAC.
        """
        return (
            _is_virtual(mac)
            and (group.vlan, group.vhid) not in self._vrrp
            and not all(is_ucarp(node) for node in group.nodes.values())
        )

    def _group_of(self, vlan: Vlan, address: bytes, mac: bytes) -> Group | None:
        """Return the group of an announced address, None where it is unknown.

        By the virtual MAC; else a group with a ucarp in which the address was announced before, or
        the only such group of the segment, unless a host announces its own address.
        """
        if _is_virtual(mac):
            if is_link_local(address) and address.endswith(b"\x01" + mac[5:]):
                return None  # OpenBSD announces the interface's own link-local address too
            return self._groups.get(vlan, {}).get(mac[5])
        ucarps = [
            group
            for group in self._on(vlan)
            if any(is_ucarp(node) for node in group.nodes.values())
        ]
        for group in ucarps:
            if address in group.announced:
                return group
        return ucarps[0] if len(ucarps) == 1 and not self._is_host(vlan, address, mac) else None

    def _is_host(self, vlan: Vlan, address: bytes, mac: bytes) -> bool:
        """Return whether a host announces its own address, as hosts do when they start."""
        return any(address in group.nodes for group in self._on(vlan)) or (
            mac in self._macs.get(vlan, {}).values() and address == self.mac_of(vlan, address)
        )


def _announcer(group: Group, mac: bytes, source: bytes | None, at: Nanos) -> Node | None:
    virtual = _is_virtual(mac) or (source is not None and _is_virtual(source))
    if any(n.own_mac in (mac, source) and n not in group.masters for n in group.nodes.values()):
        return None  # of a node that is about to claim
    masters = [n for n in group.masters if is_ucarp(n) != virtual]
    if not virtual:
        known = [n for n in masters if n.own_mac == mac]
        if known:
            return known[0]
    if source is not None and not _is_virtual(source):
        known = [n for n in masters if n.own_mac == source]
        if known:
            return known[0]
        masters = [n for n in masters if n.own_mac is None]
    return _latest(masters, at)


def _latest(nodes: Iterable[Node], at: Nanos) -> Node | None:
    """Return the node that advertised last, within `ANNOUNCING` before a time, or None."""
    near = [node for node in nodes if at - node.last_before(at) <= timers.ANNOUNCING]
    return max(near, key=lambda node: node.last_before(at), default=None)


def _is_virtual(mac: bytes) -> bool:
    return mac[:4] == b"\0\0\x5e\0" and mac[4] in (0, 1)
