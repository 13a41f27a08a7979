"""What a capture on a node's card holds: its own frames, and what arrives there, by its clock.

Advertisements arrive as the world recorded it. Announcements, and what hosts say to each other
beside the election (ARP and ping, `talk`), change no machine; they take their chances from a
source of their own, on the same paths in the same state.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, Nanos
from carpscope.protocol.profile import profiles
from carpscope.protocol.rules import own_link_local
from carpscope.sim.frames import EPOCH, MINIMUM, advert_frame, announcement_frame
from carpscope.sim.network import Chance, Network
from carpscope.sim.plan import PARTITION_EVENTS, PATH_EVENTS, NodePlan, VantagePlan
from carpscope.sim.world import ATTACKER, World
from carpscope.wire import arp
from carpscope.wire.checksum import internet_checksum
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ETHERNET, ETHERTYPE_ARP, ETHERTYPE_IPV4, ethernet

ANSWER: Nanos = 30 * MICROSECOND
"""From a request to a host's answer."""
_BROADCAST = b"\xff" * 6
_AWAY = {"crash": "restart", "link_down": "link_up", "if_down": "if_up"}


class Said(NamedTuple):
    """A frame that is no advertisement."""

    at: Nanos
    source: str
    to: str
    """The only host that a switch gives it to; empty for all."""
    data: bytes


def captured(world: World, plan: VantagePlan, epoch: Nanos = EPOCH) -> Iterator[Frame]:
    """Return every frame of a capture, numbered from 1, in the order in which it saw them."""
    random = world.other_chance()
    gone = away(world, plan.node)
    number = 0
    for at, data in sorted([*_adverts(world, plan.node), *_others(world, plan.node)]):
        inside = plan.start <= at <= plan.end and not any(a <= at < b for a, b in gone)
        if not inside or (plan.drops and random.random() < plan.drops):
            continue
        number += 1
        yield Frame(number, epoch + plan.shown(at), ETHERNET, data, len(data))


def away(world: World, node: str) -> list[tuple[Nanos, Nanos]]:
    """Return when a node is not there, or its card hears nothing."""
    begins = world.scenario.node(node).start
    found = [(-(1 << 62), begins)]
    for event in world.scenario.events:
        if event.node == node and event.type in _AWAY:
            back = [
                later.at
                for later in world.scenario.events
                if later.node == node and later.type == _AWAY[event.type] and later.at > event.at
            ]
            found.append((event.at, min(back, default=world.scenario.duration + 1)))
    return found


def _adverts(world: World, node: str) -> Iterator[tuple[Nanos, bytes]]:
    known = profiles()
    by_name = {plan.name: known[plan.impl] for plan in world.scenario.nodes}
    victims = {
        (item.at, id(item.packet)): item.node
        for item in world.record.sent
        if item.attacker is not None
    }
    for item in world.record.sent:
        if item.node == node and item.attacker is None:
            yield item.at, advert_frame(by_name[node], item.packet)
    for came in world.record.arrived:
        if came.node != node:
            continue
        source = came.source
        if source == ATTACKER:
            source = victims.get((came.sent, id(came.packet)), node)
        yield came.at, advert_frame(by_name[source], came.packet)


def _others(world: World, node: str) -> Iterator[tuple[Nanos, bytes]]:
    """Send what is said on paths in the state that they have at that time."""
    scenario = world.scenario
    random = world.other_chance()
    network = Network(scenario.delays, random)
    changes = [e for e in scenario.events if e.type in PATH_EVENTS | PARTITION_EVENTS]
    said = sorted([*_announced(world), *_talk(world, random)])
    names = [plan.name for plan in scenario.nodes]
    for item in said:
        while changes and changes[0].at <= item.at:
            network.change(changes.pop(0))
        if item.source == node:
            yield item.at, item.data
        for other in names:
            if other == item.source or (item.to and item.to != other):
                continue
            family = 6 if item.data[12:14] == b"\x86\xdd" else 4
            arrives = network.arrival(item.source, other, family, item.at)
            if arrives is None or other != node:
                continue
            yield arrives, item.data
            again = network.duplicate(item.source, other, arrives)
            if again is not None:
                yield again, item.data


def _announced(world: World) -> Iterator[Said]:
    known = profiles()
    plans = {plan.name: plan for plan in world.scenario.nodes}
    for item in world.record.announced:
        plan, announce = plans[item.node], item.announce
        profile = known[plan.impl]
        own = own_link_local(announce.vhid) if profile.own_link_local else None
        data = announcement_frame(announce, own or plan.ll6)
        if announce.at >= 0:
            yield Said(announce.at, item.node, "", data)


def _talk(world: World, random: Chance) -> Iterator[Said]:
    """Let every host ask the next one by ARP, and ping it: what any network has."""
    scenario = world.scenario
    plans = scenario.nodes
    if not scenario.talk or len(plans) < 2:
        return
    for one, other in [*pairwise(plans), (plans[-1], plans[0])]:
        at = random.randint(0, scenario.talk)
        serial = 0
        while at < scenario.duration:
            serial += 1
            for said in _exchange(one, other, at, serial, world):
                if not _is_away(world, said.source, said.at):
                    yield said
            at += scenario.talk


def _is_away(world: World, node: str, at: Nanos) -> bool:
    return any(a <= at < b for a, b in away(world, node))


def _exchange(
    one: NodePlan, other: NodePlan, at: Nanos, serial: int, world: World
) -> Iterator[Said]:
    way = world.scenario.delays.get((one.name, other.name))
    there = at + (way.least + way.jitter if way is not None else 0) + ANSWER
    asks = arp.ArpView(arp.REQUEST, one.mac, one.ip4, bytes(6), other.ip4, 0)
    tells = arp.ArpView(arp.REPLY, other.mac, other.ip4, one.mac, one.ip4, 0)
    for view, said_at, source, to, mac in (
        (asks, at, one.name, "", _BROADCAST),
        (tells, there, other.name, one.name, one.mac),
    ):
        frame = ethernet(mac, view.sender_mac, ETHERTYPE_ARP, view.encode())
        yield Said(said_at, source, to, frame.ljust(MINIMUM, b"\0"))
    for kind, sender, target, said_at in (
        (8, one, other, at + 40 * ANSWER),
        (0, other, one, there + 40 * ANSWER),
    ):
        body = struct.pack("!BBHHHQ", kind, 0, 0, serial & 0xFFFF, serial & 0xFFFF, at)
        body = body[:2] + internet_checksum(body).to_bytes(2, "big") + body[4:]
        packet = ipv4(
            sender.ip4,
            target.ip4,
            body,
            protocol=1,
            tos=0,
            identification=(serial * 2 + kind) & 0xFFFF,
            ttl=64,
        )
        frame = ethernet(target.mac, sender.mac, ETHERTYPE_IPV4, packet)
        yield Said(said_at, sender.name, target.name, frame)


__all__ = ["captured"]
