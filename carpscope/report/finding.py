"""One finding as the documents have it: the analysis and the events of a live run."""

from collections.abc import Sequence

from carpscope.core.address import ip_text, mac_text
from carpscope.core.units import rfc3339
from carpscope.detect.finding import Finding
from carpscope.report.line import Json
from carpscope.timeline.node import FRAME_BITS


def frame_name(ref: int, names: Sequence[str]) -> str | int:
    """Give a frame as programs and people find it: its number, with several captures named."""
    number = ref & ((1 << FRAME_BITS) - 1)
    return number if len(names) == 1 else f"{names[ref >> FRAME_BITS]}:{number}"


def finding_json(finding: Finding, names: Sequence[str]) -> dict[str, Json]:
    """Give one finding, its frames by name; a live run has one capture."""
    return {
        "code": finding.code,
        "label": finding.label,
        "severity": finding.severity.value,
        "confidence": finding.confidence,
        "group": finding.group,
        "other_groups": list(finding.others),
        "vhid": finding.vhid,
        "nodes": list(finding.nodes),
        "start": rfc3339(finding.start),
        "end": rfc3339(finding.end),
        "duration_s": finding.duration_s,
        "ongoing": finding.ongoing,
        "frames": [frame_name(ref, names) for ref in finding.frames],
        "frame_count": finding.frame_count,
        "summary": finding.summary,
        "explanation": finding.explanation,
        "remedy": finding.remedy,
        "attacker": attacker_json(finding),
        "caused_by": list(finding.caused_by),
        "identity": finding.identity,
    }


def attacker_json(finding: Finding) -> dict[str, Json] | None:
    """Give who sent what no node sent."""
    who = finding.attacker
    if who is None:
        return None
    return {
        "address": ip_text(who.address) if who.address else None,
        "mac": mac_text(who.mac) if who.mac else None,
    }
