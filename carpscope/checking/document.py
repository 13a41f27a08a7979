"""The document of a check: what other programs read (docs/formats.md, carpscope.check/1)."""

from typing import TypeAlias

import carpscope
from carpscope.checking.proving import GroupProof
from carpscope.checking.run import CheckResult
from carpscope.core.address import ip_text
from carpscope.core.units import SECOND
from carpscope.detect.configured import SettledFinding
from carpscope.detect.incident import Incident, incidents
from carpscope.settings.cluster import Cluster, DeclaredGroup, Member, Segment
from carpscope.settings.model import DeclaredNode, Where
from carpscope.settings.source import NodeFiles, Source
from carpscope.sim.plan import ScheduledEvent

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
SCHEMA = "carpscope.check/1"


def document(check: CheckResult) -> dict[str, Json]:
    """Give everything that is known, as docs/formats.md has it."""
    numbers = key_numbers(check.cluster)
    return {
        "schema": SCHEMA,
        "version": carpscope.__version__,
        "files": [_file(source, node) for node in check.nodes for source in node.sources],
        "nodes": [_node(node) for node in check.cluster.nodes],
        "segments": [_segment(one, check.cluster) for one in check.cluster.segments],
        "groups": [
            _group(group, numbers, proof)
            for group, proof in zip(check.groups, check.proofs, strict=True)
        ],
        "findings": [_finding(finding) for finding in check.findings],
        "incidents": [_incident(one) for one in incidents(check.findings, in_time=False)],
    }


def key_numbers(cluster: Cluster) -> dict[bytes, int]:
    """Number the keys in the order of their groups; the empty key is 0."""
    numbers: dict[bytes, int] = {b"": 0}
    for group in cluster.groups:
        for member in group.members:
            key = member.vhid.key
            if key is not None and key.octets is not None:
                numbers.setdefault(key.octets, len(numbers))
    return numbers


def _file(source: Source, node: NodeFiles) -> Json:
    return {
        "path": source.path,
        "node": node.name,
        "kind": source.kind,
        "bytes": len(source.data),
        "sha256": source.sha256,
        "notes": list(source.notes),
    }


def _node(node: DeclaredNode) -> Json:
    return {
        "id": node.name,
        "name": node.name,
        "implementation": {"name": node.profile or None, "because": list(node.because)},
        "preempt": node.preempt,
        "demotion": node.demotion,
        "not_known": [
            one.what if one.where is None else f"{one.what} ({one.where})" for one in node.unknown
        ],
    }


def _segment(segment: Segment, cluster: Cluster) -> Json:
    return {
        "id": segment.id,
        "because": segment.because,
        "interfaces": [
            {
                "node": name,
                "interface": interface,
                "addresses": [
                    ip_text(own.address) + ("" if own.length is None else f"/{own.length}")
                    for own in cluster.node(name).interface(interface).own
                ],
            }
            for name, interface in segment.ports
        ],
    }


def _group(group: DeclaredGroup, numbers: dict[bytes, int], proof: GroupProof | None) -> Json:
    return {
        "id": group.id,
        "segment": group.segment.id,
        "vhid": group.number,
        "members": [_member(member, numbers) for member in group.members],
        "proof": None if proof is None else _proof(proof),
    }


def _member(member: Member, numbers: dict[bytes, int]) -> Json:
    vhid = member.vhid
    secret = b"" if vhid.key is None else vhid.key.octets
    return {
        "node": member.name,
        "interface": vhid.interface,
        "device": vhid.device,
        "advbase": vhid.advbase,
        "advskew": vhid.advskew,
        "effective_advskew": member.advskew,
        "addresses": None
        if vhid.unsure
        else [ip_text(one) for one in sorted(member.signs, key=lambda a: (len(a), a))],
        "key": None if secret is None else numbers[secret],
        "peer": next((ip_text(vhid.peers[size].address) for size in sorted(vhid.peers)), None),
        "comes_up": vhid.comes_up,
        "where": [_where(one) for one in vhid.where],
    }


def _proof(proof: GroupProof) -> Json:
    explored, counter = proof.explored, proof.explored.counterexample
    orders: list[Json] = [
        {"order": list(order), "masters": list(masters)}
        for order, masters in proof.proof.orders.items()
        if masters != proof.proof.masters
    ]
    return {
        "masters": list(proof.proof.masters),
        "assumed": list(proof.assumed),
        "boots": orders,
        "handover": [
            {
                "event": one.event,
                "node": one.node,
                "to": one.to,
                "seconds": None
                if one.least is None or one.most is None
                else [_seconds(one.least), _seconds(one.most)],
                "overlap": None if one.overlap is None else _seconds(one.overlap),
            }
            for one in proof.proof.handovers
        ],
        "explored": {
            "events": explored.events,
            "boots": len(proof.proof.orders),
            "courses": explored.courses,
            "bound": _seconds(explored.bound),
            "limit": proof.limits or None,
        },
        "counterexample": None
        if counter is None
        else {
            "ends_with": counter.kind,
            "seconds": round(counter.seconds, 3),
            "masters": list(counter.masters),
            "events": [_event(event) for event in counter.events],
        },
    }


def _event(event: ScheduledEvent) -> Json:
    return {
        "t": _seconds(event.at),
        "type": event.type,
        "node": event.node,
        "from": list(event.src),
        "to": list(event.dst),
    }


def _seconds(span: int) -> float:
    return round(span / SECOND, 3)


def _incident(incident: Incident) -> Json:
    return {
        "identity": incident.identity,
        "summary": incident.summary,
        "remedy": incident.remedy,
        "severity": incident.severity.value,
        "nodes": list(incident.nodes),
        "groups": list(incident.groups),
        "findings": [one.identity for one in incident.findings],
    }


def _where(where: Where) -> Json:
    return {"path": where.path, "line": where.line}


def _finding(finding: SettledFinding) -> Json:
    return {
        "code": finding.code,
        "label": finding.label,
        "severity": finding.severity.value,
        "confidence": finding.confidence,
        "group": finding.group or None,
        "nodes": list(finding.nodes),
        "where": [_where(one) for one in finding.where],
        "summary": finding.summary,
        "explanation": finding.explanation,
        "remedy": finding.remedy,
        "caused_by": list(finding.caused_by),
        "identity": finding.identity,
    }
