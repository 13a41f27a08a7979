"""The frames that a span port of the simulated LAN sees, in order of time.

Every frame that a node sends is there, also one that some receivers never get.
What each implementation puts into headers stands in its profile's `wire`.
"""

from collections.abc import Iterator

from carpscope.core.address import GROUP4, GROUP6, group_mac, is_group
from carpscope.core.frame import Frame
from carpscope.core.units import Nanos
from carpscope.protocol.events import Announce, ReceivedAdvert
from carpscope.protocol.profile import Profile, profiles
from carpscope.protocol.rules import own_link_local
from carpscope.sim.record import AdvertSent, AnnouncementSent
from carpscope.sim.world import World
from carpscope.wire import arp, icmp6
from carpscope.wire.carp import PROTOCOL, Advert, ucarp_mac, virtual_mac
from carpscope.wire.ip import ipv4, ipv6
from carpscope.wire.link import (
    ETHERNET,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ethernet,
)

EPOCH: Nanos = 1_767_225_600 * 1_000_000_000
"""2026-01-01T00:00:00Z: where a simulated capture begins, as the reference traces do."""
MINIMUM = 60
"""Ethernet pads shorter frames; 4 more bytes, the FCS, are not captured."""

_ALL_NODES_MAC = bytes.fromhex("333300000001")
_BROADCAST = b"\xff" * 6


def frames(world: World, epoch: Nanos = EPOCH) -> Iterator[Frame]:
    """Return every frame of a run, numbered from 1."""
    known = profiles()
    by_name = {plan.name: known[plan.impl] for plan in world.scenario.nodes}
    plans = {plan.name: plan for plan in world.scenario.nodes}
    owners = {a: plan.mac for plan in world.scenario.nodes for a in (plan.ip4, plan.ll6)}
    sent: list[tuple[Nanos, int, AdvertSent | AnnouncementSent]] = [
        (item.at, index, item) for index, item in enumerate(world.record.sent)
    ]
    sent += [(item.announce.at, index, item) for index, item in enumerate(world.record.announced)]
    number = 0
    for at, _, item in sorted(sent, key=lambda entry: entry[:2]):
        # a capture begins at 0; what a node did before that is in no capture
        if at < 0:
            continue
        number += 1
        profile = by_name[item.node]
        plan = plans[item.node]
        if not isinstance(item, AdvertSent):
            own = own_link_local(item.announce.vhid) if profile.own_link_local else None
            data = announcement_frame(item.announce, own or plan.ll6)
        elif item.packet.multicast:
            data = advert_frame(profile, item.packet)
        elif item.packet.destination in owners:
            data = advert_frame(profile, item.packet, plan.mac, owners[item.packet.destination])
        else:
            continue  # nobody answers for that address: the packet never leaves
        yield Frame(number, epoch + at, ETHERNET, data, len(data))


def advert_frame(
    profile: Profile, packet: ReceivedAdvert, own: bytes = b"", peer: bytes = b""
) -> bytes:
    """Return an advertisement as this implementation puts it on the wire.

    To a unicast peer it needs the MAC of the network card and that of the peer.
    """
    style = profile.wire
    payload = Advert(
        packet.vhid, packet.advbase, packet.advskew, packet.demote, packet.counter, packet.digest
    ).encode()
    source = virtual_mac(packet.vhid) if style.virtual_mac else ucarp_mac(packet.vhid)
    if not packet.multicast and style.peer_own_mac:
        source = own
    if packet.family == 4:
        destination = packet.destination or GROUP4
        swapped = style.peer_octets_swapped and is_group(destination[::-1])
        body = ipv4(
            packet.source,
            destination,
            payload,
            protocol=PROTOCOL,
            tos=style.tos,
            identification=packet.identification,
        )
        target = group_mac(destination) if packet.multicast or swapped else peer
        return ethernet(target, source, ETHERTYPE_IPV4, body)
    destination = packet.destination or GROUP6
    body = ipv6(
        packet.source, destination, payload, next_header=PROTOCOL, traffic_class=style.traffic_class
    )
    target = group_mac(destination) if packet.multicast else peer
    return ethernet(target, source, ETHERTYPE_IPV6, body)


def announcement_frame(announce: Announce, source: bytes) -> bytes:
    """Return a gratuitous ARP request or an unsolicited neighbour advertisement."""
    if len(announce.address) == 4:
        body = arp.announcement(announce.address, announce.mac, announce.target_mac).encode()
        frame = ethernet(_BROADCAST, announce.ethernet_source, ETHERTYPE_ARP, body)
        return frame.ljust(MINIMUM, b"\0")
    body = icmp6.neighbour_advertisement(
        source, announce.address, announce.mac, router=announce.is_router
    )
    return ethernet(_ALL_NODES_MAC, announce.ethernet_source, ETHERTYPE_IPV6, body)


__all__ = ["EPOCH", "advert_frame", "announcement_frame", "frames"]
