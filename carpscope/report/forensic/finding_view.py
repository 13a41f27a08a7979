"""Findings as the page shows them: with the frames that decide, taken apart."""

from carpscope.core.text import plural
from carpscope.core.units import span_text
from carpscope.detect.engine import rules
from carpscope.detect.finding import Finding
from carpscope.report.finding import frame_name
from carpscope.report.forensic import story
from carpscope.report.forensic.checks import checks, contrast, look_alikes, section
from carpscope.report.forensic.exhibit import Exhibit
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import Budget, Decisive, FindingView, Model
from carpscope.report.line import line
from carpscope.report.tree import hex_dump, tree


def finding_views(result: Model, budget: Budget) -> None:
    """Put the findings into a model, as many as the budget allows."""
    request = result.request
    pages = {rule.code: rule for rule in rules()}
    by_identity = {finding.identity: finding for finding in request.findings}
    groups = {group.id: group for group in request.groups}
    shown: dict[int, str] = {}
    per_finding = 3 if len(request.findings) <= budget.decisive // 3 else 1
    for finding in request.findings[: budget.findings]:
        rule = pages.get(finding.code)
        page = rule.page if rule is not None else ""
        wanted, observed = contrast(finding, groups.get(finding.group))
        view = FindingView(
            finding,
            f"finding-{finding.identity}",
            rule.title if rule is not None else finding.label,
            _when(finding),
            wanted,
            observed,
            look_alikes(page),
            section(page, "Sources"),
            [
                (
                    f"finding-{identity}",
                    f"{by_identity[identity].code}: {by_identity[identity].summary}",
                )
                for identity in finding.caused_by
                if identity in by_identity
            ],
            [str(frame_name(ref, request.names)) for ref in finding.frames],
        )
        for exhibit in _chosen(finding, request, per_finding):
            if exhibit.ref in shown:
                view.shown_elsewhere.append((shown[exhibit.ref], _frame(exhibit, request)))
            elif len(shown) < budget.decisive:
                found = _decisive(exhibit, request)
                shown[exhibit.ref] = found.anchor
                view.decisive.append(found)
        result.findings.append(view)
    if len(request.findings) > budget.findings:
        more = len(request.findings) - budget.findings
        result.left_out.append(f"{plural(more, 'more finding')} (findings.csv has all)")


def _when(finding: Finding) -> str:
    if finding.end == finding.start:
        return story.stamp(finding.start)
    text = f"{story.stamp(finding.start)} – {story.stamp(finding.end)}"
    return (
        f"{text} ({span_text(finding.end - finding.start)}{', ongoing' if finding.ongoing else ''})"
    )


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


def _frame(exhibit: Exhibit, request: Request) -> str:
    return str(frame_name(exhibit.ref, request.names))


def _decisive(exhibit: Exhibit, request: Request) -> Decisive:
    packet = exhibit.packet
    assert packet is not None
    return Decisive(
        f"frame-{exhibit.capture}-{exhibit.number}",
        _frame(exhibit, request),
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
