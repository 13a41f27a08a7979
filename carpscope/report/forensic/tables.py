"""The report for programs: the analysis document, events in order of time, and two tables."""

from collections.abc import Iterator

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import Nanos, rfc3339
from carpscope.report.finding import frame_name
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.text import csv_table, json_text
from carpscope.report.line import Json
from carpscope.report.roster import signs
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master


def findings_json(request: Request) -> bytes:
    """Give the analysis document."""
    return (json_text(request.document) + "\n").encode()


def events_jsonl(request: Request) -> bytes:
    """Give all that happened, one object a line, in order of time."""
    rows = sorted(_happened(request), key=lambda row: (row[0], row[1]))
    return "".join(json_text(record, indent=None) + "\n" for _, _, record in rows).encode()


def _happened(request: Request) -> Iterator[tuple[Nanos, int, dict[str, Json]]]:
    names = request.names
    for group in request.groups:
        for node in group.members:
            for reign in node.reigns:
                end = reign.until
                about: dict[str, Json] = {"group": group.id, "node": node.id, "state": "MASTER"}
                first = {"frame": frame_name(reign.first, names)}
                yield (
                    reign.start,
                    0,
                    {"timestamp": rfc3339(reign.start), "kind": "begins", **about, **first},
                )
                yield (
                    end,
                    3,
                    {
                        "timestamp": rfc3339(end),
                        "kind": "ends",
                        **about,
                        "frame": frame_name(reign.last, names),
                        "ended_by": reign.ended_by or None,
                    },
                )
    for event in request.analysis.events:
        yield (
            event.start,
            1,
            {
                "timestamp": rfc3339(event.start),
                "kind": "event",
                "label": event.label,
                "group": event.group,
                "nodes": list(event.nodes),
                "end": rfc3339(event.end),
                "frames": [frame_name(ref, names) for ref in event.frames],
                "summary": event.summary,
            },
        )
    for finding in request.findings:
        yield (
            finding.start,
            2,
            {
                "timestamp": rfc3339(finding.start),
                "kind": "finding",
                "code": finding.code,
                "label": finding.label,
                "severity": finding.severity.value,
                "group": finding.group,
                "nodes": list(finding.nodes),
                "end": rfc3339(finding.end),
                "frames": [frame_name(ref, names) for ref in finding.frames],
                "summary": finding.summary,
                "identity": finding.identity,
            },
        )
    yield from _logged(request)


def _logged(request: Request) -> Iterator[tuple[Nanos, int, dict[str, Json]]]:
    for view in request.logs:
        for placed in view.entries:
            entry = placed.entry
            yield (
                entry.at if entry.at is not None else -1,
                4,
                {
                    "timestamp": rfc3339(entry.at) if entry.at is not None else None,
                    "kind": "log",
                    "file": view.name,
                    "line": entry.line,
                    "node": placed.node,
                    "group": placed.group,
                    "text": entry.text,
                    "wire": placed.verdict,
                    "because": placed.because,
                },
            )


def nodes_csv(request: Request) -> bytes:
    """Give one row a node."""
    head = (
        "group", "node", "name", "addresses", "mac", "own_mac", "system", "confidence", "advbase",
        "advskew", "demotion", "advertisements", "first", "last", "authentication", "signs",
        "master_intervals", "master_at_end",
    )  # fmt: skip
    rows = [
        (
            group.id,
            node.id,
            request.config.name_of(node.addresses),
            " ".join(ip_text(address) for address in node.addresses),
            mac_text(node.mac) if node.mac else None,
            mac_text(node.own_mac) if node.own_mac else None,
            identify(node).text,
            identify(node).confidence,
            node.advbase,
            node.advskew,
            node.demote,
            node.adverts,
            rfc3339(node.first),
            rfc3339(node.last),
            node.authentication.status(supplied=request.config.has_secrets),
            signs(node, request.config).plain,
            len(node.reigns),
            is_master(node),
        )
        for group in request.groups
        for node in group.members
    ]
    return csv_table(head, rows)


def findings_csv(request: Request) -> bytes:
    """Give one row a finding."""
    head = (
        "code", "label", "severity", "confidence", "group", "nodes", "start", "end", "ongoing",
        "frames", "frame_count", "summary", "explanation", "remedy", "caused_by", "identity",
    )  # fmt: skip
    rows = [
        (
            finding.code,
            finding.label,
            finding.severity.value,
            finding.confidence,
            finding.group,
            " ".join(finding.nodes),
            rfc3339(finding.start),
            rfc3339(finding.end),
            finding.ongoing,
            " ".join(str(frame_name(ref, request.names)) for ref in finding.frames),
            finding.frame_count,
            finding.summary,
            finding.explanation,
            finding.remedy,
            " ".join(finding.caused_by),
            finding.identity,
        )
        for finding in request.findings
    ]
    return csv_table(head, rows)
