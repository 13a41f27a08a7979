"""Facts from one advertisement by itself, apart from its sender being MASTER."""

from collections.abc import Iterator, Mapping

from carpscope.core.address import GROUP4, GROUP6, is_group
from carpscope.core.units import Nanos
from carpscope.protocol import timers
from carpscope.timeline.destination import misdirected
from carpscope.timeline.facts import Changed, FailedCheck, Foreign, Refused
from carpscope.timeline.group import Group, GroupKey
from carpscope.timeline.identify import identify
from carpscope.timeline.node import (
    COUNTER_MASK,
    NEAR,
    NO_COUNTER,
    REFUSALS_KEPT,
    SETTLED,
    AdvertisedChange,
    CounterHabit,
    Node,
    frame_ref,
)
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet
from carpscope.wire.ip import IpView
from carpscope.wire.vrrp import VrrpView

PEERS_KEPT = 4
"""Unicast destinations kept of a node: a vhid has one of each family at a time."""


def collect(node: Node, ip: IpView, view: AdvertView) -> None:
    """Count header fields that differ between implementations (docs/protocol/identification.md)."""
    if ip.version == 4:
        node.tos[ip.tos] += 1
        if node.adverts <= SETTLED and ip.identification is not None:
            node.identifications.append(ip.identification)
        node.dont_fragment[ip.dont_fragment] += 1
    else:
        node.traffic_class[ip.tos] += 1
    node.ttl[ip.ttl] += 1
    if not view.is_bow_out:
        node.max_advskew = max(node.max_advskew, view.advskew)
    if view.demote:
        node.saw_demote = True
    if not is_group(ip.destination) and ip.destination not in node.peers:
        node.peers = [*node.peers, ip.destination][-PEERS_KEPT:]


def refusals(
    group: Group, node: Node, at: Nanos, ref: int, packet: Packet, view: AdvertView
) -> Iterator[Refused]:
    """Yield each check at which every receiver drops an advertisement."""
    ip, link = packet.ip, packet.link
    assert ip is not None
    assert link is not None
    if view.version != 2:
        detail = f"version {view.version}, not 2"
        yield Refused(group, node, at, ref, FailedCheck.VERSION, detail)
    wrong_ttl = ip.ttl != 255 and _asks_for_255(node, ip)
    if wrong_ttl:
        detail = f"TTL {ip.ttl}, not 255"
        yield Refused(group, node, at, ref, FailedCheck.TTL, detail)
    wrong = misdirected(link, ip)
    if wrong:
        yield Refused(group, node, at, ref, FailedCheck.DESTINATION, wrong)
    if view.checksum_ok is False:
        detail = f"checksum {view.checksum:#06x} does not fit the 36 bytes"
        yield Refused(group, node, at, ref, FailedCheck.CHECKSUM, detail)
    if view.version != 2 or wrong_ttl or wrong or view.checksum_ok is False:
        node.refused_at.append(at)
        del node.refused_at[:-REFUSALS_KEPT]


def _asks_for_255(node: Node, ip: IpView) -> bool:
    """Return whether receivers of an advertisement drop it unless its TTL is 255.

    FreeBSD since 14 does not test the TTL of a vhid with a unicast peer, so that it can be routed;
    OpenBSD and ucarp test every packet (docs/protocol/elections.md). A node with a unicast peer is
    taken to have a peer of its own implementation.
    """
    return is_group(ip.destination) or identify(node).name in ("openbsd", "ucarp")


def follow_counter(group: Group, node: Node, at: Nanos, version: int, view: AdvertView) -> None:
    """Update how a node's counter moves, which needs no key (docs/protocol/authentication.md)."""
    if not view.has_counter:
        node.sent.append((at, NO_COUNTER))
        return
    habit = node.counters.setdefault(version, CounterHabit())
    value = view.counter_value
    if habit.value >= 0:
        step = value - habit.value & COUNTER_MASK
        last = group.last
        follows = last is not None and 1 <= value - last.counter & COUNTER_MASK <= NEAR
        if step == 0:
            habit.constant += 1
        elif step <= NEAR or follows:
            habit.sequential += 1
            habit.first_sequential = habit.first_sequential or at
        else:
            habit.random += 1
            habit.last_random = at
        habit.link(value, follows=follows and last is not None and last.node is not node)
    else:
        habit.link(value)
    habit.seen += 1
    habit.value = value
    others = group.known if group.is_crowded else group.nodes.values()
    group.hearing.see(others, node, at, version, value)
    node.sent.append((at, value))


def changes(group: Group, node: Node, at: Nanos, ref: int, view: AdvertView) -> Iterator[Changed]:
    """Yield the changes of advbase, advskew and demotion; store the new values in the node."""
    if view.is_bow_out:
        node.bow_outs += 1
        return
    for what, before, after in (
        ("advbase", node.advbase, view.advbase),
        ("advskew", node.advskew, view.advskew),
        ("demote", node.demote, view.demote),
    ):
        if before != after and (node.advbase, node.advskew) != (255, 255):
            early = at - node.last < timers.too_soon(node.advbase, node.advskew)
            change = AdvertisedChange(at, ref, what, before, after, early)
            if len(node.changes) < 1000:
                node.changes.append(change)
            yield Changed(group, node, change)
    node.advbase, node.advskew, node.demote = view.advbase, view.advskew, view.demote


def foreign(packet: Packet, view: VrrpView) -> Foreign:
    """Return the fact of a VRRP advertisement."""
    assert packet.ip is not None
    assert packet.link is not None
    to_group = packet.ip.destination in (GROUP4, GROUP6)
    # RFC 9568 5.1.1.3 and 5.1.2.3; keepalived's unicast peers may be a hop away
    is_direct = packet.ip.ttl == 255 or not to_group
    return Foreign(
        packet.link.vlan,
        view.vrid,
        packet.frame.at,
        frame_ref(packet.frame.capture, packet.frame.number),
        view.version,
        view.priority,
        packet.ip.source,
        packet.link.source,
        to_group,
        view.checksum_ok is not False and view.type == 1 and view.vrid != 0 and is_direct,
        view.interval_ns,
        view.addresses,
    )


def count_copy(groups: Mapping[GroupKey, Group], packet: Packet) -> None:
    """Count an advertisement that is a copy of one in another capture."""
    view, link, ip, frame = packet.advert, packet.link, packet.ip, packet.frame
    if view is None or link is None or ip is None:
        return
    group = groups.get((link.vlan, view.vhid))
    if group is not None:
        group.copies += 1
        node = group.nodes.get(ip.source)
        if node is not None:
            node.elsewhere[ip.version, frame.capture] = frame.at
        if view.has_counter:
            group.copied.append((frame.at, view.counter_value, ip.source))
            group.signatures.copy(ip.version, view, frame.capture)
