"""What `--metrics` exposes: a table of every metric, and their values out of a snapshot.

Labels are interface, group, vhid, vip and node; at most 200 groups and 16 nodes of each are shown,
the rest only counted, so a forger cannot fill a time-series database.
What is not known has no value. docs/metrics.md is written from the table.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from carpscope.core.text import shown
from carpscope.report.snapshot import ELECTIONS, GroupView, NodeView, SituationView, Snapshot
from carpscope.timeline.group import vhid_of

GROUPS_SHOWN = 200
NODES_SHOWN = 16
VIPS_SHOWN = 8
"""Addresses in one label; of more, how many there are."""

_INTERFACE = ("interface",)
_GROUP = (*_INTERFACE, "group", "vhid", "vip")
_NODE = (*_GROUP, "node")
_FOUND = (*_GROUP, "code", "label", "severity")
NO_GROUP = ("", "", "")


class Metric(NamedTuple):
    """One metric."""

    name: str
    """Of a counter without its `_total`."""
    kind: str
    """`gauge`, `counter` or `stateset`."""
    help: str
    labels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    """Of a state set, all of them; exactly one is 1."""


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "carpscope_status",
            "stateset",
            "How things stand, as `status` of the documents.",
            states=("healthy", "degraded", "failed", "unknown"),
        ),
        Metric(
            "carpscope_group_status",
            "stateset",
            "How a group stands.",
            _GROUP,
            ("healthy", "degraded", "failed", "unknown"),
        ),
        Metric(
            "carpscope_node_state",
            "stateset",
            "MASTER; BACKUP: it stepped down or bowed out; SILENT: it fell silent as MASTER.",
            _NODE,
            ("MASTER", "BACKUP", "SILENT"),
        ),
        Metric("carpscope_masters", "gauge", "How many nodes are MASTER.", _GROUP),
        Metric("carpscope_node_master", "gauge", "1 where the node is MASTER.", _NODE),
        Metric("carpscope_node_advskew", "gauge", "The advskew it advertises.", _NODE),
        Metric("carpscope_node_advbase_seconds", "gauge", "The advbase it advertises.", _NODE),
        Metric("carpscope_node_demotion", "gauge", "The demotion it advertises.", _NODE),
        Metric(
            "carpscope_last_advertisement_age_seconds", "gauge", "Time since its last one.", _NODE
        ),
        Metric(
            "carpscope_node_authenticated",
            "gauge",
            "1 verified, 0 failed; absent: unchecked.",
            _NODE,
        ),
        Metric("carpscope_advertisements", "counter", "Advertisements heard.", _NODE),
        Metric(
            "carpscope_elections",
            "counter",
            f"Changes that are no trouble; label is one of {', '.join(ELECTIONS)}.",
            (*_GROUP, "label"),
        ),
        Metric(
            "carpscope_failed_advertisements",
            "counter",
            "Advertisements that receivers drop or that nobody sent; no group: of those not shown.",
            (*_GROUP, "reason"),
        ),
        Metric(
            "carpscope_findings_open",
            "gauge",
            "Open findings; each in every group that it is about.",
            _FOUND,
        ),
        Metric(
            "carpscope_incidents_open",
            "gauge",
            "Open incidents that count for the status, by their worst finding; no group: several.",
            _FOUND,
        ),
        Metric("carpscope_nodes_not_shown", "gauge", "Nodes and groups beyond the limits."),
        Metric("carpscope_interface_up", "gauge", "1 where frames can come.", _INTERFACE),
        Metric(
            "carpscope_known",
            "gauge",
            "1 where it is known how things stand; 0: blind, no CARP heard.",
            _INTERFACE,
        ),
        Metric(
            "carpscope_frames_received", "counter", "Frames that passed the filter.", _INTERFACE
        ),
        Metric(
            "carpscope_frames_dropped",
            "counter",
            "Frames lost, by kernel, interface or flood (not looked at).",
            (*_INTERFACE, "by"),
        ),
        Metric(
            "carpscope_pipe_lag_seconds",
            "gauge",
            "How much later the latest frame of a pipe came than the soonest.",
            _INTERFACE,
        ),
        Metric(
            "carpscope_pipe_clock_offset_seconds",
            "gauge",
            "Our clock minus that of a pipe's frames, the way of the soonest included.",
            _INTERFACE,
        ),
        Metric("carpscope_records_lost", "counter", "Events an output did not take.", ("output",)),
        Metric(
            "carpscope_scrapes_cut",
            "counter",
            "Connections to this exporter that were ended unanswered: too many, or too slow.",
        ),
        Metric(
            "carpscope_internal_errors",
            "counter",
            "Mistakes of carpscope itself; the status is unknown.",
        ),
    )
}

Labels = tuple[str, ...]


class _Values:
    """What is known, by metric."""

    def __init__(self) -> None:
        self.of: dict[str, list[tuple[Labels, float | str]]] = defaultdict(list)

    def add(self, name: str, value: float | str, labels: Iterable[str] = ()) -> None:
        """Take one value; of a state set, the state."""
        self.of[name].append((tuple(shown(text) for text in labels), value))


def families(now: Snapshot, scrapes_cut: int) -> Iterator[object]:
    """Give every metric of a snapshot, as the library's families."""
    values = _Values()
    _whole(values, now, scrapes_cut)
    _groups(values, now)
    _found(values, now)
    _interfaces(values, now)
    for metric in METRICS.values():
        yield _family(metric, values.of[metric.name])


def _family(metric: Metric, values: Sequence[tuple[Labels, float | str]]) -> object:
    from prometheus_client.core import (  # noqa: PLC0415 - most runs have none
        CounterMetricFamily,
        GaugeMetricFamily,
        StateSetMetricFamily,
    )

    kinds: dict[str, Any] = {
        "gauge": GaugeMetricFamily,
        "counter": CounterMetricFamily,
        "stateset": StateSetMetricFamily,
    }
    family = kinds[metric.kind](metric.name, metric.help, labels=metric.labels)
    for labels, value in values:
        assert len(labels) == len(metric.labels), metric.name
        states = {state: state == value for state in metric.states}
        family.add_metric(labels, states or value)
    return family


def _whole(values: _Values, now: Snapshot, scrapes_cut: int) -> None:
    values.add("carpscope_status", now.status)
    for outlet in now.outlets:
        values.add("carpscope_records_lost", outlet.lost, (outlet.name,))
    values.add("carpscope_scrapes_cut", scrapes_cut)
    values.add("carpscope_internal_errors", now.internal_errors)


def labels_of(group: GroupView) -> tuple[str, str, str]:
    """Return what names a group beside its interface."""
    return group.id, str(group.vhid), _vips(group.vips)


def _vips(addresses: Sequence[str]) -> str:
    more = len(addresses) - VIPS_SHOWN
    return ",".join((*addresses[:VIPS_SHOWN], *([f"{more} more"] if more > 0 else ())))


def _groups(values: _Values, now: Snapshot) -> None:
    hidden = max(0, len(now.groups) - GROUPS_SHOWN)
    rest = dict(now.failures)
    for group in now.groups[:GROUPS_SHOWN]:
        labels = (group.interface, *labels_of(group))
        values.add("carpscope_group_status", group.status, labels)
        if group.is_known:
            values.add("carpscope_masters", len(group.masters), labels)
        counts = dict(group.elections)
        for label in ELECTIONS:
            values.add("carpscope_elections", counts.get(label, 0), (*labels, label))
        for reason, count in group.failures:
            values.add("carpscope_failed_advertisements", count, (*labels, reason))
            rest[reason] = rest.get(reason, 0) - count
        hidden += max(0, len(group.nodes) - NODES_SHOWN)
        for node in group.nodes[:NODES_SHOWN]:
            _node(values, now, group, node, (*labels, node.id))
    for reason, count in rest.items():
        if count > 0:
            values.add("carpscope_failed_advertisements", count, ("", *NO_GROUP, reason))
    values.add("carpscope_nodes_not_shown", hidden)


def _node(values: _Values, now: Snapshot, group: GroupView, node: NodeView, named: Labels) -> None:
    if group.is_known:
        if node.state:
            values.add("carpscope_node_state", node.state, named)
        values.add("carpscope_node_master", float(node.is_master), named)
        values.add("carpscope_node_advskew", node.advskew, named)
        values.add("carpscope_node_advbase_seconds", node.advbase, named)
        values.add("carpscope_node_demotion", node.demote, named)
    age = max(0.0, (now.at - node.last) / 1e9)
    values.add("carpscope_last_advertisement_age_seconds", age, named)
    values.add("carpscope_advertisements", node.adverts, named)
    if node.authentication != "unchecked":
        values.add("carpscope_node_authenticated", float(node.authentication == "verified"), named)


def _found(values: _Values, now: Snapshot) -> None:
    hidden = {(group.interface, group.id) for group in now.groups[GROUPS_SHOWN:]}
    names = {(group.interface, group.id): labels_of(group) for group in now.groups}

    def named(found: SituationView, group: str) -> Labels:
        key = found.interface, group
        vhid = vhid_of(group)
        if vhid is None or key in hidden:
            where = NO_GROUP
        else:  # one that was never heard is named by who expects it
            where = names.get(key) or (group, str(vhid), _vips(found.vips))
        return (found.interface, *where, found.code, found.label, found.severity.value)

    findings: dict[Labels, int] = defaultdict(int)
    for found in now.seen(now.open):
        for labels in dict.fromkeys(named(found, group) for group in found.groups):
            findings[labels] += 1
    incidents: dict[Labels, int] = defaultdict(int)
    for found in now.seen(now.incidents):
        if found.counts:
            incidents[named(found, found.group)] += 1
    for name, counts in (
        ("carpscope_findings_open", findings),
        ("carpscope_incidents_open", incidents),
    ):
        for labels, count in counts.items():
            values.add(name, count, labels)


def _interfaces(values: _Values, now: Snapshot) -> None:
    for one in now.interfaces:
        name = (one.name,)
        values.add("carpscope_interface_up", float(one.state == "up"), name)
        values.add("carpscope_known", float(not one.unknown), name)
        values.add("carpscope_frames_received", one.received, name)
        dropped: Mapping[str, int] = {
            "kernel": one.dropped,
            "interface": one.interface_dropped,
            "flood": one.skipped,
        }
        for by, count in dropped.items():
            values.add("carpscope_frames_dropped", count, (one.name, by))
        if one.lag is not None and one.offset is not None:
            values.add("carpscope_pipe_lag_seconds", one.lag / 1e9, name)
            values.add("carpscope_pipe_clock_offset_seconds", one.offset / 1e9, name)
