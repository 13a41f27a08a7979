"""The report for programs: the analysis document, events in order of time, and two tables."""

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import rfc3339
from carpscope.report.finding import frame_name
from carpscope.report.forensic.chronicle import happened
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.text import csv_table, json_text
from carpscope.report.roster import signs
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master


def findings_json(request: Request) -> bytes:
    """Give the analysis document."""
    return (json_text(request.document) + "\n").encode()


def events_jsonl(request: Request) -> bytes:
    """Give all that happened, one object a line, in order of time."""
    return "".join(json_text(one.record, indent=None) + "\n" for one in happened(request)).encode()


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
            len(node.master_periods),
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
