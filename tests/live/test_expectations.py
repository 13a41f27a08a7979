"""What carpscope.toml expects is a finding like any other: opened, closed, counted."""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config, ExpectedGroup
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND, Nanos
from carpscope.detect.finding import Severity
from carpscope.live import memory
from carpscope.live.monitor import Monitor
from carpscope.live.records import MonitorRecords
from carpscope.settings.carpscope_toml import read_config
from tests.program import capture

FW1, FW2 = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
Actions = list[tuple[str, str, tuple[str, ...]]]


def frames(name: str) -> list[Frame]:
    with open_capture(capture(name)) as source:
        return list(source)


def watching(config: Config, since: Nanos, *interfaces: str) -> list[Monitor]:
    monitors = [Monitor(config, name) for name in interfaces or ("eth1",)]
    for monitor in monitors:
        monitor.observer.began = since
        monitor.context.run = [other.context for other in monitors]
    return monitors


def looked(monitor: Monitor, at: Nanos) -> Actions:
    return [
        (c.action, c.live_finding.finding.code, c.live_finding.finding.nodes)
        for c in monitor.look(at)
        if c.live_finding.finding.code in {"CS251", "CS252"}
    ]


def config(**group: object) -> Config:
    return Config(groups=(ExpectedGroup(**{"vhid": 1, "name": "LAN gateway", **group}),))  # type: ignore[arg-type]


def test_a_group_that_nobody_advertises_is_opened_and_closed() -> None:
    seen = frames("ucarp-healthy")
    since = seen[0].at - 15 * SECOND
    (monitor,) = watching(config(), since)
    assert looked(monitor, since + 9 * SECOND) == []
    changes = monitor.look(since + 11 * SECOND)
    assert [(c.action, c.live_finding.finding.label) for c in changes] == [
        ("opened", "group_missing")
    ]
    record = MonitorRecords(monitor).change(changes[0], since + 11 * SECOND)
    told = "CS251 vhid 1: LAN gateway is expected here, and nobody advertises it"
    assert (record.text, record.severity, record.state) == (told, Severity.ERROR, "BACKUP")
    assert looked(monitor, since + 13 * SECOND) == []
    for frame in seen:
        monitor.see(frame)
    assert looked(monitor, seen[-1].at) == [("closed", "CS251", ())]
    assert looked(monitor, seen[-1].at + SECOND) == []


def test_any_interface_will_do_unless_one_is_named() -> None:
    seen = frames("ucarp-healthy")
    since = seen[0].at - SECOND
    for interface, opened in ((None, []), ("eth1", [("opened", "CS251", ())])):
        here, there = watching(config(interface=interface), since, "eth1", "eth2")
        for frame in seen:
            there.see(frame)
        assert looked(there, seen[-1].at) == []
        assert looked(here, seen[-1].at) == opened


def test_a_node_that_is_not_listed() -> None:
    seen = frames("ucarp-failover")
    (monitor,) = watching(config(nodes=(FW1,)), seen[0].at)
    told: Actions = []
    for frame in seen:
        monitor.see(frame)
        told += looked(monitor, frame.at)
    assert [t for t in told if t[0] == "opened"] == [("opened", "CS252", ("192.0.2.2",))]
    found = next(s.finding for s in monitor.live_findings.open if s.finding.code == "CS252")
    assert found.frames
    assert found.severity is Severity.WARNING
    (calm,) = watching(config(nodes=(FW1, FW2)), seen[0].at)
    for frame in seen:
        calm.see(frame)
    assert looked(calm, seen[-1].at) == []


def test_a_missing_group_is_the_same_after_a_restart(tmp_path: Path) -> None:
    since = 1_700_000_000 * SECOND
    (first,) = watching(config(), since)
    (opened,) = first.look(since + 11 * SECOND)
    path = tmp_path / "state.json"
    memory.save(path, memory.document({"eth1": first.live_findings}, since + 12 * SECOND))
    later = since + 60 * SECOND
    (second,) = watching(config(), later)
    memory.carry(memory.load(path), {"eth1": second.live_findings}, later)
    assert [second.look(later + t * SECOND) for t in (1, 8)] == [[], []]
    again = second.look(later + 11 * SECOND)
    assert [(c.action, c.live_finding.identity) for c in again] == [
        ("updated", opened.live_finding.identity)
    ]
    assert again[0].live_finding.finding.start == since


def test_an_interface_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "carpscope.toml"
    path.write_text('[[group]]\nvhid = 7\ninterface = "eth2"\n')
    assert read_config(str(path)).groups == (ExpectedGroup(7, interface="eth2"),)
    path.write_text("[[group]]\nvhid = 7\ninterface = 2\n")
    with pytest.raises(CarpscopeError, match=r":3: group.interface: expected text"):
        read_config(str(path))
