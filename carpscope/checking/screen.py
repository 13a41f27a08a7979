"""A check told to a person, in lines of a given width.

The answer first: nothing wrong, or each incident with its cause and what to do; then a line
for each group; then what is only a remark. Nothing is shortened but in the table.
"""

import textwrap
from collections.abc import Iterable, Iterator

from carpscope.checking.document import key_numbers
from carpscope.checking.proving import GroupProof
from carpscope.checking.run import CheckResult
from carpscope.core.address import ip_text
from carpscope.core.text import plural, shown
from carpscope.core.units import SECOND, Nanos, span_text
from carpscope.detect.finding import Severity
from carpscope.detect.incident import Incident, incidents
from carpscope.detect.words import named
from carpscope.protocol.profile import profiles
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.source import NodeFiles
from carpscope.sim.prove import Handover

_SIGNS = {
    Severity.CRITICAL: "✗",
    Severity.ERROR: "✗",
    Severity.WARNING: "!",
    Severity.INFO: "i",
}
_EVENTS = {
    "crash": "crashes",
    "link_down": "loses its link",
    "demotion": "is demoted",
    "shutdown": "is shut down",
    "return": "returns",
}


def screen(check: CheckResult, width: int, *, details: bool = False) -> list[str]:
    """Give the lines."""
    lines = list(_hung("", _nodes(check), width))
    serious = [one for one in check.findings if one.severity is not Severity.INFO]
    remarks = [one for one in check.findings if one.severity is Severity.INFO]
    if not serious:
        segments = {group.segment.id for group in check.groups}
        count = f"{plural(len(check.groups), 'group')} on {plural(len(segments), 'segment')}"
        lines += [f"✓ Nothing wrong: {count}", ""]
    for incident in incidents(serious, in_time=False):
        lines += [*_incident(incident, check, width), ""]
    troubled = {group for one in serious for group in (one.group,)}
    for group, proof in zip(check.groups, check.proofs, strict=True):
        if group.id not in troubled:
            lines += _calm(group, proof, width)
    if remarks:
        if lines[-1]:
            lines.append("")
        for one in remarks:
            lines += _hung("  i ", one.summary, width)
    if details:
        lines += ["", *_details(check, width)]
    while lines and not lines[-1]:
        lines.pop()
    return [shown(line, keep="✓✗·–…") for line in lines]


def _hung(prefix: str, text: str, width: int) -> Iterator[str]:
    """Wrap text behind a prefix; a word that does not fit is cut, so that no line is wider."""
    indent = " " * len(prefix)
    wrapped = textwrap.wrap(
        text, max(width - len(prefix), 20), break_long_words=True, break_on_hyphens=False
    ) or [""]
    for number, line in enumerate(wrapped):
        yield (prefix if number == 0 else indent) + line


def _nodes(check: CheckResult) -> str:
    told = []
    before = ""
    for files, node in zip(check.nodes, check.cluster.nodes, strict=True):
        profile = profiles().get(node.profile)
        system = profile.title if profile is not None else "system not known"
        what = f"{system} ({named(_names(files))})"
        told.append(f"{node.name} {'the same' if what == before else what}")
        before = what
    return " · ".join(told)


def _names(files: NodeFiles) -> list[str]:
    return list(dict.fromkeys(source.name for source in files.sources))


# ---- incidents


def _incident(incident: Incident, check: CheckResult, width: int) -> Iterator[str]:
    part, cause, head = incident.findings, incident.root, incident.head
    yield from _hung(f"{_SIGNS[incident.severity]} ", head.summary, width)
    if head is not cause:
        yield from _hung("  Cause: ", cause.summary, width)
        yield from _hung("         ", cause.explanation, width)
    else:
        yield from _hung("  Cause: ", cause.explanation, width)
    yield from _hung("  Do:    ", cause.remedy, width)
    yield ""
    for group, proof in zip(check.groups, check.proofs, strict=True):
        if group.id in {one.group for one in part} and group.members:
            yield from _table(group, proof, check, width)
    for one in part:
        because = [other.code for other in part if other.identity in one.caused_by]
        tail = f"   because of {because[0]}" if because else ""
        yield from _hung(
            "  ", f"{one.code}  {one.severity.value:8}  {one.label.replace('_', ' ')}{tail}", width
        )


def _table(
    group: DeclaredGroup, proof: GroupProof | None, check: CheckResult, width: int
) -> Iterator[str]:
    numbers = key_numbers(check.cluster)
    masters = () if proof is None else proof.proof.masters
    rows = [[f"vhid {group.number}", "file:line", "adv", "signs", "key", "at start"]]
    best = _best(group)
    rows += [_row(member, numbers, masters, best) for member in group.members]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    if sum(widths) + 2 * 7 > width:  # the place of the file gives way first
        widths[1] = max(9, widths[1] - (sum(widths) + 2 * 7 - width))
    for row in rows:
        cells = [_fit(cell, size) for cell, size in zip(row, widths, strict=True)]
        yield _fit(f"  {'  '.join(cells)}".rstrip(), width).rstrip()


def _fit(text: str, size: int) -> str:
    return f"…{text[len(text) - size + 1 :]}" if len(text) > size else text.ljust(size)


def _best(group: DeclaredGroup) -> str:
    """Return who should be MASTER: the lowest advbase and skew, if one alone has them."""
    ranked = sorted(
        (one.vhid.advbase, one.vhid.advskew, one.name)
        for one in group.up
        if one.vhid.advbase is not None and one.vhid.advskew is not None
    )
    if len(ranked) < 2 or ranked[0][:2] == ranked[1][:2]:
        return ""
    return ranked[0][2]


def _row(member: Member, numbers: dict[bytes, int], masters: Iterable[str], best: str) -> list[str]:
    vhid = member.vhid
    base, skew = ("?" if value is None else str(value) for value in (vhid.advbase, member.advskew))
    secret = b"" if vhid.key is None else vhid.key.octets
    key = "?" if secret is None else "empty" if not secret else f"#{numbers[secret]}"
    state = "MASTER" if member.name in masters else "BACKUP"
    if best and (member.name == best) != (state == "MASTER"):
        state += ", should be BACKUP" if state == "MASTER" else ", should be MASTER"
    return [
        member.name,
        f"{vhid.at.path.rpartition('/')[2]}:{vhid.at.line}",
        f"{base}/{skew}",
        _short(member),
        key,
        state if vhid.comes_up else "does not come up",
    ]


def _short(member: Member) -> str:
    """Give addresses by what of them differs: `.1 .5`."""
    ordered = sorted(member.signs, key=lambda one: (len(one), one))
    if member.vhid.unsure:
        return "?"
    shown_ones = [f".{a[3]}" if len(a) == 4 else ip_text(a) for a in ordered[:4]]
    more = [f"+{len(ordered) - 4}"] if len(ordered) > 4 else []
    return " ".join([*shown_ones, *more]) or "nothing"


# ---- groups without a fault


def _calm(group: DeclaredGroup, proof: GroupProof | None, width: int) -> Iterator[str]:
    ordered = sorted(
        {a for one in group.members for a in one.signs}, key=lambda one: (len(one), one)
    )
    members = ", ".join(
        f"{one.name} {'?' if one.vhid.advbase is None else one.vhid.advbase}/"
        f"{'?' if one.advskew is None else one.advskew}"
        for one in group.members
    )
    master = "nobody MASTER"
    if proof is not None and proof.proof.masters:
        master = f"{', '.join(proof.proof.masters)} MASTER"
    parts = [group.id, named(ip_text(a) for a in ordered), members, master]
    yield from _hung("  ", "   ".join(part for part in parts if part), width)
    if proof is None:
        return
    told = [_handover(one) for one in proof.proof.handovers if one.event in ("crash", "return")]
    if told:
        yield from _hung("    ", "; ".join(told), width)
    others = {o: m for o, m in proof.proof.orders.items() if m != proof.proof.masters}
    if others:
        order, masters = next(iter(others.items()))
        text = f"booted in the order {', '.join(order)}: {', '.join(masters) or 'nobody'} MASTER"
        yield from _hung("    ", text, width)
    explored = proof.explored
    if explored.courses:
        never = (
            f"{explored.courses:,} courses of up to {plural(explored.events, 'event')}: never two "
            f"MASTERs for more than {_seconds(explored.bound)}"
        )
        if explored.counterexample is not None:
            never = (
                f"{explored.courses:,} courses of up to {plural(explored.events, 'event')}: one "
                f"ends with {', '.join(explored.counterexample.masters) or 'nobody'} MASTER"
            )
        limit = f" ({proof.limits})" if proof.limits else ""
        yield from _hung("    ", never + limit, width)
    for assumed in proof.assumed:
        yield from _hung("    ", f"assumed: {assumed}", width)


def _handover(one: Handover) -> str:
    event = f"{one.node} {_EVENTS[one.event]}"
    if one.event == "return":
        if one.to != one.node or one.most is None:
            return f"{event}: {one.to or 'nobody'} stays MASTER"
        return f"{event}: takes over within {_seconds(one.most)}"
    if one.to is None or one.least is None or one.most is None:
        return f"{event}: nobody takes over"
    return f"{event}: {one.to} after {_span(one.least, one.most)}"


def _span(least: Nanos, most: Nanos) -> str:
    low, high = f"{least / SECOND:.1f}", f"{most / SECOND:.1f}"
    return f"{low} s" if low == high else f"{low}–{high} s"


def _seconds(span: Nanos) -> str:
    return span_text(span) if span >= 60 * SECOND else f"{span / SECOND:.1f} s"


# ---- every value


def _details(check: CheckResult, width: int) -> Iterator[str]:
    numbers = key_numbers(check.cluster)
    for node in check.cluster.nodes:
        yield from _hung("", f"{node.name}: {'; '.join(node.because) or 'nothing known'}", width)
        preempt = "not known" if node.preempt is None else "yes" if node.preempt else "no"
        place = "" if node.preempt_where is None else f" ({node.preempt_where})"
        yield from _hung("  ", f"preempt {preempt}{place}, demotion {node.demotion}", width)
        for interface in node.interfaces.values():
            for own in interface.own:
                length = "" if own.length is None else f"/{own.length}"
                text = f"{interface.name} {ip_text(own.address)}{length} ({own.where})"
                yield from _hung("  ", text, width)
        for vhid in node.vhids:
            secret = b"" if vhid.key is None else vhid.key.octets
            key = "not known" if secret is None else f"#{numbers.get(secret, 0)}"
            text = (
                f"vhid {vhid.number} on {vhid.interface}: advbase {vhid.advbase}, advskew "
                f"{vhid.advskew}, key {key} ({', '.join(map(str, vhid.where))})"
            )
            yield from _hung("  ", text, width)
            for shared in vhid.addresses:
                length = "" if shared.length is None else f"/{shared.length}"
                yield from _hung(
                    "    ", f"{ip_text(shared.address)}{length} ({shared.where})", width
                )
            for shared in vhid.dropped:
                text = f"{ip_text(shared.address)} is not configured ({shared.where})"
                yield from _hung("    ", text, width)
