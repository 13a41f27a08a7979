"""An incident as the analysis document and live events have it."""

from carpscope.core.units import rfc3339
from carpscope.detect.incident import Incident
from carpscope.report.line import Json


def incident_json(incident: Incident) -> dict[str, Json]:
    """Give an incident; its findings by their identities, the cause first."""
    return {
        "identity": incident.identity,
        "summary": incident.summary,
        "remedy": incident.remedy,
        "severity": incident.severity.value,
        "start": rfc3339(incident.start),
        "end": rfc3339(incident.end),
        "ongoing": incident.ongoing,
        "nodes": list(incident.nodes),
        "groups": list(incident.groups),
        "findings": [finding.identity for finding in incident.findings],
    }
