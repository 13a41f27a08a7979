"""OpenMetrics for Prometheus: the state of every node and group, by the official library.

Labels are interface, group and node; of each interface at most 200 groups and of each
group 16 nodes are shown, the rest only counted, so a forger cannot fill a time-series
database. Scrapes are answered from the last snapshot by `report.scrapes`; they wait for nothing
and nothing waits for them.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.report.snapshot import Snapshot

GROUPS_SHOWN = 200
NODES_SHOWN = 16


def listening_at(target: str) -> tuple[str, int]:
    """Read `ADDR:PORT` or `:PORT`. Raises CarpscopeError."""
    address, _, port = target.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise CarpscopeError(f"--metrics {target!r}: say ADDR:PORT")
    return address.strip("[]") or "127.0.0.1", int(port)


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_ASKED = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING")
"""What an answer depends on."""
ANSWERS_KEPT = 4
"""Of one snapshot: one for each way to ask."""


class _Answer(NamedTuple):
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class _Metric(Protocol):
    def add_metric(self, labels: list[str], value: float) -> None: ...


class Metrics:
    """The exporter."""

    def __init__(self, target: str) -> None:
        """Listen on `ADDR:PORT` or `:PORT`; who asks waits for `start`. Raises CarpscopeError."""
        from carpscope.report.scrapes import Scrapes  # noqa: PLC0415 - most runs have none

        address, port = listening_at(target)
        try:
            self._scrapes = Scrapes(address, port)
        except OSError as problem:
            raise CarpscopeError(f"--metrics {target}: {problem.strerror or problem}") from None

        self._latest: Snapshot | None = None
        self._answers: dict[tuple[str, ...], _Answer] = {}
        self._answered: Snapshot | None = None
        self.port = self._scrapes.port
        self._made = self._application()  # here: who is left later may not import it any more

    def start(self) -> None:
        """Answer from now on. Its threads have the privileges that are left by now."""
        self._scrapes.start(self._answer)

    def _application(self) -> Application:
        import prometheus_client.core  # noqa: PLC0415
        from prometheus_client.registry import Collector  # noqa: PLC0415

        outer = self

        class Latest(Collector):
            def collect(self) -> "Iterable[object]":  # type: ignore[override]
                return outer.families()

        registry = prometheus_client.CollectorRegistry()
        registry.register(Latest())
        return prometheus_client.make_wsgi_app(registry)

    def _answer(self, asked: dict[str, Any], begin: Callable[..., Any]) -> Iterable[bytes]:
        key = tuple(str(asked.get(name, "")) for name in _ASKED)
        if self._answered is not self._latest:
            self._answers.clear()
            self._answered = self._latest
        found = self._answers.get(key)
        if found is None:
            told: list[Any] = []
            body = b"".join(self._made(asked, lambda *said: told.extend(said)))
            found = _Answer(told[0], told[1], body)
            if len(self._answers) < ANSWERS_KEPT:
                self._answers[key] = found
        begin(found.status, list(found.headers))
        return [found.body]

    def show(self, snapshot: Snapshot) -> None:
        """Let the next scrape see this."""
        self._latest = snapshot

    def close(self) -> None:
        """Stop listening."""
        self._scrapes.close()

    def families(self) -> "Iterable[object]":
        """Give every metric of the latest snapshot."""
        from prometheus_client.core import (  # noqa: PLC0415
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        now = self._latest
        if now is None:
            return
        group_labels = ["interface", "group"]
        node_labels = [*group_labels, "node"]
        gauges: dict[str, GaugeMetricFamily] = {}

        def gauge(name: str, told: str, labels: list[str]) -> GaugeMetricFamily:
            return gauges.setdefault(name, GaugeMetricFamily(name, told, labels=labels))

        sent = CounterMetricFamily(
            "carpscope_advertisements", "Advertisements heard.", labels=node_labels
        )
        masters = gauge("carpscope_masters", "How many nodes are MASTER.", group_labels)
        state = gauge("carpscope_node_master", "1 where the node is MASTER.", node_labels)
        skew = gauge("carpscope_node_advskew", "The advskew it advertises.", node_labels)
        base = gauge("carpscope_node_advbase_seconds", "The advbase it advertises.", node_labels)
        demote = gauge("carpscope_node_demotion", "The demotion it advertises.", node_labels)
        age = gauge("carpscope_last_advertisement_age_seconds", "Since its last one.", node_labels)
        proof = gauge(
            "carpscope_node_authenticated", "1 verified, 0 failed; absent: unchecked.", node_labels
        )
        hidden = gauge("carpscope_nodes_not_shown", "Nodes and groups beyond the limits.", [])
        unshown = max(0, len(now.groups) - GROUPS_SHOWN)
        for group in now.groups[:GROUPS_SHOWN]:
            labels = [shown(group.interface), shown(group.id)]
            if group.is_known:
                masters.add_metric(labels, len(group.masters))
            unshown += max(0, len(group.nodes) - NODES_SHOWN)
            for node in group.nodes[:NODES_SHOWN]:
                named = [*labels, shown(node.id)]
                if group.is_known:
                    state.add_metric(named, float(node.is_master))
                    skew.add_metric(named, node.advskew)
                    base.add_metric(named, node.advbase)
                    demote.add_metric(named, node.demote)
                age.add_metric(named, max(0.0, (now.at - node.last) / 1e9))
                sent.add_metric(named, node.adverts)
                if node.authentication != "unchecked":
                    proof.add_metric(named, float(node.authentication == "verified"))
        hidden.add_metric([], unshown)
        found = gauge(
            "carpscope_findings_open", "Open findings.", ["interface", "code", "label", "severity"]
        )
        counts: dict[tuple[str, str, str, str], int] = {}
        for one in now.known:
            key = (one.interface, one.code, one.label, one.severity.value)
            counts[key] = counts.get(key, 0) + 1
        for key, count in counts.items():
            found.add_metric([shown(text) for text in key], count)
        failures = CounterMetricFamily(
            "carpscope_failed_advertisements",
            "Advertisements that receivers drop or that nobody sent, by reason.",
            labels=["reason"],
        )
        for reason, count in now.failures:
            failures.add_metric([shown(reason)], count)
        up = gauge("carpscope_interface_up", "1 where frames can come.", ["interface"])
        known = gauge(
            "carpscope_known",
            "1 where it is known how things stand; 0: blind, no CARP heard.",
            ["interface"],
        )
        received = CounterMetricFamily(
            "carpscope_frames_received", "Frames that passed the filter.", labels=["interface"]
        )
        dropped = CounterMetricFamily(
            "carpscope_frames_dropped", "Frames lost.", labels=["interface", "by"]
        )
        lag = gauge(
            "carpscope_pipe_lag_seconds",
            "How much later the latest frame of a pipe came than the soonest.",
            ["interface"],
        )
        offset = gauge(
            "carpscope_pipe_clock_offset_seconds",
            "Our clock minus that of a pipe's frames, the way of the soonest included.",
            ["interface"],
        )
        for interface in now.interfaces:
            if interface.lag is not None and interface.offset is not None:
                lag.add_metric([shown(interface.name)], interface.lag / 1e9)
                offset.add_metric([shown(interface.name)], interface.offset / 1e9)
            up.add_metric([shown(interface.name)], float(interface.state == "up"))
            known.add_metric([shown(interface.name)], float(not interface.unknown))
            received.add_metric([shown(interface.name)], interface.received)
            dropped.add_metric([shown(interface.name), "kernel"], interface.dropped)
            dropped.add_metric([shown(interface.name), "interface"], interface.interface_dropped)
            dropped.add_metric([shown(interface.name), "flood"], interface.skipped)
        lost = CounterMetricFamily(
            "carpscope_records_lost", "Events an output did not take.", labels=["output"]
        )
        for outlet in now.outlets:
            lost.add_metric([shown(outlet.name)], outlet.lost)
        cut = CounterMetricFamily(
            "carpscope_scrapes_cut",
            "Connections to this exporter that were ended unanswered: too many, or too slow.",
        )
        cut.add_metric([], self._scrapes.cut)
        own = CounterMetricFamily(
            "carpscope_internal_errors", "Mistakes of carpscope itself; the status is unknown."
        )
        own.add_metric([], now.internal_errors)
        yield from gauges.values()
        yield from (sent, failures, received, dropped, lost, cut, own)
