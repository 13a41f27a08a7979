"""Where one analysis document contradicts itself: one statement of it against another."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from carpscope.core.units import parse_rfc3339

Json = dict[str, Any]
Spans = dict[str, list[tuple[float, float, str]]]

SIGNING = frozenset(
    (
        "address_set_mismatch",
        "passphrase_mismatch",
        "ucarp_kernel_address_incompat",
        "authentication_mismatch",
    )
)
SENT_BY_OTHERS = frozenset(("forged_skew", "looped_advert", "replayed_advert"))
ABOUT_OTHERS = frozenset(
    ("vrrp_vrid_conflict", "split_group", "address_conflict", "unexpected_node", "group_missing")
)
"""Name who is no node of the group, or a group that nobody advertises."""
GAP_SLACK = 0.3
YIELD_SLACK = 1.5
SURE = 0.8


def contradictions(document: Json) -> list[str]:
    """Return every contradiction of a document, a line each."""
    found: list[str] = []
    for group in document["groups"]:
        findings = [f for f in document["findings"] if f["group"] == group["id"]]
        spans = _spans(group)
        found += _matrix(group, findings)
        found += _yields(group, spans, document)
        found += _gaps(findings, spans)
        found += _split(findings, spans)
        found += _signing(group, findings)
        found += _unknown(group, findings)
        found += _master(group)
    found += _standing(document)
    found += _events(document)
    return sorted(set(found))


def _seconds(text: str) -> float:
    return parse_rfc3339(text) / 1e9


def _spans(group: Json) -> Spans:
    return {
        node["id"]: [
            (_seconds(s["start"]), _seconds(s["end"]), s["ended_by"] or "")
            for s in node["states"]
            if s["state"] == "MASTER"
        ]
        for node in group["nodes"]
    }


def _matrix(group: Json, findings: list[Json]) -> Iterator[str]:
    named = [set(finding["nodes"]) for finding in findings]
    for entry in group["hears"]:
        pair = {entry["from"], entry["to"]}
        is_bad = entry["relation"] in ("deaf", "rejects") and entry["confidence"] >= SURE
        if is_bad and not any(pair <= nodes for nodes in named):
            told = f"{entry['from']}>{entry['to']} {entry['relation']}"
            yield f"matrix: {told}, and no finding names both"


def _relation(group: Json, sender: str, receiver: str, at: float) -> str | None:
    found = None
    for entry in group["hears"]:
        if (entry["from"], entry["to"]) != (sender, receiver):
            continue
        since, until = entry["since"], entry["until"]
        if (until is None or _seconds(until) >= at) and (since is None or _seconds(since) <= at):
            found = str(entry["relation"])
    return found


def _yields(group: Json, spans: Spans, document: Json) -> Iterator[str]:
    if any(finding["label"] in SENT_BY_OTHERS for finding in document["findings"]):
        return  # what nobody of the group sent may be what a node yields to
    for node, own in spans.items():
        for _, end, why in own:
            if why == "yielded" and not any(
                other != node
                and _relation(group, other, node, end) not in ("rejects", "deaf")
                and any(s - YIELD_SLACK <= end <= e + YIELD_SLACK for s, e, _ in spans[other])
                for other in spans
            ):
                yield f"yields: {node} in {group['id']} yielded to nobody whom it hears"


def _gaps(findings: list[Json], spans: Spans) -> Iterator[str]:
    for finding in findings:
        if finding["label"] != "master_gap":
            continue
        start, end = _seconds(finding["start"]), _seconds(finding["end"])
        for node, own in spans.items():
            inside = sum(max(0.0, min(e, end) - max(s, start)) for s, e, _ in own)
            if inside > max(GAP_SLACK, 0.05 * (end - start)):
                yield f"gap: {node} MASTER for {inside:.1f} s of a gap of {end - start:.1f} s"


def _split(findings: list[Json], spans: Spans) -> Iterator[str]:
    for finding in findings:
        if finding["label"] != "split_brain":
            continue
        start, end = _seconds(finding["start"]), _seconds(finding["end"])
        edges = {t for own in spans.values() for s, e, _ in own for t in (s, e) if start < t < end}
        several = 0.0
        for a, b in pairwise(sorted({start, end, *edges})):
            middle = (a + b) / 2
            masters = sum(any(s <= middle <= e for s, e, _ in own) for own in spans.values())
            several += (b - a) * (masters >= 2)
        if several < 0.5 * (end - start):
            yield f"split: {several:.1f} s of {end - start:.1f} s have two MASTER periods"


def _signing(group: Json, findings: list[Json]) -> Iterator[str]:
    last = {(h["from"], h["to"]): h for h in group["hears"]}
    for finding in findings:
        if finding["label"] not in SIGNING:
            continue
        for one in finding["nodes"]:
            for other in finding["nodes"]:
                entry = last.get((one, other))
                because = entry["because"] or "" if entry else ""
                if entry and entry["relation"] == "deaf" and "sign the same" in because:
                    yield f"same: {one}>{other} deaf, both sign the same, beside {finding['label']}"


def _unknown(group: Json, findings: list[Json]) -> Iterator[str]:
    known = {node["id"] for node in group["nodes"]}
    for finding in findings:
        missing = set(finding["nodes"]) - known
        if missing and finding["label"] not in ABOUT_OTHERS:
            yield f"unknown: {finding['label']} about {sorted(missing)}"


def _master(group: Json) -> Iterator[str]:
    """Hold `master` to the MASTER periods: it is who alone has one that lasts."""
    last = [
        node["id"]
        for node in group["nodes"]
        if node["states"] and node["states"][-1]["ended_by"] in (None, "", "capture")
    ]
    told = group["master"]
    if told is not None and told not in last:
        yield f"master: {told} of {group['id']}, and no MASTER period of it lasts"
    if told is None and len(last) == 1:
        yield f"master: nobody in {group['id']}, and the MASTER period of {last[0]} lasts"


def _standing(document: Json) -> Iterator[str]:
    by_identity = {finding["identity"]: finding for finding in document["findings"]}
    worst = document["worst"]
    if worst is not None and worst not in by_identity:
        yield f"status: worst is {worst}, which is no finding"
    ranks = ("healthy", "degraded", "failed")
    groups = [group["status"] for group in document["groups"]]
    if document["status"] in ranks and groups:
        least = max(ranks.index(status) for status in groups if status in ranks)
        if ranks.index(document["status"]) < least:
            yield f"status: {document['status']}, and a group is {ranks[least]}"
    held = [identity for one in document["incidents"] for identity in one["findings"]]
    if sorted(held) != sorted(by_identity):
        yield "incidents: not every finding is in exactly one"


def _events(document: Json) -> Iterator[str]:
    groups = {group["id"]: _spans(group) for group in document["groups"]}
    for event in document["events"]:
        if event["label"] not in ("failover", "clean_handover", "preemption"):
            continue
        spans = groups.get(event["group"], {})
        at = _seconds(event["end"])
        taker = event["nodes"][-1]
        if not any(s - GAP_SLACK <= at <= e + GAP_SLACK for s, e, _ in spans.get(taker, ())):
            yield f"events: {event['label']} to {taker}, which was not MASTER then"
