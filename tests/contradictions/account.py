"""The first paragraphs of a report held to the document: numbers computed again, of its periods."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from carpscope.core.units import Nanos, parse_rfc3339, span_text

Json = dict[str, Any]
TOLD = 6
"""Incidents told in full."""
CROWD = 8
"""With more nodes than this, some may be counted only."""
Span = tuple[Nanos, Nanos]


def contradictions(document: Json, account: list[str]) -> list[str]:
    """Return where the account says something else than the document."""
    groups = {group["id"]: group for group in document["groups"]}
    found: list[str] = []
    for number, incident in enumerate(document["incidents"][:TOLD]):
        text, remedy = account[2 * number : 2 * number + 2]
        if not remedy.startswith("What to do") or incident["remedy"] not in remedy:
            found.append(f"incident {number + 1} has another remedy: {remedy}")
        found += [f"incident {number + 1}: {one}" for one in _incident(incident, text, document)]
    if len(groups) == 1 and account:
        (group,) = groups.values()
        masters = [
            node["id"]
            for node in group["nodes"]
            if node["states"] and node["states"][-1]["ended_by"] in (None, "", "capture")
        ]
        last = account[-2]
        if len(group["nodes"]) <= CROWD:
            named = (
                all(one in last for one in masters) if masters else "nobody was in charge" in last
            )
            if not named:
                found.append(f"MASTER at the end: {masters}, {last!r}")
    return found


def _incident(incident: Json, text: str, document: Json) -> Iterator[str]:
    if ("still so when the recording ended" in text) is not incident["ongoing"]:
        yield f"ongoing is {incident['ongoing']}: {text}"
    findings = [f for f in document["findings"] if f["identity"] in incident["findings"]]
    senders = [f["attacker"]["address"] for f in findings if f["attacker"]]
    if bool(senders) is not ("It came from" in text):
        yield f"sent by {senders}: {text}"
    groups = [g for g in document["groups"] if g["id"] in incident["groups"]]
    if any(len(group["nodes"]) > CROWD for group in groups):
        return
    span = parse_rfc3339(incident["start"]), parse_rfc3339(incident["end"])
    both = max((sum(_clipped(_several(g), span)) for g in groups), default=0)
    said = re.search(r"For (?:up to )?([^.]*(?:\.\d)?[^.]*) more than one host was in charge", text)
    if (said[1] if said else "") != (span_text(both) if both else ""):
        yield f"two masters for {span_text(both)}: {text}"
    none = max((sum(_clipped(_nobody(g), span)) for g in groups), default=0)
    if none and "nothing was heard of any host in charge" not in text:
        yield f"nobody for {span_text(none)}: {text}"


def _periods(group: Json) -> list[tuple[Nanos, Nanos, str]]:
    return sorted(
        (parse_rfc3339(state["start"]), parse_rfc3339(state["end"]), state["ended_by"] or "")
        for node in group["nodes"]
        for state in node["states"]
    )


def _several(group: Json) -> list[Span]:
    """Return when two were MASTER, by comparing every moment at which one begins or ends."""
    periods = _periods(group)
    edges = sorted({edge for start, end, _ in periods for edge in (start, end)})
    return [
        (first, last)
        for first, last in itertools.pairwise(edges)
        if sum(start <= first and last <= end for start, end, _ in periods) > 1
    ]


def _nobody(group: Json) -> list[Span]:
    periods = _periods(group)
    edges = sorted({edge for start, end, _ in periods for edge in (start, end)})
    blind = [end for _, end, why in periods if why == "unseen"]
    return [
        (first, last)
        for first, last in itertools.pairwise(edges)
        if first not in blind and not any(s <= first and last <= e for s, e, _ in periods)
    ]


def _clipped(spans: Iterable[Span], within: Span) -> Iterator[Nanos]:
    for first, last in spans:
        yield max(min(last, within[1]) - max(first, within[0]), 0)
