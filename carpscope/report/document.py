"""The analysis document: what other programs read (docs/formats.md, carpscope.analysis/1)."""

import carpscope
from carpscope.config import Config
from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import rfc3339
from carpscope.detect.events import Event
from carpscope.detect.standing import Places, Standing
from carpscope.pipeline import Analysis
from carpscope.report import expected
from carpscope.report.capture_place import captured_json
from carpscope.report.finding import finding_json, frame_name
from carpscope.report.folder import folder_json
from carpscope.report.incident import incident_json
from carpscope.report.line import Json
from carpscope.report.vantage import vantage_json
from carpscope.timeline.capture_place import Captured
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import master
from carpscope.timeline.node import Node
from carpscope.timeline.relations import relations
from carpscope.timeline.traits import profile_of
from carpscope.wire import segment

SCHEMA = "carpscope.analysis/1"


def document(analysis: Analysis, config: Config) -> dict[str, Json]:
    """Give everything that is known, as docs/formats.md has it."""
    names = [capture.name for capture in analysis.captures]
    captured = analysis.captured
    groups = sorted(analysis.observer.groups.values(), key=lambda g: (g.vlan, g.vhid))
    standing, places = analysis.standing, analysis.places
    found: dict[str, Json] = {
        "schema": SCHEMA,
        "version": carpscope.__version__,
        "evidence": [_evidence(analysis, index, one) for index, one in enumerate(captured)],
        "groups": [_group(group, analysis, standing, places, config, names) for group in groups],
        "findings": [finding_json(finding, names) for finding in analysis.findings],
        "incidents": [incident_json(incident) for incident in analysis.incidents],
        "events": [_event(event, names) for event in analysis.events],
        "status": standing.status.value,
        "internal_errors": analysis.mistakes.count,
        "worst": standing.worst.identity if standing.worst is not None else None,
    }
    if analysis.folder is not None:
        found["folder"] = folder_json(analysis.folder)
    if analysis.notes:
        found["notes"] = list(analysis.notes)
    if analysis.vantage is not None:
        found["vantage"] = vantage_json(analysis.vantage, names)
    return found


def _evidence(analysis: Analysis, index: int, captured: Captured) -> dict[str, Json]:
    capture = analysis.captures[index]
    return {
        "path": capture.path,
        "sha256": capture.sha256,
        "bytes": capture.bytes,
        "packets": capture.packets,
        "advertisements": analysis.advertisements[index],
        "first": rfc3339(capture.first) if capture.first is not None else None,
        "last": rfc3339(capture.last) if capture.last is not None else None,
        "link_types": list(capture.link_types),
        "notes": list(capture.notes),
        "captured": captured_json(captured, capture, analysis.findings),
    }


def _group(
    group: Group,
    analysis: Analysis,
    standing: Standing,
    places: Places,
    config: Config,
    names: list[str],
) -> dict[str, Json]:
    held = master(group)
    return {
        "id": group.id,
        "vlan": list(segment.vlans(group.vlan)),
        "tunnel": [segment.part(number) for number in segment.networks(group.vlan)],
        "vhid": group.vhid,
        "status": standing.of(group.id).value,
        "vips": [ip_text(address) for address in places.held(group.id)],
        "master": held.id if held is not None else None,
        "families": [f"ipv{version}" for version in sorted(group.families)],
        "announced": [ip_text(address) for address in group.announced],
        "copies": group.copies,
        "nodes": [_node(node, config, names) for node in group.members],
        "hears": [
            {
                "from": relation.sender.id,
                "to": relation.receiver.id,
                "relation": relation.relation,
                "because": relation.because,
                "confidence": relation.confidence,
                "since": rfc3339(relation.since) if relation.since is not None else None,
                "until": rfc3339(relation.until) if relation.until is not None else None,
            }
            for relation in relations(group)
        ],
        "replay": expected.as_json(analysis.replays.get(group.id, []), names),
    }


def _node(node: Node, config: Config, names: list[str]) -> dict[str, Json]:
    identity = identify(node)
    machine = profile_of(identity)
    return {
        "id": node.id,
        "name": config.name_of(node.addresses),
        "addresses": [ip_text(address) for address in node.addresses],
        "mac": mac_text(node.mac) if node.mac else None,
        "own_mac": mac_text(node.own_mac) if node.own_mac else None,
        "implementation": {
            "name": identity.name,
            "versions": identity.versions,
            "confidence": identity.confidence,
            "because": list(identity.because),
            "cannot_tell_from": list(identity.alternatives),
            "profile": machine.name if machine is not None else None,
        },
        "advbase": node.advbase,
        "advskew": node.advskew,
        "demotion": node.demote,
        "advertisements": node.adverts,
        "first": rfc3339(node.first),
        "last": rfc3339(node.last),
        "authentication": authentication(node, config),
        "states": [
            {
                "state": "MASTER",
                "start": rfc3339(period.start),
                "end": rfc3339(period.until),
                "duration_s": (period.until - period.start) / 1e9,
                "ended_by": period.ended_by or None,
                "advertisements": period.adverts,
                "frames": [frame_name(period.first, names), frame_name(period.last, names)],
            }
            for period in node.master_periods
        ],
    }


def authentication(node: Node, config: Config) -> dict[str, Json]:
    """Give how a node signs, and every change of it."""
    track = node.authentication
    recipe = track.recipe
    found: dict[str, Json] = {
        "status": track.status(supplied=config.has_secrets),
        "passphrase": recipe.key.number if recipe else None,
        "variant": recipe.key.variant if recipe else None,
        "addresses": [ip_text(address) for address in recipe.addresses] if recipe else None,
        "rule": recipe.rule if recipe else None,
    }
    if recipe is not None:
        found |= {
            "link_layer": mac_text(recipe.lladdr) if recipe.lladdr else None,
            "not_supplied": [ip_text(address) for address in recipe.unsupplied],
            "looks_like": [ip_text(address) for address in recipe.instead],
        }
    if not track.has_verified:
        return {**found, "limits": list(track.limits)}
    return {
        **found,
        "verified": track.verified,
        "failed": track.failed,
        "not_its_own": track.strangers,
        "spans": [
            {
                "start": rfc3339(span.start),
                "end": rfc3339(span.end),
                "advertisements": span.count,
                "status": "verified" if span.recipe else "failed",
                "passphrase": span.recipe.key.number if span.recipe else None,
                "variant": span.recipe.key.variant if span.recipe else None,
                "addresses": [ip_text(a) for a in span.recipe.addresses] if span.recipe else None,
            }
            for span in track.ways[:100]
        ],
        "limits": list(track.limits),
    }


def _event(event: Event, names: list[str]) -> dict[str, Json]:
    return {
        "label": event.label,
        "group": event.group,
        "nodes": list(event.nodes),
        "start": rfc3339(event.start),
        "end": rfc3339(event.end),
        "duration_s": (event.end - event.start) / 1e9,
        "frames": [frame_name(ref, names) for ref in event.frames],
        "summary": event.summary,
    }
