"""What each packet of a capture says of the analysis, as a comment for Wireshark to show."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from carpscope.auth.explain import Recipe
from carpscope.auth.verify import Verdict
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.detect.finding import Finding
from carpscope.pipeline import Analysis
from carpscope.report.line import Style, line
from carpscope.timeline.group import Group
from carpscope.timeline.node import frame_ref
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet, decode
from carpscope.wire.vrrp import VrrpView

FINDINGS_MAX = 8
"""Findings that one comment names; the rest are counted."""
_NO_TIME = Style(t=1)

Comment = Callable[[Frame], str | None]
"""Gives what is said of a frame, None of one that is not about CARP."""


def comments(analysis: Analysis) -> Comment:
    """Return what gives the comment of each frame of the analyzed captures."""
    named: dict[int, list[str]] = {}
    for event in analysis.events:
        for ref in event.frames:
            named.setdefault(ref, []).append(f"{event.label}: {event.summary}")
    evidence: dict[int, list[Finding]] = {}
    during: dict[str, list[Finding]] = {}
    for finding in analysis.findings:
        for ref in finding.frames:
            evidence.setdefault(ref, []).append(finding)
        for group in finding.groups:
            during.setdefault(group, []).append(finding)
    recipes = {key: group.recipes for key, group in analysis.observer.groups.items()}
    supplied = len(analysis.observer.keyring) > 0

    def comment(frame: Frame) -> str | None:
        packet = decode(frame)
        ref = frame_ref(frame.capture, frame.number)
        view, link = packet.advert, packet.link
        fits = recipes.get((link.vlan, view.vhid), ()) if view and link else ()
        lines = list(described(packet, verdict_of(packet, fits, supplied=supplied)))
        lines += named.get(ref, ())
        told = list(evidence.get(ref, ()))
        told += [f for f in _during(packet, analysis, during) if f not in told]
        lines += [f"{f.code} {f.label}: {f.summary}" for f in told[:FINDINGS_MAX]]
        if len(told) > FINDINGS_MAX:
            lines.append(f"{len(told) - FINDINGS_MAX} findings more")
        return "\n".join(shown(text) for text in lines) or None

    return comment


def described(packet: Packet, verdict: Verdict | None) -> Iterator[str]:
    """Give the line of an advertisement as `dissect` prints it; nothing of other packets."""
    if isinstance(packet.body, AdvertView | VrrpView):
        yield line(packet, verdict, "", _NO_TIME)


def verdict_of(packet: Packet, recipes: Sequence[Recipe], *, supplied: bool) -> Verdict | None:
    """Return whether its HMAC is right, by what explained the advertisements of its group."""
    view = packet.advert
    if view is None or view.is_cut:
        return None
    for recipe in recipes:
        if recipe.fits(view.counter, view.digest):
            return Verdict("verified", recipe)
    return Verdict("failed" if supplied else "unchecked")


def _during(
    packet: Packet, analysis: Analysis, findings: Mapping[str, Sequence[Finding]]
) -> Iterator[Finding]:
    """Give the findings about the sender of an advertisement that lasted at its time."""
    view, link, ip = packet.advert, packet.link, packet.ip
    if view is None or link is None or ip is None:
        return
    group: Group | None = analysis.observer.groups.get((link.vlan, view.vhid))
    node = group.nodes.get(ip.source) if group is not None else None
    if group is None or node is None:
        return
    for finding in findings.get(group.id, ()):
        if node.id in finding.nodes and finding.start <= packet.frame.at <= finding.end:
            yield finding
