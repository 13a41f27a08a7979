"""Groups as the page shows them: nodes, MASTER intervals, who hears whom, the replay."""

from carpscope.core.address import ip_text, mac_text
from carpscope.core.text import plural
from carpscope.core.units import clock, span_text
from carpscope.detect.words import priority
from carpscope.report.finding import frame_name
from carpscope.report.forensic import story
from carpscope.report.forensic.chronicle import ENDED
from carpscope.report.forensic.drawings import interval_plots, timeline
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import Budget, GroupSection, Model, NodeRow
from carpscope.report.roster import name, signs
from carpscope.timeline.group import Group, group_words
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master
from carpscope.timeline.node import Node
from carpscope.timeline.relations import Relation, at_the_end
from carpscope.timeline.replay import CONTRADICTIONS


def group_view(result: Model, group: Group, budget: Budget) -> GroupSection:
    """Give one group; what is left out is noted in the model."""
    request = result.request
    members = group.members
    periods = [
        (
            node.id,
            story.stamp(period.start),
            story.stamp(period.until),
            span_text(period.until - period.start),
            ENDED.get(period.ended_by, "the capture ended first"),
        )
        for node in members
        for period in node.master_periods
    ]
    if len(periods) > budget.master_periods:
        more = len(periods) - budget.master_periods
        result.left_out.append(f"{plural(more, 'more MASTER interval')} of {group.id} in tables")
    return GroupSection(
        group.id,
        f"group-{'-'.join(map(str, (*group.vlan, group.vhid)))}",
        story.capitalized(group_words(group.id)),
        ", ".join(ip_text(address) for address in list(group.announced)[:32]) or "none announced",
        [_node_row(node, request) for node in members[:64]],
        periods[: budget.master_periods],
        timeline(result, group, budget),
        interval_plots(request, group, budget),
        _matrix(group, request),
        [node.id for node in members[:16]],
        *_replays(request, group, budget),
    )


def _node_row(node: Node, request: Request) -> NodeRow:
    known = identify(node)
    macs = [mac_text(mac) for mac in (node.mac, node.own_mac) if mac]
    return NodeRow(
        name(node, request.config),
        known.text,
        f"{known.confidence:.0%}",
        "; ".join(known.because) or "nothing seen decides it",
        priority(node),
        signs(node, request.config).plain,
        ", ".join(macs),
        node.adverts,
        "MASTER at the end" if is_master(node) else f"last heard {clock(node.last, digits=3)}",
    )


def _matrix(group: Group, request: Request) -> list[tuple[str, list[tuple[str, str]]]]:
    members = group.members[:16]
    known = {(r.sender.id, r.receiver.id): r for r in at_the_end(group)}
    return [
        (
            sender.id,
            [
                ("itself", "")
                if receiver is sender
                else _cell(known.get((sender.id, receiver.id)), sender, receiver, request)
                for receiver in members
            ],
        )
        for sender in members
    ]


def _cell(
    relation: Relation | None, sender: Node, receiver: Node, request: Request
) -> tuple[str, str]:
    """Give what was so at the end, and when it was not so before."""
    word, because = (relation.relation, relation.because) if relation else ("unknown", "")
    times = [
        f"{finding.code} {clock(finding.start, digits=3)} – {clock(finding.end, digits=3)}"
        for finding in request.findings
        if (finding.label == "one_way_link" and finding.nodes == (sender.id, receiver.id))
        or (finding.label == "partition" and {sender.id, receiver.id} == set(finding.nodes))
    ]
    if not times:
        return word, because
    deaf = f"did not arrive: {'; '.join(times)}"
    return ("deaf for a time" if word == "accepts" else word), f"{deaf}; at the end: {because}"


def _replays(
    request: Request, group: Group, budget: Budget
) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str, str, str]]]:
    told, beats = [], []
    for one in request.analysis.replays.get(group.id, []):
        heard = ", ".join(one.hears) or "nobody"
        sure = "" if one.decides else "; other hypotheses explain it as well"
        told.append(
            (
                f"{one.node.id} as {one.machine}",
                f"{clock(one.start, digits=3)} – {clock(one.end, digits=3)}",
                f"hearing {heard}",
                f"{one.agree} as expected, {one.contradict} not{sure}",
            )
        )
        beats += [
            (
                one.node.id,
                "—" if beat.seen is None else clock(beat.seen),
                "—" if beat.expected is None else clock(beat.expected),
                beat.verdict.value,
                "" if beat.frame is None else str(frame_name(beat.frame, request.names)),
            )
            for beat in one.beats
            if beat.verdict in CONTRADICTIONS
        ]
    return told[: budget.beats], beats[: budget.beats]
