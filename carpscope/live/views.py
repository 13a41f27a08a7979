"""What is known at one instant, taken out of what moves."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from carpscope.capture.interface import CaptureInterface
from carpscope.capture.pipe import Pipe
from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import Nanos
from carpscope.detect.standing import Places, Standing, counts
from carpscope.live.hour import hour
from carpscope.live.monitor import Monitor
from carpscope.live.records import renamed
from carpscope.report.snapshot import (
    GroupView,
    InterfaceView,
    NodeView,
    SituationView,
    Snapshot,
)
from carpscope.timeline import mastership, traits
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node

if TYPE_CHECKING:
    from carpscope.live.loop import Live


def snapshot(live: "Live", now: Nanos) -> Snapshot:
    """Take a picture of a run."""
    interfaces = tuple(
        InterfaceView(
            i.label, i.state, i.since, i.counts.received, i.counts.dropped,
            i.counts.interface_dropped, i.counts.skipped, _unknown(i, monitor), monitor.interface,
            i.lag if isinstance(i, Pipe) else None, i.delay if isinstance(i, Pipe) else None,
        )
        for i in live.capture.interfaces
        for monitor in (live.monitors[live.segment[i.index]],)
    )  # fmt: skip
    failures = sum((monitor.event_counts.all_failures for monitor in live.monitors), Counter())
    return Snapshot(
        now,
        live.started,
        live.adverts,
        interfaces,
        tuple(
            view
            for place, monitor in enumerate(live.monitors)
            for view in groups(monitor, _now(live, place, now))
        ),
        tuple(view for monitor in live.monitors for view in situations(monitor)),
        tuple(sorted(failures.items())),
        tuple(live.log),
        tuple(outlet.view() for outlet in live.options.outputs.all),
        tuple(f"{name}: {problem}" for name, problem in live.losses.notes.items()),
        live.mistakes.count,
        incidents=tuple(view for monitor in live.monitors for view in incidents(monitor)),
        status=live.standing.status.value,
    )


def _unknown(source: CaptureInterface | Pipe, monitor: Monitor) -> str:
    """Say why it is unknown how things stand, by one of what a monitor is shown."""
    if isinstance(source, Pipe) and source.state != "up":
        return f"{source.label} {source.why}"
    return monitor.unknown


def _now(live: "Live", place: int, now: Nanos) -> Nanos:
    """Return the time on the clock of a segment."""
    vantages = live.vantages.get(place)
    return now if vantages is None else max(vantages.now(now), live.monitors[place].observer.now)


def groups(monitor: Monitor, now: Nanos) -> list[GroupView]:
    """Give the groups of one segment in order."""
    ordered = sorted(monitor.observer.groups.values(), key=lambda g: (g.vlan, g.vhid))
    standing = monitor.standing
    places = Places(ordered, monitor.config)
    return [_group(group, monitor, now, standing, places) for group in ordered]


def situations(monitor: Monitor) -> list[SituationView]:
    """Give what is open, causes first, the worst first."""
    found = monitor.live_findings.open
    by_identity = {s.identity for s in found}
    places = Places(monitor.observer.groups.values(), monitor.config)
    views = [
        SituationView(
            s.identity,
            s.finding.code,
            s.finding.label,
            s.finding.severity,
            s.confidence,
            monitor.interface,
            s.finding.group,
            s.finding.nodes,
            s.finding.start,
            renamed(s.finding.summary, monitor.called),
            renamed(s.finding.remedy, monitor.called),
            any(cause in by_identity for cause in s.finding.caused_by),
            renamed(s.finding.explanation, monitor.called),
            (home := monitor.incidents.of(s.identity)) is not None and home.is_wide,
            s.finding.groups,
            _held(s.finding.groups, places),
            counts(s.finding, monitor.config),
            places.of(s.finding.group),
        )
        for s in found
    ]
    return sorted(views, key=lambda v: (-v.severity.rank, v.group, v.is_symptom, v.start))


def incidents(monitor: Monitor) -> list[SituationView]:
    """Give the incidents that are open, the worst first."""
    followed = monitor.incidents.all
    places = Places(monitor.observer.groups.values(), monitor.config)
    return [
        SituationView(
            f.identity,
            f.incident.head.code,
            f.incident.head.label,
            f.incident.severity,
            f.incident.head.confidence,
            monitor.interface,
            f.incident.groups[0] if not f.is_wide else f"{len(f.incident.groups)} groups",
            f.incident.nodes,
            f.incident.start,
            renamed(f.incident.summary, monitor.called),
            renamed(f.incident.remedy, monitor.called),
            is_symptom=False,
            explanation=renamed(f.incident.root.explanation, monitor.called),
            is_part=not f.is_wide,
            groups=f.incident.groups,
            vips=_held(f.incident.groups, places),
            counts=any(counts(one, monitor.config) for one in f.incident.findings),
            place=places.of(*f.incident.groups),
        )
        for f in followed
    ]


def _held(groups: Sequence[str], places: Places) -> tuple[str, ...]:
    """Return the shared addresses of these groups, also of one that was never heard."""
    held = (address for name in groups for address in places.held(name))
    return tuple(map(ip_text, dict.fromkeys(held)))


def _group(
    group: Group, monitor: Monitor, now: Nanos, standing: Standing, places: Places
) -> GroupView:
    config = monitor.config
    expected = next(
        (
            e
            for e in config.groups
            if (e.vlan, e.vhid) == (group.vlan, group.vhid)
            and e.interface in (None, monitor.interface)
        ),
        None,
    )
    nodes = tuple(_node(node, config, now) for node in group.members)
    name: str | None = None
    unheard: list[str] = []
    if expected is not None:
        name = expected.name
        heard = {address for node in group.members for address in node.addresses}
        called = {config.name_of([a]) or ip_text(a): a for a in reversed(expected.nodes)}
        present = {config.name_of(list(heard & {a})) for a in heard}
        unheard = [n for n, a in called.items() if a not in heard and n not in present]
    is_known = monitor.sight.knows(group, monitor.observer)
    event_counts = monitor.event_counts
    return GroupView(
        monitor.interface,
        group.id,
        group.vhid,
        name,
        nodes,
        tuple(unheard[::-1]),
        is_known=is_known,
        status=standing.of(group.id).value,
        vips=tuple(map(ip_text, places.held(group.id))),
        elections=tuple(event_counts.elections.get(group.id, Counter()).items()),
        failures=tuple(sorted(event_counts.failures.get(group.id, Counter()).items())),
        hour=hour(group, monitor, now),
    )


def _node(node: Node, config: Config, now: Nanos) -> NodeView:
    period = node.master_periods[-1] if node.master_periods else None
    down = traits.takeover(node).latest
    is_master = node.is_master and not mastership.is_silent(node, now)
    why = period.ended_by if period is not None else ""
    track = node.authentication
    recipe = track.recipe
    return NodeView(
        node.id,
        config.name_of(node.addresses),
        is_master,
        period.start if period is not None and is_master else node.last,
        why or ("silent" if period is not None and not is_master else ""),
        identify(node).text,
        node.advbase,
        node.advskew,
        node.demote,
        node.adverts,
        node.last,
        down,
        tuple(node.intervals),
        track.status(supplied=config.has_secrets),
        recipe.key.number if recipe is not None else None,
        track.failed if recipe is not None else 0,
    )
