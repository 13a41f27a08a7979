"""What is exposed for Prometheus, from one snapshot."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from carpscope.core.units import SECOND
from carpscope.detect.finding import Severity
from carpscope.report.metrics import GROUPS_SHOWN, NODES_SHOWN, families
from carpscope.report.openmetrics import Metrics
from carpscope.report.snapshot import (
    GroupView,
    InterfaceView,
    NodeView,
    OutletView,
    SituationView,
    Snapshot,
)

AT = 1_700_000_000 * SECOND + 123_456_000


def snapshot(groups: int = 1, nodes: int = 2) -> Snapshot:
    node = [
        NodeView(
            f"192.0.2.{i}", None, i == 0, AT, "" if i == 0 else "yielded", "ucarp", 1, i, 0, 100,
            AT - SECOND, 4 * SECOND, (SECOND,) * 20, "verified" if i == 0 else "failed", 1, 0,
        )
        for i in range(nodes)
    ]  # fmt: skip
    found = SituationView(
        "CS101-abc", "CS101", "split_brain", Severity.CRITICAL, 0.99, "eth1", "vhid0",
        ("192.0.2.0", "192.0.2.1"), AT - 5 * SECOND, "both MASTER", "remove the cause", False,
        groups=("vhid0",),
    )  # fmt: skip
    return Snapshot(
        AT,
        AT - 60 * SECOND,
        100,
        (InterfaceView("eth1", "up", AT, 500, 3, 1),),
        tuple(
            GroupView(
                "eth1",
                f"vhid{i}",
                i,
                None,
                tuple(node),
                status="failed",
                vips=(f"192.0.2.{100 + i}",),
                elections=(("failover", 3),),
                failures=(("replayed", 3),) if i == 0 else (),
            )
            for i in range(groups)
        ),
        (found,),
        (("replayed", 4),),
        outlets=(OutletView("syslog local", 7, 2, 0, None),),
        incidents=(replace(found, is_part=True),),
        status="failed",
    )


def test_metrics() -> None:
    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    try:
        metrics.show(snapshot())
        with urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    lines = {_sample(line) for line in text.splitlines() if not line.startswith("#")}
    where = {"interface": "eth1", "group": "vhid0", "vhid": "0", "vip": "192.0.2.100"}
    first, second = ({**where, "node": f"192.0.2.{number}"} for number in (0, 1))
    code = {"code": "CS101", "label": "split_brain", "severity": "critical"}
    for name, labels, value in (
        ("status", {"carpscope_status": "failed"}, 1),
        ("status", {"carpscope_status": "healthy"}, 0),
        ("group_status", {**where, "carpscope_group_status": "failed"}, 1),
        ("node_state", {**first, "carpscope_node_state": "MASTER"}, 1),
        ("node_state", {**second, "carpscope_node_state": "BACKUP"}, 1),
        ("node_state", {**second, "carpscope_node_state": "SILENT"}, 0),
        ("node_master", first, 1),
        ("masters", where, 1),
        ("elections_total", {**where, "label": "failover"}, 3),
        ("elections_total", {**where, "label": "demotion"}, 0),
        ("findings_open", {**where, **code}, 1),
        ("incidents_open", {**where, **code}, 1),
        ("failed_advertisements_total", {**where, "reason": "replayed"}, 3),
        (
            "failed_advertisements_total",
            {**dict.fromkeys(where, ""), "reason": "replayed"},
            1,
        ),
        ("frames_dropped_total", {"by": "kernel", "interface": "eth1"}, 3),
        ("last_advertisement_age_seconds", first, 1),
    ):
        assert (f"carpscope_{name}", frozenset(labels.items()), value) in lines, name


def _sample(line: str) -> tuple[str, frozenset[tuple[str, str]], float]:
    found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
    assert found is not None, line
    labels = re.findall(r'(\w+)="([^"]*)"', found[2] or "")
    return found[1], frozenset(labels), float(found[3])


def test_metrics_of_a_group_that_nobody_heard() -> None:
    """It is named as its configuration names it; what lies in maintenance is no incident."""
    missing = replace(
        snapshot().open[0], group="vlan7/vhid9", groups=("vlan7/vhid9",), vips=("192.0.2.9",)
    )
    quiet = replace(missing, counts=False, code="CS251")
    taken = replace(snapshot(), open=(missing,), incidents=(missing, quiet))
    text = generate(taken)
    assert text.count("carpscope_incidents_open{") == 1
    for name in ("findings_open", "incidents_open"):
        assert re.search(
            rf'carpscope_{name}{{[^}}]*group="vlan7/vhid9"[^}}]*vhid="9",vip="192.0.2.9"}} 1', text
        )


def test_metrics_of_an_incident_of_several_groups() -> None:
    one = snapshot().open[0]
    parts = replace(one, groups=("vhid0", "vhid1"), is_part=True)
    wide = replace(one, group="2 groups", groups=("vhid0", "vhid1"))
    text = generate(replace(snapshot(groups=2), open=(parts,), incidents=(wide,)))
    assert text.count("carpscope_findings_open{") == 2
    assert text.count("carpscope_incidents_open{") == 1
    assert 'carpscope_incidents_open{code="CS101",group="",interface="eth1"' in text


def generate(taken: Snapshot) -> str:
    """Give a snapshot as Prometheus reads it."""

    class Fixed(Collector):
        def collect(self) -> Iterable[Any]:
            return list(families(taken, 0))

    registry = CollectorRegistry()
    registry.register(Fixed())
    return generate_latest(registry).decode()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_promtool_finds_nothing_to_mend_in_the_metrics() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=generate(snapshot(groups=3)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_forger_cannot_fill_the_time_series() -> None:
    metrics = Metrics("127.0.0.1:0")
    metrics.start()
    try:
        metrics.show(snapshot(groups=400, nodes=100))
        with urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        metrics.close()
    shown = [line for line in text.splitlines() if line.startswith("carpscope_node_master{")]
    assert len(shown) == GROUPS_SHOWN * NODES_SHOWN
    hidden = (400 - GROUPS_SHOWN) + GROUPS_SHOWN * (100 - NODES_SHOWN)
    assert f"carpscope_nodes_not_shown {float(hidden)}" in text
