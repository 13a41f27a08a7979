"""The report as Markdown: the page's text without its drawings, for a mail or a ticket."""

from collections.abc import Iterator, Sequence

import carpscope
from carpscope.core.text import plural, shown
from carpscope.core.units import rfc3339
from carpscope.report.forensic.manifest import NAME, SIGNATURE
from carpscope.report.forensic.model import model
from carpscope.report.forensic.page import CREATED_WORDS, inputs, log_rows, losses, period, versions
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.text import markdown
from carpscope.report.forensic.views import Budget, FindingKind, GroupSection, Model
from carpscope.report.line import Json
from carpscope.report.sign import NAMESPACE, PublicKey

_BUDGET = Budget(decisive=24, strokes=50)


def prose(request: Request, listed: dict[str, Json], signer: PublicKey | None) -> bytes:
    """Give the whole report as Markdown."""
    found = model(request, _BUDGET)
    lines = [
        *_head(found, signer),
        *_time_line(found),
        *_incidents(found),
        *_groups(found),
        *_comparison(found),
        *_logs(found),
        *_limits(found),
        *_reproduce(found, listed, signer),
        *_frames(found),
    ]
    return ("\n".join(lines).rstrip() + "\n").encode()


def _head(found: Model, signer: PublicKey | None) -> Iterator[str]:
    request = found.request
    number = request.case.number
    yield f"# CARP forensic report{f': {markdown(number)}' if number else ''}"
    yield ""
    yield (
        f"Created {rfc3339(request.created.at)} ({CREATED_WORDS[request.created.said_by]}) by "
        f"carpscope {carpscope.__version__}. {period(request)} All times are UTC."
        f" {f'Signed by {signer.fingerprint}' if signer is not None else 'Not signed'}."
    )
    yield ""
    for title, text in request.case.rows():
        yield f"- {title}: {markdown(text.replace(chr(10), ' / '))}"
    yield from ("", "## What happened", "", f"**{markdown(found.verdict)}**", "")
    for text in (*found.account, found.examined):
        yield from (markdown(text), "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(markdown(cell) for cell in row)} |"
    yield ""


def _time_line(found: Model) -> Iterator[str]:
    yield from ("## Time line", "")
    if not found.rows:
        yield from ("Nothing changed.", "")
        return
    zone = found.request.zone
    local = [zone.name] if zone is not None else []
    yield from _table(
        ("Time (UTC)", *map(markdown, local), "Who", "What", "Frames"),
        [(r.time, *([r.local] if local else []), r.where, r.text, r.frames) for r in found.rows],
    )


def _incidents(found: Model) -> Iterator[str]:
    yield from ("## Incidents", "")
    if not found.incidents:
        yield from ("None.", "")
    for view in found.incidents:
        yield f"### {view.number}. {view.severity}: {markdown(view.summary)}"
        yield ""
        yield from _facts(
            ("When", view.when),
            ("Where", f"{view.groups}: {view.nodes}" if view.nodes else view.groups),
            ("Sent by", view.attackers),
            ("What to do", view.remedy),
        )
        for kind in view.kinds:
            yield from _kind(kind)


def _facts(*facts: tuple[str, str]) -> Iterator[str]:
    for title, text in facts:
        if text:
            yield f"- {title}: {markdown(text)}"
    yield ""


def _kind(kind: FindingKind) -> Iterator[str]:
    yield f"#### {kind.first.code} {markdown(kind.title)}, {kind.first.severity.value}"
    yield ""
    yield from _facts(
        ("Observed", kind.observed),
        ("Expected", kind.expected),
        ("How it is known", kind.first.explanation),
        ("Because of", kind.causes),
        ("Look-alikes, and how they are told apart", kind.look_alikes),
        ("Sources", kind.sources),
    )
    yield from _table(
        ("Group", "Nodes", "When", "Sure", "Frames in evidence.pcapng", "Identity"),
        [
            (
                one.group,
                one.nodes,
                one.when,
                one.sure,
                ", ".join(name for name, _ in one.frames)
                + (f" and {one.more:,} more" if one.more else ""),
                one.identity,
            )
            for one in kind.instances
        ],
    )


def _frames(found: Model) -> Iterator[str]:
    yield from ("## Appendix: frames that decide", "")
    for frame in found.frames:
        yield from (f"### Frame {markdown(frame.frame)}", "", markdown(frame.line), "")
        if frame.corrected:
            yield from (markdown(frame.corrected), "")
        if frame.checks:
            yield from _table(
                ("Test", "Expected", "Observed", "Outcome"),
                [(c.what, c.expected, c.observed, c.word) for c in frame.checks],
            )
        # an indented block: nothing in it can end it, as a fence could be ended
        for field in frame.tree:
            yield f"    {'! ' if field.wrong else '  '}{'  ' * field.depth}{shown(field.text)}"
        yield "    "
        for row in frame.hex:
            yield f"    {shown(row)}"
        yield ""


def _groups(found: Model) -> Iterator[str]:
    if len(found.overview) > 1:
        yield from ("## Groups", "")
        head = ("Group", "Shared addresses", "Nodes", "MASTER at the end", "Incidents")
        yield from _table(head, found.overview)
    for group in found.groups:
        yield from _group(group)


def _group(group: GroupSection) -> Iterator[str]:
    yield f"## {markdown(group.title)}"
    yield ""
    yield f"Addresses announced: {markdown(group.addresses)}"
    yield ""
    yield from _table(
        ("Node", "System", "advbase/advskew", "Signs", "Advertisements", "State"),
        [
            (n.name, f"{n.system} ({n.sure})", n.priority, n.signs, f"{n.adverts:,}", n.state)
            for n in group.nodes
        ],
    )
    if group.intervals:
        yield from ("Intervals between advertisements:", "")
        yield from _table(
            ("Node", "Expected", "As expected", "Shortest", "Longest"),
            [
                (
                    plot.node,
                    "; then ".join(plot.expected),
                    f"{plot.inside} of {plot.count}",
                    f"{plot.shortest / 1e9:.6f} s",
                    f"{plot.longest / 1e9:.6f} s",
                )
                for plot in group.intervals
            ],
        )
    if len(group.members) > 1:
        yield from ("Who hears whom (rows send, columns receive):", "")
        yield from _table(
            ("Advertisements of", *(f"at {markdown(member)}" for member in group.members)),
            [
                (sender, *(f"{r}: {why}" if why else r for r, why in cells))
                for sender, cells in group.matrix
            ],
        )
    if group.replays:
        yield from ("Each node's own state machine over what it should have heard:", "")
        yield from _table(("Machine", "When", "Best explained by", "Advertisements"), group.replays)


def _comparison(found: Model) -> Iterator[str]:
    if found.request.analysis.vantage is None:
        return
    yield from ("## Captures compared: sent here and never seen there", "")
    rows = losses(found.request)
    if not rows:
        yield from ("None: what one capture holds while another ran, the other holds as well.", "")
        return
    head = ("Sender", "Seen in", "Missing in", "From", "To", "How many")
    yield from _table((*head, "Recorded there meanwhile", "Frames"), rows)


def _logs(found: Model) -> Iterator[str]:
    for index, log in enumerate(found.request.logs):
        yield from (f"## Log {markdown(log.name)}", "")
        yield f"- Whose: {markdown(log.node or 'nobody can tell')} ({markdown(log.known_by)})"
        yield f"- {len(log.entries)} of {log.lines} lines tell of CARP; {log.summary}"
        if log.unread_count:
            lines = plural(log.unread_count, "line that speaks", "lines that speak")
            yield f"- Not understood: {lines} of CARP"
            for number, text in log.unread:
                yield f"  - {number}: {markdown(text[:200])}"
        if log.offset is not None:
            yield f"- Clock: about {log.offset / 1e9:+.3f} s against the captures"
        for text in (*log.notes, *log.silent):
            yield f"- {markdown(text)}"
        yield ""
        rows = log_rows(found.request, index, _BUDGET.logs)
        yield from _table(("Line", "Time", "Text", "The wire", "Why"), rows)


def _limits(found: Model) -> Iterator[str]:
    yield from ("## What the packets cannot decide", "")
    for text in found.undecided:
        yield f"- {markdown(text)}"
    for text in found.left_out:
        yield f"- Left out for its size: {markdown(text)}"
    yield from ("", "## Method and limits", "")
    for text in found.method:
        yield f"- {markdown(text)}"
    yield ""


def _reproduce(found: Model, listed: dict[str, Json], signer: PublicKey | None) -> Iterator[str]:
    yield from ("## Reproduce and check", "")
    yield "The same files, options and version give the same bytes:"
    yield from ("", f"    {shown(found.request.command)}", "")
    yield from _table(("File", "Bytes", "SHA-256", "What it holds"), inputs(listed))
    made = ", ".join(f"{package} {release}" for package, release in versions(listed))
    yield from (markdown(f"Made with {made}."), "")
    yield "    carpscope verify DIR --key PUB.pem --evidence FILE…"
    if signer is not None:
        yield f"    ssh-keygen -Y check-novalidate -n {NAMESPACE} -s {SIGNATURE} < {NAME}"
        yield from ("", f"Signed by {signer.fingerprint}.")
