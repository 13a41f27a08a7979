"""Requests for an address and answers to them, in ARP, neighbour discovery and router messages."""

from collections.abc import Iterator

from carpscope.timeline.facts import Answered, Asked
from carpscope.timeline.node import frame_ref
from carpscope.wire.arp import REPLY, REQUEST, ArpView
from carpscope.wire.decode import Packet
from carpscope.wire.icmp6 import NeighbourView, RouterView


def requests_and_answers(packet: Packet) -> Iterator[Asked | Answered]:
    """Yield the request or answer in a packet that is no announcement."""
    link, body = packet.link, packet.body
    if link is None:
        return
    at, ref = packet.frame.at, frame_ref(packet.frame.capture, packet.frame.number)
    if isinstance(body, ArpView):
        if body.operation == REQUEST:
            yield Asked(link.vlan, at, ref, body.target_ip, link.source, body.is_probe)
        elif body.operation == REPLY and any(body.sender_ip):
            to = link.destination
            yield Answered(link.vlan, at, ref, body.sender_ip, body.sender_mac, link.source, to)
    elif isinstance(body, NeighbourView):
        if not body.is_advertisement:
            is_probe = packet.ip is not None and not any(packet.ip.source)  # RFC 4862 5.4
            yield Asked(link.vlan, at, ref, body.target, link.source, is_probe)
        elif (mac := body.mac or link.source) is not None:
            yield Answered(link.vlan, at, ref, body.target, mac, link.source, link.destination)
    elif isinstance(body, RouterView) and packet.ip is not None:
        mac = body.mac or link.source
        if mac is not None and body.lifetime_s:
            source = packet.ip.source
            to = link.destination
            yield Answered(link.vlan, at, ref, source, mac, link.source, to, is_router=True)
