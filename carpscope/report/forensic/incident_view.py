"""Incidents as the page shows them: findings by kind, with evidence; frames for the appendix."""

from collections.abc import Sequence
from itertools import groupby

from carpscope.core.text import plural
from carpscope.core.units import span_text
from carpscope.detect.engine import rules
from carpscope.detect.finding import Finding
from carpscope.detect.incident import Incident
from carpscope.detect.rule import Rule
from carpscope.report.finding import frame_name
from carpscope.report.forensic import account, story
from carpscope.report.forensic.checks import checks, contrast, look_alikes, section
from carpscope.report.forensic.exhibit import Exhibit
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import (
    Budget,
    Decisive,
    FindingKind,
    IncidentView,
    Instance,
    Model,
)
from carpscope.report.line import line
from carpscope.report.tree import hex_dump, tree
from carpscope.timeline.group import group_words

FRAMES_FEW, FRAMES_MANY = 24, 6
"""Frames listed of a finding that stands alone, and of one of many alike."""


def incident_views(result: Model, budget: Budget) -> None:
    """Put the incidents into a model, as many as the budget allows, and the frames that decide."""
    request = result.request
    pages = {rule.code: rule for rule in rules()}
    left = budget.findings
    incidents = request.analysis.incidents
    _appendix(result, [f for i in incidents for f in i.findings][:left], budget)
    for number, incident in enumerate(incidents, 1):
        if left <= 0:
            break
        result.incidents.append(_view(number, incident, result, left, pages))
        left -= len(incident.findings)
    if left < 0 or len(result.incidents) < len(incidents):
        more = len(request.findings) - budget.findings
        result.left_out.append(f"{plural(more, 'more finding')} (findings.csv has all)")


def _view(
    number: int, incident: Incident, result: Model, limit: int, pages: dict[str, Rule]
) -> IncidentView:
    request = result.request
    found = sorted(incident.findings[:limit], key=lambda f: (incident.root.code != f.code, f.code))
    attackers = dict.fromkeys(f.attacker for f in incident.findings if f.attacker is not None)
    kinds = [
        _kind(list(alike), incident, result, pages.get(code))
        for code, alike in groupby(found, key=lambda f: f.code)
    ]
    words = [group_words(group) for group in incident.groups]
    return IncidentView(
        f"incident-{number}",
        number,
        incident.summary,
        incident.severity.value,
        when(incident.start, incident.end, request, ongoing=incident.ongoing),
        account.few(words, 8),
        account.few(map(request.called, incident.nodes), 8),
        incident.remedy,
        account.few(map(account.attacker_words, attackers)),
        incident.identity,
        kinds,
    )


def _kind(
    alike: Sequence[Finding], incident: Incident, result: Model, rule: Rule | None
) -> FindingKind:
    request = result.request
    first = alike[0]
    groups = {group.id: group for group in request.groups}
    codes = {f.identity: f for f in incident.findings}
    page = rule.page if rule is not None else ""
    wanted, observed = contrast(first, groups.get(first.group))
    causes = [codes[one] for f in alike for one in f.caused_by if one in codes]
    return FindingKind(
        first,
        rule.title if rule is not None else first.label,
        wanted,
        observed,
        look_alikes(page),
        section(page, "Sources"),
        ", ".join(dict.fromkeys(f"{one.code} {one.label.replace('_', ' ')}" for one in causes)),
        [_instance(f, result, FRAMES_FEW if len(alike) < 3 else FRAMES_MANY) for f in alike],
    )


def _instance(finding: Finding, result: Model, limit: int) -> Instance:
    request = result.request
    kept = finding.frames if len(finding.frames) <= limit else (
        *finding.frames[: limit // 2], *finding.frames[-(limit // 2) :]
    )  # fmt: skip
    frames = [(str(frame_name(ref, request.names)), result.anchors.get(ref, "")) for ref in kept]
    return Instance(
        f"finding-{finding.identity}",
        account.few(map(group_words, finding.groups)),
        ", ".join(finding.nodes),
        when(finding.start, finding.end, request, ongoing=finding.ongoing),
        f"{finding.confidence:.0%}",
        finding.summary,
        frames,
        max(finding.frame_count - len(frames), 0),
        finding.identity,
    )


def when(start: int, end: int, request: Request, *, ongoing: bool) -> str:
    """Give a stretch of time in UTC, its local time beside it where asked."""
    if end <= start:
        text = story.stamp(start)
    else:
        text = f"{story.stamp(start)} – {story.until(end, start)} ({span_text(end - start)}"
        text += ", still so at the end)" if ongoing else ")"
    if request.zone is None:
        return text
    local = request.zone.clock(start, digits=3)
    return f"{text}; began {local} in {request.zone.name}"


def _appendix(result: Model, findings: Sequence[Finding], budget: Budget) -> None:
    """Take the frames that decide apart: of each finding the first of each sender, and the last."""
    request = result.request
    each = 3 if len(findings) <= budget.decisive // 3 else 1
    for finding in findings:
        for exhibit in _chosen(finding, request, each):
            if exhibit.ref in result.anchors:
                continue
            if len(result.frames) >= budget.decisive:
                return
            found = _decisive(exhibit, request)
            result.anchors[exhibit.ref] = found.anchor
            result.frames.append(found)


def _chosen(finding: Finding, request: Request, limit: int) -> list[Exhibit]:
    """Choose what decides: the first frame of each sender, then the last of all."""
    found = [
        exhibit
        for ref in finding.frames
        if (exhibit := request.exhibits.by_ref.get(ref)) is not None and exhibit.packet is not None
    ]
    chosen: dict[bytes, Exhibit] = {}
    for exhibit in found:
        assert exhibit.packet is not None
        ip, link = exhibit.packet.ip, exhibit.packet.link
        who = ip.source if ip is not None else (link.source or b"") if link is not None else b""
        chosen.setdefault(who, exhibit)
    picked = list(chosen.values())[:limit]
    if found and len(picked) < limit and found[-1] not in picked:
        picked.append(found[-1])
    return picked


def _decisive(exhibit: Exhibit, request: Request) -> Decisive:
    packet = exhibit.packet
    assert packet is not None
    return Decisive(
        f"frame-{exhibit.capture}-{exhibit.number}",
        str(frame_name(exhibit.ref, request.names)),
        line(packet, exhibit.verdict),
        _corrected(exhibit, request),
        [row.strip() for row in hex_dump(packet.frame.data[:512])],
        list(tree(packet, exhibit.verdict)),
        checks(packet, exhibit.verdict),
    )


def _corrected(exhibit: Exhibit, request: Request) -> str:
    """Say when a frame was on the clock that the report tells time by, where that differs."""
    vantage = request.analysis.vantage
    if vantage is None or exhibit.packet is None:
        return ""
    clock = vantage.clocks[exhibit.capture]
    if clock.is_reference or not clock.known:
        return ""
    at = clock.corrected(exhibit.packet.frame.at)
    return f"On the clock of {request.names[0]}: {story.stamp(at, 6)}"
