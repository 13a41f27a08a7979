"""The drawings of one group: its timeline, and each node's intervals."""

from carpscope.core.text import plural
from carpscope.core.units import Nanos, clock, seconds_text
from carpscope.detect.words import priority
from carpscope.report.forensic import figures, story
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import Budget, Model
from carpscope.report.roster import name
from carpscope.timeline import traits
from carpscope.timeline.group import Group
from carpscope.timeline.identify import Identity, identify
from carpscope.timeline.node import Node


def timeline(result: Model, group: Group, budget: Budget) -> figures.Timeline:
    """Draw who was MASTER when, what was advertised, what happened and what was found."""
    request = result.request
    axis = request.axis
    key = (group.vlan, group.vhid)
    node_rows = []
    for node in group.members[:32]:
        times = request.collector.of(key, node.addresses)
        path, is_density = figures.strokes(axis, times, budget.strokes)
        node_row = figures.NodeBar(
            name(node, request.config), identify(node).text, priority(node), adverts=path
        )
        node_row.is_density = is_density
        for period in node.master_periods[: budget.master_periods]:
            end = period.until
            told = f"{node.id} MASTER {story.stamp(period.start)} – {clock(end, digits=3)}"
            node_row.master_periods.append(
                figures.Box(axis.x(period.start), axis.width(period.start, end), told)
            )
        node_row.logs = _log_marks(request, group, node, axis, budget)
        node_rows.append(node_row)
    drawn = {one.identity for i in result.incidents for k in i.kinds for one in k.instances}
    bands, without = figures.stacked(
        [
            figures.Box(
                axis.x(f.start),
                axis.width(f.start, f.end),
                f"{f.code} {f.label.replace('_', ' ')}: {f.summary}",
                f.severity.value,
                link=f"finding-{f.identity}" if f.identity in drawn else "",
                label=f.code,
            )
            for f in request.findings[: budget.findings]
            if f.group == group.id
        ]
    )
    left = [f"{plural(without, 'band')} of findings"] if without else []
    events = [
        figures.Instant(axis.x(e.end), f"{e.label.replace('_', ' ')}: {e.summary}", e.label)
        for e in request.analysis.events
        if e.group == group.id
    ]
    if len(events) > budget.events:
        left.append(plural(len(events) - budget.events, "event"))
        events = events[: budget.events]
    many = sum(1 for node_row in node_rows if node_row.is_density)
    if many:
        left.append(f"single advertisements of {plural(many, 'row')} (drawn as a curve)")
    result.left_out += [f"{text} in the timeline of {group.id}" for text in left]
    return figures.Timeline(
        f"timeline-{'-'.join(map(str, (*group.vlan, group.vhid)))}",
        axis,
        node_rows,
        bands,
        events,
        left,
    )


def _log_marks(
    request: Request, group: Group, node: Node, axis: figures.Axis, budget: Budget
) -> list[figures.Instant]:
    marks = []
    for view in request.logs:
        for placed in view.entries:
            at = placed.at
            if placed.node != node.id or at is None or not axis.first <= at <= axis.last:
                continue
            if placed.group not in (None, group.id):
                continue
            text = f"{view.name}:{placed.entry.line} {placed.verdict}: {placed.entry.text[:200]}"
            kind = "bad" if placed.verdict == "contradicts" else "good"
            marks.append(figures.Instant(axis.x(at), text, kind))
    return marks[: budget.logs]


def interval_plots(request: Request, group: Group, budget: Budget) -> list[figures.Intervals]:
    """Draw each node's intervals against what its machine would have left."""
    found = []
    for node in group.members[:16]:
        times = request.collector.of((group.vlan, group.vhid), node.addresses)
        known = identify(node)
        stretches = []
        start, shape = node.first, _first_shape(node)
        for change in node.changes:
            if change.what == "demote":
                continue
            stretches.append(_stretch(known, start, change.at, shape))
            start = change.at
            shape = (
                (change.after, shape[1]) if change.what == "advbase" else (shape[0], change.after)
            )
        stretches.append(_stretch(known, start, node.last, shape))
        drawn = figures.intervals(
            node.id, request.axis, times, [s for s in stretches if s is not None], budget.strokes
        )
        if drawn is not None:
            found.append(drawn)
    return found


def _first_shape(node: Node) -> tuple[int, int]:
    """Return advbase and advskew as they were before the first change."""
    base = next((c.before for c in node.changes if c.what == "advbase"), node.advbase)
    skew = next((c.before for c in node.changes if c.what == "advskew"), node.advskew)
    return base, skew


def _stretch(
    known: Identity, start: Nanos, end: Nanos, shape: tuple[int, int]
) -> figures.Stretch | None:
    if shape[0] == 0 and shape[1] == 0:
        return None
    band = traits.interval_of(known, *shape)
    machine = traits.profile_of(known)
    whose = machine.title if machine else "any implementation (which one is unknown)"
    label = (
        f"{shape[0]}/{shape[1]}: {seconds_text(band.earliest)} to {seconds_text(band.latest)} "
        f"({whose})"
    )
    return figures.Stretch(start, end, band.earliest, band.latest, label)
