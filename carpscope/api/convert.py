"""From what an analysis knows to the values of the Python interface."""

import ipaddress
from collections.abc import Sequence

from carpscope.api import values
from carpscope.config import Config
from carpscope.core.address import mac_text
from carpscope.detect import events, finding, incident
from carpscope.detect.standing import Places, Standing
from carpscope.pipeline import Analysis
from carpscope.report.document import document
from carpscope.report.finding import frame_name
from carpscope.report.line import record
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import master
from carpscope.timeline.node import Node
from carpscope.wire import segment
from carpscope.wire.decode import Packet


def _addresses(found: Sequence[bytes]) -> tuple[values.Address, ...]:
    return tuple(ipaddress.ip_address(address) for address in found)


def packet_of(packet: Packet) -> values.Packet:
    """Give a decoded packet."""
    frame = packet.frame
    return values.Packet(
        frame.number,
        frame.at,
        frame.data,
        frame.wire_length,
        segment.vlans(packet.link.vlan) if packet.link is not None else (),
        _advertisement(packet),
        tuple(str(fault) for fault in packet.faults),
        record(packet, None, None),
    )


def _advertisement(packet: Packet) -> values.Advertisement | None:
    view, ip = packet.advert, packet.ip
    if view is None or ip is None:
        return None
    return values.Advertisement(
        view.vhid,
        view.advbase,
        view.advskew,
        view.demote,
        view.counter_value if view.has_counter else None,
        view.digest,
        ipaddress.ip_address(ip.source),
        ipaddress.ip_address(ip.destination),
        ip.ttl,
        view.checksum_ok,
        view.is_bow_out,
    )


def analysis_of(analysis: Analysis, config: Config) -> values.Analysis:
    """Give a whole analysis."""
    names = [capture.name for capture in analysis.captures]
    standing, places = analysis.standing, analysis.places
    groups = sorted(analysis.observer.groups.values(), key=lambda g: (g.vlan, g.vhid))
    found = {one.identity: _finding(one, names) for one in analysis.findings}
    worst = standing.worst
    return values.Analysis(
        standing.status.value,
        found[worst.identity] if worst is not None else None,
        tuple(_group(group, standing, places, config) for group in groups),
        tuple(found.values()),
        tuple(_incident(one, found) for one in analysis.incidents),
        tuple(_event(event, names) for event in analysis.events),
        document(analysis, config),
    )


def _group(group: Group, standing: Standing, places: Places, config: Config) -> values.Group:
    held = master(group)
    return values.Group(
        group.id,
        segment.vlans(group.vlan),
        group.vhid,
        standing.of(group.id).value,
        _addresses(places.held(group.id)),
        held.id if held is not None else None,
        tuple(_node(node, config) for node in group.members),
    )


def _node(node: Node, config: Config) -> values.Node:
    identity = identify(node)
    return values.Node(
        node.id,
        config.name_of(node.addresses),
        _addresses(node.addresses),
        mac_text(node.mac) if node.mac else None,
        identity.name,
        identity.versions,
        node.advbase,
        node.advskew,
        node.demote,
        node.adverts,
        node.authentication.status(supplied=config.has_secrets),
        tuple(
            values.State(period.start, period.until, "MASTER", period.ended_by or None)
            for period in node.master_periods
        ),
    )


def _finding(one: finding.Finding, names: list[str]) -> values.Finding:
    return values.Finding(
        one.start,
        one.end,
        one.code,
        one.label,
        one.severity.value,
        one.confidence,
        one.group,
        one.vhid,
        tuple(one.nodes),
        one.ongoing,
        tuple(frame_name(ref, names) for ref in one.frames),
        one.frame_count,
        one.summary,
        one.explanation,
        one.remedy,
        tuple(one.caused_by),
        one.identity,
    )


def _incident(one: incident.Incident, found: dict[str, values.Finding]) -> values.Incident:
    return values.Incident(
        one.start,
        one.end,
        one.identity,
        one.summary,
        one.remedy,
        one.severity.value,
        one.ongoing,
        one.nodes,
        one.groups,
        tuple(found[item.identity] for item in one.findings),
    )


def _event(event: events.Event, names: list[str]) -> values.Event:
    return values.Event(
        event.start,
        event.end,
        event.label,
        event.group,
        event.nodes,
        tuple(frame_name(ref, names) for ref in event.frames),
        event.summary,
    )
