"""What stands beside the words of a situation: since when it is so, and in which frames."""

from collections.abc import Sequence

from carpscope.core.units import Nanos, clock, span_text
from carpscope.core.zone import Zone, beside, beside_both
from carpscope.detect.finding import Finding
from carpscope.detect.incident import Incident
from carpscope.report.finding import frame_name


def when(first: Nanos, last: Nanos, incident: Incident, zone: Zone | None) -> str:
    """Say from when to when something was so, or since when it is; not twice where words do."""
    begin, local = f"{clock(first, digits=0)} UTC", beside(zone, first)
    if not incident.ongoing:
        if last == first:
            return f"{begin}{local}"
        both = f"{clock(first, digits=0)} – {clock(last, digits=0)} UTC"
        return f"{both}{beside_both(zone, first, last)}, {span_text(last - first)}"
    if f"since {begin}" in incident.summary:
        return f"still so at the end{local}, {span_text(last - first)}"
    return f"since {begin}{local}, still so at the end"


def frames(finding: Finding, names: Sequence[str]) -> str:
    """Give `frame 7`, `frames 7 and 9`, `frames 22 … 72 (48)`."""
    shown = [str(frame_name(ref, names)) for ref in finding.frames]
    if not shown:
        return ""  # of the run itself
    if finding.frame_count == 1:
        return f"frame {shown[0]}"
    if finding.frame_count == 2:
        return f"frames {shown[0]} and {shown[-1]}"
    return f"frames {shown[0]} … {shown[-1]} ({finding.frame_count:,})"
